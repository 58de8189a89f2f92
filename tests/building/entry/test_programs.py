"""The programs that Lambda starts by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from layer_constructs.building.entry.programs import refuse_unstartable
from layer_constructs.building.entry.reading import read_entry
from layer_constructs.errors import BuildError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runtime"


def write(path: Path, content: bytes, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def refusal(folder: Path) -> str:
    with pytest.raises(BuildError) as caught:
        refuse_unstartable(read_entry(folder, into=""))
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"#!/bin/sh\nexit\n",
        b"#! /usr/bin/env bash\n",
        b"#!/bin/bash -e\n",
        b"#!/bin/sh",
        b"\x7fELF\x02\x01\x01" + bytes(100),
    ],
)
def test_a_script_or_an_elf_program_starts(folder: Path, content: bytes) -> None:
    write(folder / "bootstrap", content)
    refuse_unstartable(read_entry(folder, into=""))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#!/bin/sh\r\nexit\r\n", "bootstrap has line ends of Windows"),
        (b"echo\n", "bootstrap is neither a script nor an ELF program"),
        (b"", "bootstrap is neither a script nor an ELF program"),
        (b"#!\n", "bootstrap names the interpreter '', which is no absolute path"),
        (b"#!python3\n", "bootstrap names the interpreter 'python3', which is no absolute path"),
        (b"\xef\xbb\xbf#!/bin/sh\n", "bootstrap begins with a byte order mark"),
        (b"MZ\x90\x00", "bootstrap is a program for Windows"),
        (b"\xcf\xfa\xed\xfe\x0c", "bootstrap is a program for macOS"),
        (b"\xca\xfe\xba\xbe\x00", "bootstrap is a program for macOS"),
    ],
)
def test_what_doesnt_start_is_refused_with_the_reason_in_the_first_line(
    folder: Path, content: bytes, said: str
) -> None:
    write(folder / "bootstrap", content)
    text = refusal(folder)
    assert text.startswith(f"{folder / 'bootstrap'}: {said}")
    assert "\n  fix: " in text


def test_the_line_ends_of_windows_have_a_line_for_git(folder: Path) -> None:
    write(folder / "bootstrap", b"#!/bin/sh\r\n")
    assert "bootstrap text eol=lf" in refusal(folder)


def test_a_bootstrap_without_the_run_bit_is_refused(folder: Path) -> None:
    write(folder / "bootstrap", b"#!/bin/sh\n", 0o644)
    text = refusal(folder)
    assert "bootstrap isn't executable" in text
    assert "git update-index --chmod=+x bootstrap" in text


@pytest.mark.parametrize("mode", [None, 0o644])
def test_an_interpreter_in_opt_must_be_a_program_of_the_layer(folder: Path, mode: int | None) -> None:
    write(folder / "bootstrap", b"#!/opt/bin/lua\tx\n")
    if mode:
        write(folder / "bin" / "lua", b"\x7fELF", mode)
    assert "names the interpreter /opt/bin/lua, which is no program of the layer" in refusal(folder)
    write(folder / "bin" / "lua", b"\x7fELF")
    refuse_unstartable(read_entry(folder, into=""))


@pytest.mark.parametrize(("into", "name"), [("extensions", "notes.md"), ("", "extensions/notes.md")])
def test_all_that_is_directly_in_extensions_must_start(folder: Path, into: str, name: str) -> None:
    write(folder / name, b"# Notes\n", 0o644)
    with pytest.raises(BuildError, match=r"extensions/notes\.md is neither a script nor an ELF program"):
        refuse_unstartable(read_entry(folder, into=into))


@pytest.mark.parametrize("name", ["bin/bootstrap", "extensions/lib/helper.js", "bootstrap.txt", "BOOTSTRAP"])
def test_other_files_are_left_alone(folder: Path, name: str) -> None:
    write(folder / name, b"text", 0o644)
    refuse_unstartable(read_entry(folder, into=""))
