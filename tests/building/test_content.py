"""Files of the user's own as a finished layer, and what the audit has against them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from layer_constructs.building import record, tree
from layer_constructs.building.archive import write_zip
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.content import ContentPlan, build_content
from layer_constructs.building.entry.placing import place
from layer_constructs.building.entry.reading import read_entry
from layer_constructs.building.target import Platform
from tests.support.elf import AARCH64, elf

ROOT = Path(__file__).parents[2]
BARE = Platform("provided.al2023")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "entry"
    made.mkdir()
    return made


def program(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def built(folder: Path, cache: Cache, *platforms: Platform, into: str = "") -> CachedLayer:
    plan = ContentPlan(entry=read_entry(folder, into=into), platforms=platforms or (BARE,))
    return build_content(plan, cache=cache, label="Tools", report=lambda _: None)


def rules(layer: CachedLayer, cache: Cache, platform: Platform = BARE) -> list[tuple[str, str]]:
    return [(finding.path, finding.rule) for finding in record.read(layer, platform, cache=cache).findings]


def test_the_zip_has_the_files_with_the_modes_of_a_layer(folder: Path, cache: Cache) -> None:
    program(folder / "tool", b"#!/usr/bin/python3\n")
    (folder / "naïve name.txt").write_text("a")
    (folder / "empty").mkdir()
    with zipfile.ZipFile(built(folder, cache, into="bin").archive) as archive:
        modes = {member.filename: stat.S_IMODE(member.external_attr >> 16) for member in archive.infolist()}
        assert archive.read("bin/tool") == b"#!/usr/bin/python3\n"
    assert modes == {"bin/naïve name.txt": 0o644, "bin/tool": 0o755}


def test_the_same_files_are_the_same_bytes_from_another_folder_umask_and_cache(tmp_path: Path) -> None:
    seen = set()
    for name, umask in (("one", 0o022), ("other", 0o077)):
        before = os.umask(umask)
        try:
            program(tmp_path / name / "entry" / "bin" / "tool", b"#!/bin/sh\n")
            (tmp_path / name / "entry" / "a.txt").write_text("a")
            os.utime(tmp_path / name / "entry" / "a.txt", (umask, umask))
            facts = built(tmp_path / name / "entry", Cache(tmp_path / name / "cache")).facts
        finally:
            os.umask(before)
        seen.add((facts.digest, facts.sha256))
    assert len(seen) == 1


_BUILD = """
import sys
from pathlib import Path
from layer_constructs.building.cache import Cache
from layer_constructs.building.content import ContentPlan, build_content
from layer_constructs.building.entry.placing import place
from layer_constructs.building.entry.reading import read_entry
from layer_constructs.building.target import Platform
plan = ContentPlan(entry=read_entry(Path(sys.argv[1]), into="bin"), platforms=(Platform("provided.al2023"),))
print(build_content(plan, cache=Cache(Path(sys.argv[2])), label="Tools", report=lambda _: None).facts.sha256)
"""


def test_the_host_in_another_language_and_with_another_hash_seed_makes_the_same_bytes(
    folder: Path, tmp_path: Path
) -> None:
    program(folder / "tool", b"#!/bin/sh\n")
    (folder / "ü.txt").write_text("ü", encoding="utf-8")
    seen = set()
    for seed, language in (("1", "C"), ("2", "C.UTF-8")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": language, "PYTHONPATH": str(ROOT)}
        argv = [sys.executable, "-c", _BUILD, str(folder), str(tmp_path / seed)]
        seen.add(subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(seen) == 1


def test_a_second_build_reads_it_from_the_cache(folder: Path, cache: Cache) -> None:
    (folder / "a.txt").write_text("a")
    said: list[str] = []
    plan = ContentPlan(entry=read_entry(folder, into=""), platforms=(BARE,))
    for _ in range(2):
        build_content(plan, cache=cache, label="Tools", report=said.append)
    assert len(said) == 1
    assert said[0].startswith("Tools: 1 file, 0.0 MB of 250 MB")


def test_many_files_and_a_deep_tree_are_built(folder: Path, cache: Cache) -> None:
    for number in range(2000):
        (folder / f"{number}.txt").write_bytes(b"x")
    deep = folder.joinpath(*["d"] * 150)
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("a")
    with zipfile.ZipFile(built(folder, cache).archive) as archive:
        assert len(archive.namelist()) == 2001


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (elf("libc.so.6", versions={"libc.so.6": ["GLIBC_2.34"]}), []),
        (elf(), []),  # static, as Go's are
        (elf("libc.so.6", versions={"libc.so.6": ["GLIBC_2.35"]}), ["glibc-too-new"]),
        (elf("libfancy.so.1"), ["library-missing"]),
        (elf(machine=AARCH64), ["wrong-machine"]),
    ],
)
def test_what_a_program_needs_the_runtime_must_have(
    folder: Path, cache: Cache, content: bytes, found: list[str]
) -> None:
    program(folder / "bootstrap", content)
    assert rules(built(folder, cache), cache) == [("bootstrap", rule) for rule in found]


def test_a_library_in_the_layer_counts_as_found(folder: Path, cache: Cache) -> None:
    program(folder / "bin" / "tool", elf("libfancy.so.1"))
    program(folder / "lib" / "libfancy.so.1", elf())
    assert rules(built(folder, cache), cache) == []


def test_the_same_layer_is_looked_at_for_each_platform(folder: Path, cache: Cache) -> None:
    program(folder / "tool", elf("libc.so.6", versions={"libc.so.6": ["GLIBC_2.30"]}))
    older = Platform("provided.al2")
    layer = built(folder, cache, BARE, older)
    assert rules(layer, cache) == []
    assert rules(layer, cache, older) == [("tool", "glibc-too-new")]


def test_names_that_differ_in_case_are_found(folder: Path, cache: Cache) -> None:
    (folder / "README").write_text("a")
    if (folder / "readme").exists():
        pytest.skip("this file system knows no case")
    (folder / "readme").write_text("b")
    assert rules(built(folder, cache), cache) == [("readme", "case-collision")]


def test_the_size_is_that_of_the_files(folder: Path, cache: Cache) -> None:
    sizes: Mapping[str, int] = {"a.txt": 10, "b/c.txt": 5}
    for name, size in sizes.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(bytes(size))
    facts = built(folder, cache).facts
    assert (facts.unzipped_size, dict(facts.packages)) == (15, {})


def test_a_zip_has_the_run_bits_that_were_read_where_folders_have_none(folder: Path, tmp_path: Path) -> None:
    program(folder / "bootstrap", b"#!/bin/sh\n")
    (folder / "data.txt").write_text("a")
    entry = read_entry(folder, into="")
    place(entry, tmp_path / "root")
    for path in (tmp_path / "root").rglob("*"):
        if path.is_file():
            path.chmod(0o666)  # as Windows shows them
    archives = []
    place(entry, tmp_path / "other")
    for root in (tmp_path / "root", tmp_path / "other"):
        made = tree.with_run_bits(tree.normalise(root), entry.run_bits)
        archives.append(write_zip(root, made, tmp_path / "made.zip").sha256)
    assert archives[0] == archives[1]
