"""Compiled files: their processor, the libraries they need, and how the loader maps them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from layer_constructs.building.audit.finding import Finding, Rule
from layer_constructs.building.base_libraries import permitted_libraries
from layer_constructs.building.elf import (
    Elf,
    LibraryMissing,
    Obstacle,
    Segment,
    VersionMissing,
    WrongMachine,
    obstacles_of,
    read_elf,
)
from layer_constructs.building.target import Platform
from layer_constructs.building.tree import TreeFile

# Most files of a layer, and none of them compiled: not worth opening.
_NEVER_COMPILED = (".py", ".pyi", ".pyc", ".txt", ".json", ".h", ".hpp")
_ELF_HEADER = 52  # bytes, of the smaller kind

_ELF = b"\x7fELF"
_MACH_O = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")  # one processor's, several processors'
_SHARED_LIBRARY = re.compile(r".\.so(\.[0-9]+)*$")

# Of the kernel, on both architectures of Lambda. Most arm64 libraries are aligned to 64 KB, which is a multiple.
_PAGE = 4096


def findings(
    root: Path, files: Iterable[TreeFile], owners: Mapping[str, str], target: Platform, *, links: Iterable[str]
) -> Iterator[Finding]:
    """What the compiled files of a layer have against the target.

    A library that is anywhere in the layer counts as found: a package may load it before it is needed.

    :param files: regular ones.
    :param links: names by which a library may be found too.
    """
    compiled: dict[str, Elf] = {}
    for file in files:
        if file.size < _ELF_HEADER or file.path.endswith(_NEVER_COMPILED):
            continue
        with (root / file.path).open("rb") as stream:
            magic = stream.read(4)
            if magic == _ELF:
                stream.seek(0)
                elf = read_elf(stream)
                if elf:
                    compiled[file.path] = elf
                    continue
                rule: Rule = "damaged"
                text = "is a shared library that can't be read"
            elif magic in _MACH_O:
                rule = "wrong-machine"
                text = "is for macOS"
            else:
                continue
        if _SHARED_LIBRARY.search(file.path):
            yield Finding(rule=rule, package=owners.get(file.path), path=file.path, text=text)
    also = permitted_libraries(target) | {posixpath.basename(link) for link in links}
    for obstacle in obstacles_of(compiled, target, also=also):
        rule, text = _said(obstacle)
        yield Finding(rule=rule, package=owners.get(obstacle.file), path=obstacle.file, text=text)
    for path, elf in compiled.items():
        bad = next((segment for segment in elf.segments if not _is_mapped(segment)), None)
        if bad and elf.machine == target.machine:
            yield Finding(
                rule="alignment",
                package=owners.get(path),
                path=path,
                text=f"has a segment that the loader can't map: alignment {bad.alignment:#x}, offset {bad.offset:#x}, "
                f"address {bad.address:#x}; `strip` does that to some libraries",
            )


def _said(obstacle: Obstacle) -> tuple[Rule, str]:
    match obstacle:
        case WrongMachine(machine=machine):
            return "wrong-machine", f"is for {machine}"
        case LibraryMissing(library=library):
            return "library-missing", f"needs {library}, which neither the layer nor the runtime has"
        case VersionMissing(library=library, version=version, newest=newest):
            text = f"needs {version} of {library}, and the runtime has {newest}"
            return ("glibc-too-new" if newest.startswith("GLIBC_") else "library-too-new"), text


def _is_mapped(segment: Segment) -> bool:
    """What glibc's loader asks of a segment (2.26 and 2.34, `_dl_map_object_from_fd` of elf/dl-load.c)."""
    alignment = segment.alignment
    return alignment % _PAGE == 0 and (segment.address - segment.offset) & (alignment - 1) == 0
