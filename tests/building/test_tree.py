from __future__ import annotations

import base64
import csv
import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import uv

from layer_constructs.building.archive import write_zip
from layer_constructs.building.tree import Tree, TreeFile, normalise
from layer_constructs.errors import BuildError
from tests.support.wheels import make_wheel

# Pure Python and compiled, with console scripts; all from one target's wheels.
REAL = ("charset-normalizer==3.4.0", "markdown-it-py==3.0.0", "mdurl==0.1.2")
FOR_TARGET = ("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_17")

SCRIPTS = {
    "tool/__init__.py": b"def main(): print('hello')\n",
    "tool-1.0.data/scripts/written": b"#!python\nprint('written')\n",
    "tool-1.0.data/scripts/with-arguments": b"#!pythonw -u\nprint('unbuffered')\n",
    "tool-1.0.data/scripts/of-the-system": b"#!/usr/bin/python3\nprint('system')\n",
    "tool-1.0.data/scripts/shell": b"#!/bin/sh\necho hello\n",
    "tool-1.0.data/scripts/portable": b"#!/usr/bin/env -S python3 -E\nprint('portable')\n",
    "tool-1.0.data/scripts/program": b"\x7fELF\x00\xff",
    "tool-1.0.data/scripts/empty": b"",
}
ENTRY_POINTS = "[console_scripts]\ntool = tool:main\n"


def install(
    root: Path,
    *arguments: str | Path,
    python: Path | str = sys.executable,
    umask: int = 0o022,
    cache: Path | None = None,
) -> Path:
    """What uv makes of wheels, before anything is normalised."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    if "UV_CACHE_DIR" in os.environ:
        environment["UV_CACHE_DIR"] = os.environ["UV_CACHE_DIR"]
    if cache:
        environment["UV_CACHE_DIR"] = str(cache)
    done = subprocess.run(
        [
            uv.find_uv_bin(), "pip", "install", "-q", "--no-config", "--no-deps", "--no-build", "--link-mode", "copy",
            "--no-installer-metadata", "--python", python, "--target", root / "python", *arguments,
        ],
        env=environment,
        umask=umask,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return root


def contents(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its mode and bytes, every folder with its mode."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mode & 0o7777, path.read_bytes() if path.is_file() else b"")
        for path in root.rglob("*")
    }


def paths(tree: Tree) -> list[str]:
    return [file.path for file in tree.files]


def write(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def record(rows: Sequence[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def host_python(folder: Path) -> Path:
    """An interpreter at a path of one's choice."""
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wheel(tmp_path_factory.mktemp("wheels"), "tool", "1.0", files=SCRIPTS, entry_points=ENTRY_POINTS)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = install(tmp_path_factory.mktemp("reference"), *FOR_TARGET, *REAL)
    write_zip(root, normalise(root), root.with_suffix(".zip"))
    return root


@pytest.mark.network
@pytest.mark.real
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_two_builds_are_byte_identical_whatever_host_python_folder_and_umask(
    version: str, umask: int, pythons: Mapping[str, Path], reference: Path, tmp_path: Path
) -> None:
    if version not in pythons:
        pytest.skip(f"no Python {version} on this machine")
    root = install(tmp_path / "an öther folder", *FOR_TARGET, *REAL, python=pythons[version], umask=umask)
    write_zip(root, normalise(root), tmp_path / "layer.zip")
    assert contents(root) == contents(reference)
    assert (tmp_path / "layer.zip").read_bytes() == reference.with_suffix(".zip").read_bytes()


@pytest.mark.network
@pytest.mark.real
def test_two_builds_are_byte_identical_with_another_cache(reference: Path, tmp_path: Path) -> None:
    root = install(tmp_path / "layer", *FOR_TARGET, *REAL, cache=tmp_path / "cache")
    normalise(root)
    assert contents(root) == contents(reference)


