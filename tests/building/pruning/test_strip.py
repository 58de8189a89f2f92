"""Native code without its symbols, with real wheels: every segment as it was, every module imports."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from platform import machine

import pytest
from elftools.elf.elffile import ELFFile

from layer_constructs.building import tree
from layer_constructs.building.pruning.savings import savings
from layer_constructs.building.pruning.strip import strip
from layer_constructs.building.pruning.symbols import without_symbols
from tests.building.pruning.conftest import Install

pytestmark = [pytest.mark.network, pytest.mark.real]

# `numpy` and `scipy` bring the grafted OpenBLAS that `strip` breaks, `pillow` files with debug information that
# patchelf has changed, `cryptography` a large Rust library, `pyarrow` the largest C++ ones.
WHEELS = ("numpy", "scipy", "pillow", "cryptography", "pyarrow")
IMPORTS = "numpy.linalg, scipy.linalg, scipy.stats, PIL.Image, PIL._imaging, cryptography.x509, pyarrow.parquet"


def native(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def mapped(content: bytes) -> list[tuple[object, ...]]:
    """What a loader maps, without what must differ: the ELF header and the program headers themselves."""
    file = ELFFile(io.BytesIO(content))
    start = file["e_phoff"]
    end = start + file["e_phnum"] * file["e_phentsize"]
    blank = bytearray(content)
    blank[:64] = bytes(64)
    blank[start:end] = bytes(end - start)
    found: list[tuple[object, ...]] = []
    for segment in file.iter_segments():
        header = segment.header
        if header.p_type == "PT_LOAD":
            assert header.p_offset % header.p_align == header.p_vaddr % header.p_align
        data = hashlib.sha256(blank[header.p_offset : header.p_offset + header.p_filesz]).hexdigest()
        found.append((header.p_type, header.p_flags, header.p_vaddr, header.p_memsz, header.p_align, data))
    return found


@pytest.mark.parametrize("platform", ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28"])
def test_every_segment_is_as_it_was_every_record_tells_the_truth_and_it_imports(
    install: Install, platform: str, tmp_path: Path
) -> None:
    root, full = install(*WHEELS, "--python-platform", platform)
    before = {path: path.read_bytes() for path in native(root)}
    twin = tmp_path / "twin"
    path = next(path for path in before if "_imaging." in path.name)
    os.link(path, twin)
    estimate = savings(root, full).strip

    after = strip(root, full)

    assert twin.read_bytes() == before[path]
    assert after == tree.normalise(root)
    saved = full.unzipped_size - after.unzipped_size
    assert saved > 15_000_000
    assert saved == pytest.approx(estimate, rel=0.1)
    for path, content in before.items():
        now = path.read_bytes()
        assert mapped(now) == mapped(content), path
        assert without_symbols(now) is None or len(without_symbols(now) or b"") > len(now) * 0.99
    for record in root.glob("python/*.dist-info/RECORD"):
        for listed, digest, size in csv.reader(record.read_text().splitlines()):
            if digest:
                content = (root / "python" / listed).read_bytes()
                assert int(size) == len(content)
                actual = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                assert digest == f"sha256={actual}"
    if not platform.startswith(machine()):
        return
    code = (
        f"import sys; sys.path.insert(0, {str(root / 'python')!r}); import {IMPORTS}\n"
        "import numpy; print(numpy.linalg.inv(numpy.eye(3)).sum(), scipy.linalg.det(numpy.eye(2)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert done.stdout.split() == ["3.0", "1.0"], done.stderr


def test_a_damaged_file_is_left_alone_or_written_and_never_an_error(install: Install) -> None:
    root, _ = install("markupsafe", "--no-deps")
    content = next(native(root)).read_bytes()
    dice = random.Random(1)  # noqa: S311
    for _ in range(3000):
        damaged = bytearray(content)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.choice([dice.randrange(64), dice.randrange(len(damaged))])] = dice.randrange(256)
        without_symbols(bytes(damaged[: dice.randrange(len(damaged))] if dice.random() < 0.3 else damaged))


def test_appended_data_and_a_section_of_ones_own_are_reasons_to_leave_a_file_alone(install: Install) -> None:
    root, _ = install("pillow", "--no-deps")
    content = next(path for path in native(root) if "_imaging." in path.name).read_bytes()
    assert without_symbols(content) is not None
    assert without_symbols(content + b"a zip, say") is None
    assert without_symbols(content.replace(b"\0.debug_loc\0", b"\0.my_own_lo\0")) is None
    assert without_symbols(b"\x7fELF\x01" + content[5:]) is None
