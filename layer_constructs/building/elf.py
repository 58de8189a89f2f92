"""ELF files: what one needs, and what keeps a wheel's from loading on a target."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from layer_constructs.building.base_libraries import base_libraries, newest_versions
from layer_constructs.building.target import Target

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_MAGIC = b"\x7fELF"

# As `platform.machine()` says it; another one keeps the name of the ELF specification.
_MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}

_VERSION = re.compile(r"(GLIBC|GLIBCXX|CXXABI)_([0-9]+(?:\.[0-9]+)*)")

# Versions that a file may ask for; a damaged one asks for four billion.
_MOST = 10_000

# What pyelftools calls the text of a tag.
_TEXTS = {"DT_NEEDED": "needed", "DT_SONAME": "soname", "DT_RPATH": "rpath", "DT_RUNPATH": "runpath"}

# A version with a name in place of a number: packed relative relocations, which came with glibc 2.36 (its NEWS).
_NAMED = {"GLIBC_ABI_DT_RELR": ("GLIBC", (2, 36))}

# The loader goes on without such a version: VER_FLG_WEAK of glibc's elf.h.
_WEAK = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class SymbolVersion:
    """The newest version that a file wants of one library.

    :param library: the soname, such as ``libc.so.6``.
    :param family: ``GLIBC``, ``GLIBCXX`` or ``CXXABI``.
    :param number: to compare it by.
    :param name: as it stands in the file, such as ``GLIBC_2.34``.
    """

    library: str
    family: str
    number: tuple[int, ...]
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Elf:
    """An executable or a shared library.

    :param machine: ``x86_64``, ``aarch64``, or the ELF specification's name of another.
    :param needed: the sonames that it asks for (DT_NEEDED), in order.
    :param versions: the newest of each library and family.
    :param alignment: of its segments in memory, in bytes; a page of the machine must not be larger.
    :param search: the folders in which it has libraries looked for (DT_RPATH and DT_RUNPATH).
    """

    machine: str
    needed: tuple[str, ...]
    soname: str | None
    versions: tuple[SymbolVersion, ...]
    alignment: int
    search: tuple[str, ...]


def read_elf(stream: BinaryIO) -> Elf | None:
    """What stands in a seekable file; None if it is no executable or shared library, or a damaged one."""
    if stream.read(len(_MAGIC)) != _MAGIC:
        return None

    from elftools.common.exceptions import ELFError
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    try:
        file = ELFFile(stream)
        if file["e_type"] not in {"ET_EXEC", "ET_DYN"}:
            return None
        texts: dict[str, list[str]] = {tag: [] for tag in _TEXTS}
        alignment = 1
        for segment in file.iter_segments():
            if segment["p_type"] == "PT_LOAD":
                alignment = max(alignment, segment["p_align"])
            elif isinstance(segment, DynamicSegment):
                for tag in segment.iter_tags():
                    if tag.entry.d_tag in texts:
                        texts[tag.entry.d_tag].append(getattr(tag, _TEXTS[tag.entry.d_tag]))
        return Elf(
            machine=_MACHINES.get(file["e_machine"], str(file["e_machine"])),
            needed=tuple(texts["DT_NEEDED"]),
            soname=next(iter(texts["DT_SONAME"]), None),
            versions=_versions(file),
            alignment=alignment,
            search=tuple(each for text in texts["DT_RPATH"] + texts["DT_RUNPATH"] for each in text.split(":")),
        )
    except (
        ELFError,
        ValueError,
        AttributeError,
        AssertionError,
        OverflowError,
    ):  # what pyelftools has for damaged files
        return None


def _versions(file: ELFFile) -> tuple[SymbolVersion, ...]:
    from elftools.elf.gnuversions import GNUVerNeedSection

    section = next(file.iter_sections("SHT_GNU_verneed"), None)  # there is one at most, and near the front
    if not isinstance(section, GNUVerNeedSection):
        return ()
    newest: dict[tuple[str, str], SymbolVersion] = {}
    pairs = ((need.name or "", each) for need, wanted in islice(section.iter_versions(), _MOST) for each in wanted)
    for library, each in islice(pairs, _MOST):
        name = each.name or ""
        known = _number(name)
        if known is None or each["vna_flags"] & _WEAK:
            continue
        family, number = known
        before = newest.get((library, family))
        if before is None or number > before.number:
            newest[library, family] = SymbolVersion(library=library, family=family, number=number, name=name)
    return tuple(newest.values())


def _number(name: str) -> tuple[str, tuple[int, ...]] | None:
    if name in _NAMED:
        return _NAMED[name]
    match = _VERSION.fullmatch(name)
    return (match[1], tuple(map(int, match[2].split(".")))) if match else None


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongMachine:
    """A file for another processor."""

    file: str
    machine: str

    def __str__(self) -> str:
        return f"{self.file} is for {self.machine}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryMissing:
    """A file asks for a library that neither the wheel nor the target has."""

    file: str
    library: str

    def __str__(self) -> str:
        return f"{self.file} needs {self.library}, which neither the wheel nor the runtime has"


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionMissing:
    """A file asks for a newer library than the target's.

    :param newest: the newest version there, such as ``GLIBC_2.34``.
    """

    file: str
    library: str
    version: str
    newest: str

    def __str__(self) -> str:
        return f"{self.file} needs {self.version} of {self.library}, and the runtime has {self.newest}"


Obstacle = WrongMachine | LibraryMissing | VersionMissing


def obstacles(wheel: Path, target: Target) -> list[Obstacle]:
    """What keeps a wheel's files from loading on the target, by file.

    A library that the wheel brings itself counts as found, wherever in the wheel it lies: a package may load it before
    it is needed.
    """
    files: dict[str, Elf] = {}
    with zipfile.ZipFile(wheel) as archive:
        for member in sorted(archive.namelist()):
            with archive.open(member) as file:
                head = file.read(len(_MAGIC))
                elf = read_elf(io.BytesIO(head + file.read())) if head == _MAGIC else None
            if elf:
                files[member] = elf
    own = {PurePosixPath(name).name for name in files} | {elf.soname for elf in files.values() if elf.soname}
    there = own | base_libraries(target)
    newest = newest_versions(target)
    found: list[Obstacle] = []
    for name, elf in files.items():
        if elf.machine != target.machine:
            found.append(WrongMachine(file=name, machine=elf.machine))
            continue
        found += [LibraryMissing(file=name, library=each) for each in elf.needed if each not in there]
        found += [
            VersionMissing(
                file=name,
                library=each.library,
                version=each.name,
                newest=f"{each.family}_{'.'.join(map(str, newest[each.family]))}",
            )
            for each in elf.versions
            if each.library not in own and each.number > newest[each.family]
        ]
    return found