@pytest.mark.network
@pytest.mark.real
def test_every_file_of_a_real_install_is_in_a_record_that_is_true(reference: Path) -> None:
    site = reference / "python"
    listed = {}
    for path in site.glob("*.dist-info/RECORD"):
        with path.open(encoding="utf-8", newline="") as text:
            listed.update({row[0]: row[1:] for row in csv.reader(text)})
    files = {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert set(listed) == set(files)
    for name, (digest, size) in listed.items():
        if not name.endswith("/RECORD"):
            expected = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={expected}", str(len(files[name]))), name


@pytest.mark.real
@pytest.mark.parametrize("folder", ["plain", "with space", "l" * 140, "ünï", "quo\"te'$x", "a'b c"])
def test_scripts_start_the_runtimes_python_wherever_the_hosts_is(tool: Path, folder: str, tmp_path: Path) -> None:
    root = install(tmp_path / "layer", "--no-index", tool, python=host_python(tmp_path / folder))
    installed = (root / "python/bin/tool").read_bytes()
    assert str(tmp_path).encode() in installed
    normalise(root)
    scripts = {path.name: path.read_bytes() for path in (root / "python/bin").iterdir()}
    assert scripts["tool"].startswith(b"#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\nimport sys\n")
    assert scripts["written"] == b"#!/usr/bin/env python3\nprint('written')\n"
    assert scripts["with-arguments"] == b"#!/usr/bin/env python3\nprint('unbuffered')\n"
    assert scripts["of-the-system"] == b"#!/usr/bin/env python3\nprint('system')\n"
    for own in ("shell", "portable", "program", "empty"):
        assert scripts[own] == SCRIPTS[f"tool-1.0.data/scripts/{own}"]
    rows = (root / "python/tool-1.0.dist-info/RECORD").read_text(encoding="utf-8").splitlines()
    digest = base64.urlsafe_b64encode(hashlib.sha256(scripts["tool"]).digest()).rstrip(b"=").decode()
    assert f"bin/tool,sha256={digest},{len(scripts['tool'])}" in rows
    assert str(tmp_path).encode() not in b"".join(content for _, content in contents(root).values())


@pytest.mark.real
def test_a_normalised_script_runs(tool: Path, tmp_path: Path) -> None:
    root = install(tmp_path / "layer", "--no-index", tool)
    normalise(root)
    done = subprocess.run(
        [root / "python/bin/tool"],
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(root / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr


@pytest.mark.real
@pytest.mark.parametrize("name", ["../evil.txt", "tool/../../../evil.txt", "/{folder}/evil.txt"])
def test_a_wheel_with_files_outside_its_folder_writes_nothing_there(name: str, tmp_path: Path) -> None:
    evil = name.replace("/{folder}", str(tmp_path))
    wheel = make_wheel(tmp_path / "wheels", "tool", "1.0", extra_raw={evil: b"evil"})
    root = install(tmp_path / "layer", "--no-index", wheel)
    assert paths(normalise(root)) == [
        "python/tool-1.0.dist-info/METADATA",
        "python/tool-1.0.dist-info/RECORD",
        "python/tool-1.0.dist-info/WHEEL",
        "python/tool.py",
    ]
    assert list(tmp_path.rglob("evil.txt")) == []


@pytest.mark.real
def test_tells_which_files_several_distributions_contest(tmp_path: Path) -> None:
    wheels = [
        make_wheel(
            tmp_path / "wheels",
            name,
            "1.0",
            files={f"{name}.py": b"", "tests/__init__.py": b"", "tests/main.py": name.encode()},
        )
        for name in ("first", "second")
    ]
    root = install(tmp_path / "layer", "--no-index", *wheels)
    tree = normalise(root)
    assert tree.contested == {"python/tests/main.py": ("first", "second")}
    assert paths(tree).count("python/tests/main.py") == 1


@pytest.mark.real
def test_installing_what_is_contested_again_in_order_settles_it(tmp_path: Path) -> None:
    wheels = {
        name: make_wheel(tmp_path / "wheels", name, "1.0", files={f"{name}.py": b"", "shared.py": name.encode()})
        for name in ("first", "second", "third")
    }
    trees = []
    for order in (["first", "second", "third"], ["third", "first", "second"], ["second", "third", "first"]):
        root = tmp_path / "-".join(order)
        install(root, "--no-index", *(wheels[name] for name in order))
        for name in normalise(root).contested["python/shared.py"]:
            install(root, "--no-index", "--reinstall", wheels[name])
        normalise(root)
        trees.append(contents(root))
    assert trees[0]["python/shared.py"] == (0o644, b"third")
    assert trees[0] == trees[1] == trees[2]


def test_removes_what_an_installer_notes_and_all_bytecode_folders(tmp_path: Path) -> None:
    kept = {
        "python/a.py": b"",
        "python/a-1.0.dist-info/METADATA": b"",
        "python/a/INSTALLER": b"a package's own",
        "python/a/.lock": b"its own too",
        "python/a/x.dist-info/INSTALLER": b"vendored",
        "python/a/legacy.pyc": b"without a source",
        "python/a.pth": b"import a\n",
    }
    gone = {
        "python/.lock": b"",
        "python/a-1.0.dist-info/INSTALLER": b"uv",
        "python/a-1.0.dist-info/REQUESTED": b"",
        "python/a-1.0.dist-info/direct_url.json": b"{}",
        "python/a-1.0.dist-info/uv_cache.json": b"{}",
        "python/a-1.0.dist-info/uv_build.json": b"{}",
        "python/__pycache__/a.cpython-311.pyc": b"",
        "python/a/__pycache__/sub/b.pyc": b"",
    }
    rows = [f"{name.removeprefix('python/')},," for name in [*gone, *kept]] + ["a-1.0.dist-info/RECORD,,"]
    everything = kept | gone | {"python/a-1.0.dist-info/RECORD": record(rows)}
    tree = normalise(write(tmp_path, everything))
    assert paths(tree) == sorted([*kept, "python/a-1.0.dist-info/RECORD"])
    listed = (tmp_path / "python/a-1.0.dist-info/RECORD").read_text(encoding="utf-8")
    assert listed == "".join(f"{path.removeprefix('python/')},,\n" for path in paths(tree))
    assert not list(tmp_path.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("before", "after"), [(0o600, 0o644), (0o666, 0o644), (0o444, 0o644), (0o711, 0o755), (0o4755, 0o755)]
)
def test_modes_are_0644_or_0755(before: int, after: int, tmp_path: Path) -> None:
    write(tmp_path, {"python/a/b": b"x"})
    (tmp_path / "python/a/b").chmod(before)
    (tmp_path / "python/a").chmod(0o700)
    tree = normalise(tmp_path)
    assert tree.files == (TreeFile(path="python/a/b", size=1, executable=after == 0o755),)
    assert (tmp_path / "python/a/b").stat().st_mode & 0o7777 == after
    assert (tmp_path / "python/a").stat().st_mode & 0o7777 == 0o755


def test_keeps_names_that_differ_by_case_or_by_composition(tmp_path: Path) -> None:
    names = ["python/CASE.txt", "python/case.txt", "python/e\u0301.txt", "python/\u00e9.txt", "python/with, comma"]
    rows = ["CASE.txt,,", "case.txt,,", "e\u0301.txt,,", "\u00e9.txt,,", '"with, comma",,', "a-1.0.dist-info/RECORD,,"]
    write(tmp_path, {name: name.encode() for name in names})
    if len(list((tmp_path / "python").iterdir())) < len(names):
        pytest.skip("this file system takes some of these names for one")
    tree = normalise(write(tmp_path, {"python/a-1.0.dist-info/RECORD": record(rows)}))
    assert paths(tree) == sorted([*names, "python/a-1.0.dist-info/RECORD"])
    listed = (tmp_path / "python/a-1.0.dist-info/RECORD").read_text(encoding="utf-8")
    assert listed == (
        'CASE.txt,,\na-1.0.dist-info/RECORD,,\ncase.txt,,\ne\u0301.txt,,\n"with, comma",,\n\u00e9.txt,,\n'
    )


def test_counts_bytes_in_all_and_for_each_distribution(tmp_path: Path) -> None:
    rows = ["b.py,,", "missing.py,,", "Some_Name-1.0.dist-info/RECORD,,"]
    tree = normalise(
        write(
            tmp_path,
            {"python/b.py": b"12345", "python/unowned": b"123", "python/Some_Name-1.0.dist-info/RECORD": record(rows)},
        )
    )
    left = len("Some_Name-1.0.dist-info/RECORD,,\nb.py,,\n")
    assert tree.sizes == {"some-name": 5 + left}
    assert tree.unzipped_size == 5 + left + 3


def test_a_normalised_tree_is_not_changed_again(tool: Path, tmp_path: Path) -> None:
    root = install(tmp_path / "layer", "--no-index", tool)
    tree = normalise(root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert normalise(root) == tree
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "b.py", "."])
def test_refuses_a_symbolic_link(target: str, tmp_path: Path) -> None:
    write(tmp_path, {"outside": b"secret", "layer/python/b.py": b""})
    (tmp_path / "layer/python/link").symlink_to(target)
    with pytest.raises(BuildError, match="python/link is a symbolic link") as caught:
        normalise(tmp_path / "layer")
    assert f"it points to {target}" in caught.value.details
    assert (tmp_path / "outside").read_bytes() == b"secret"


def test_follows_no_link_that_stands_for_a_bytecode_folder(tmp_path: Path) -> None:
    write(tmp_path, {"outside/kept.py": b"", "layer/python/b.py": b""})
    (tmp_path / "layer/python/__pycache__").symlink_to(tmp_path / "outside")
    with pytest.raises(BuildError, match="python/__pycache__ is a symbolic link"):
        normalise(tmp_path / "layer")
    assert (tmp_path / "outside/kept.py").exists()


def test_refuses_what_is_neither_file_nor_folder(tmp_path: Path) -> None:
    write(tmp_path, {"python/b.py": b""})
    os.mkfifo(tmp_path / "python/pipe")
    with pytest.raises(BuildError, match="python/pipe is not a regular file"):
        normalise(tmp_path)


@pytest.mark.parametrize("listed", ["../evil", "a/../../evil", "/etc/passwd", ".."])
def test_refuses_a_record_that_lists_a_file_outside(listed: str, tmp_path: Path) -> None:
    write(tmp_path, {"python/a-1.0.dist-info/RECORD": record([f"{listed},,"])})
    with pytest.raises(BuildError, match=r"python/a-1\.0\.dist-info/RECORD lists a file outside python/: ") as caught:
        normalise(tmp_path)
    assert listed in caught.value.problem


@pytest.mark.parametrize("content", [b"\xff,,\n", b"a,b\n", b"a,b,c,d\n", b'"a,,\n', b"a\x00b,,\n,\n"])
def test_refuses_a_record_that_cant_be_read(content: bytes, tmp_path: Path) -> None:
    write(tmp_path, {"python/a-1.0.dist-info/RECORD": content})
    with pytest.raises(BuildError, match=r"python/a-1\.0\.dist-info/RECORD can't be read"):
        normalise(tmp_path)
