"""CustomRuntimeLayer as its users meet it. What of a program doesn't start: tests/building/entry/test_programs.py."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from syrupy.extensions.json import JSONSnapshotExtension

from layer_constructs import CustomRuntimeLayer
from layer_constructs.errors import ArgumentError, AuditError, BuildError, SecretError
from tests.layers.test_python_deps import layer_properties, resources, stack_in, staged_zip
from tests.support.elf import AARCH64, elf

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


@pytest.fixture
def outdir(tmp_path: Path) -> Path:
    return tmp_path / "cdk.out"


@pytest.fixture
def stack(outdir: Path) -> cdk.Stack:
    return stack_in(outdir)


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    folder = tmp_path / "runtime"
    write(folder / "bootstrap", b"#!/bin/sh\nexec /opt/lib/serve\n")
    write(folder / "lib" / "serve", b"#!/bin/sh\n")
    return folder


def write(path: Path, content: bytes, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_it_has_the_bootstrap_at_the_root_and_is_for_the_bare_system(
    stack: cdk.Stack, outdir: Path, runtime: Path, snapshot: SnapshotAssertion
) -> None:
    CustomRuntimeLayer(stack, "Runtime", entry=runtime)
    with zipfile.ZipFile(staged_zip(stack, outdir)) as archive:
        modes = {member.filename: member.external_attr >> 16 & 0o777 for member in archive.infolist()}
    assert modes == {"bootstrap": 0o755, "lib/serve": 0o755}
    assert layer_properties(stack)["CompatibleRuntimes"] == ["provided.al2023"]
    assert resources(stack) == snapshot.use_extension(JSONSnapshotExtension)


def test_it_may_be_for_the_older_bare_system_too(stack: cdk.Stack, runtime: Path) -> None:
    CustomRuntimeLayer(stack, "Runtime", entry=runtime, runtime=lambda_.Runtime.PROVIDED_AL2)
    assert layer_properties(stack)["CompatibleRuntimes"] == ["provided.al2"]


@pytest.mark.parametrize(
    "value", [lambda_.Runtime.PYTHON_3_13, lambda_.Runtime.PROVIDED, "provided.al2023", 7], ids=str
)
def test_another_runtime_is_refused(stack: cdk.Stack, runtime: Path, value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)must be one without a bootstrap of its own.*provided\.al2023"):
        CustomRuntimeLayer(stack, "Runtime", entry=runtime, runtime=value)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Bootstrap", "bootstrap is missing, which Lambda starts"),
        ("bootstrap.sh", "bootstrap is missing"),
        ("bin/bootstrap", "bootstrap is missing"),
        ("bootstrap/run", "bootstrap is a folder"),
    ],
)
def test_a_folder_without_bootstrap_is_refused_with_what_it_has(
    stack: cdk.Stack, tmp_path: Path, name: str, problem: str
) -> None:
    write(tmp_path / "runtime" / name, b"#!/bin/sh\n")
    with pytest.raises(BuildError, match=f"(?s){problem}.*there are: {name.partition('/')[0]}"):
        CustomRuntimeLayer(stack, "Runtime", entry=tmp_path / "runtime")


def test_a_bootstrap_that_exclude_takes_is_missing(stack: cdk.Stack, runtime: Path) -> None:
    with pytest.raises(BuildError, match="bootstrap is missing"):
        CustomRuntimeLayer(stack, "Runtime", entry=runtime, exclude=["bootstrap"])


def test_a_file_where_a_folder_is_needed_is_refused(stack: cdk.Stack, runtime: Path) -> None:
    with pytest.raises(ArgumentError, match=rf"(?s)is a file, and must be the folder.*entry='{runtime}'"):
        CustomRuntimeLayer(stack, "Runtime", entry=runtime / "bootstrap")


@pytest.mark.parametrize(("entry", "problem"), [("nowhere", "doesn't exist"), ("empty", "has no files")])
def test_an_entry_that_is_missing_or_empty_is_refused(
    stack: cdk.Stack, tmp_path: Path, entry: str, problem: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises((ArgumentError, BuildError), match=problem):
        CustomRuntimeLayer(stack, "Runtime", entry=tmp_path / entry)


def test_a_bootstrap_that_wouldnt_start_is_refused_before_anything_is_added(stack: cdk.Stack, runtime: Path) -> None:
    (runtime / "bootstrap").write_bytes(b"#!/bin/sh\r\n")
    with pytest.raises(BuildError, match="line ends of Windows"):
        CustomRuntimeLayer(stack, "Runtime", entry=runtime)
    assert stack.node.children == []


def test_a_bootstrap_for_another_architecture_is_refused(stack: cdk.Stack, runtime: Path) -> None:
    write(runtime / "bootstrap", elf(machine=AARCH64))
    with pytest.raises(AuditError, match=r"(?s)provided.al2023/x86_64.*bootstrap is for aarch64"):
        CustomRuntimeLayer(stack, "Runtime", entry=runtime)
    CustomRuntimeLayer(stack, "Arm", entry=runtime, architecture=lambda_.Architecture.ARM_64)
    assert layer_properties(stack)["CompatibleArchitectures"] == ["arm64"]


def test_a_bootstrap_that_needs_a_newer_system_is_refused(stack: cdk.Stack, runtime: Path) -> None:
    write(runtime / "bootstrap", elf("libc.so.6", versions={"libc.so.6": ["GLIBC_2.34"]}))
    CustomRuntimeLayer(stack, "New", entry=runtime)
    with pytest.raises(AuditError, match=r"needs GLIBC_2\.34 of libc\.so\.6, and the runtime has GLIBC_2\.26"):
        CustomRuntimeLayer(stack, "Old", entry=runtime, runtime=lambda_.Runtime.PROVIDED_AL2)


def test_a_program_of_this_machines_own_compiler_without_libraries_runs_anywhere(
    stack: cdk.Stack, runtime: Path
) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here")
    source = runtime.parent / "bootstrap.c"
    source.write_text("void _start(void) {}\n")
    static = ["gcc", "-static", "-nostdlib", "-o", str(runtime / "bootstrap"), str(source)]
    subprocess.run(static, check=True)
    machine = (runtime / "bootstrap").read_bytes()[18:20]
    architecture = lambda_.Architecture.ARM_64 if machine == b"\xb7\x00" else lambda_.Architecture.X86_64
    CustomRuntimeLayer(stack, "Runtime", entry=runtime, runtime=lambda_.Runtime.PROVIDED_AL2, architecture=architecture)
    assert len(layer_properties(stack)["CompatibleArchitectures"]) == 1


def test_a_secret_in_it_is_refused(stack: cdk.Stack, runtime: Path) -> None:
    write(runtime / ".netrc", b"", 0o600)
    with pytest.raises(SecretError, match=r"\.netrc looks like a secret"):
        CustomRuntimeLayer(stack, "Runtime", entry=runtime)
