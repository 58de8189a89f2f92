"""An entry's files where the layer is made: those that were read, or none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from layer_constructs.building.entry.placing import place
from layer_constructs.building.entry.reading import read_entry
from layer_constructs.errors import BuildError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "entry"
    (made / "sub").mkdir(parents=True)
    (made / "sub" / "a.txt").write_text("a")
    (made / "tool").write_text("#!/bin/sh\n")
    (made / "tool").chmod(0o700)
    return made


def test_files_get_the_modes_of_a_layer(folder: Path, tmp_path: Path) -> None:
    place(read_entry(folder, into="bin"), tmp_path / "root")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "root").rglob("*") if path.is_file()}
    assert modes == {"a.txt": 0o644, "tool": 0o755}


@pytest.mark.parametrize("change", ["edited", "deleted", "a folder"])
def test_what_has_changed_since_it_was_read_is_refused(folder: Path, tmp_path: Path, change: str) -> None:
    entry = read_entry(folder, into="")
    file = folder / "sub" / "a.txt"
    file.unlink()
    if change == "edited":
        file.write_text("b")
    elif change == "a folder":
        file.mkdir()
    with pytest.raises(BuildError, match=r"a\.txt: it (has changed since it was read|can't be read any more)"):
        place(entry, tmp_path / "root")


_WRITER = """
import os, sys
while True:
    with open(sys.argv[1], "r+b", buffering=0) as file:
        file.write(os.urandom(1) * (1 << 20))
"""


def test_whatever_a_writer_does_meanwhile_what_is_placed_is_what_was_read(folder: Path, tmp_path: Path) -> None:
    data = folder / "data.bin"
    data.write_bytes(bytes(1 << 20))
    refused = 0
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(data)]) as writer:
        try:
            for attempt in range(20):
                root = tmp_path / f"root{attempt}"
                try:
                    entry = read_entry(folder, into="")
                    place(entry, root)
                except BuildError:
                    refused += 1
                else:
                    assert read_entry(root, into="").digest == entry.digest
        finally:
            writer.kill()
    assert refused


def test_a_path_that_a_package_has_too_is_refused(folder: Path, tmp_path: Path) -> None:
    entry = read_entry(folder, into="python")
    for taken in ("python/tool", "python/sub"):
        root = tmp_path / taken.replace("/", "-")
        (root / taken).parent.mkdir(parents=True)
        (root / taken).write_text("theirs")
        with pytest.raises(BuildError, match=f"a package has {taken}.* too"):
            place(entry, root)
        assert (root / taken).read_text() == "theirs"
