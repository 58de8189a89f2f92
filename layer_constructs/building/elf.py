"""ELF files: what one needs, and what keeps a wheel's from loading on a target."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from layer_constructs.building.base_libraries import base_libraries, newest_versions
from layer_constructs.building.target import Platform

if TYPE_CHECKING:
    from elftools.construct.lib.container import Container
    from elftools.elf.elffile import ELFFile

_MAGIC = b"\x7fELF"

# As `platform.machine()` says it; another one keeps the name of the ELF specification.
_MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}

_VERSION = re.compile(r"(GLIBC|GLIBCXX|CXXABI|ZLIB)_([0-9]+(?:\.[0-9]+)*)")

# Versions that a file may ask for; a damaged one asks for four billion.
_MOST = 10_000

# What has a text for a value.
_TEXTS = ("DT_NEEDED", "DT_SONAME", "DT_RPATH", "DT_RUNPATH")

# A version with a name in place of a number: packed relative relocations, which came with glibc 2.36 (its NEWS).
_NAMED = {"GLIBC_ABI_DT_RELR": ("GLIBC", (2, 36))}

# The loader goes on without such a version: VER_FLG_WEAK of glibc's elf.h.
_WEAK = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class SymbolVersion:
    """The newest version that a file wants of one library.

    :param library: the soname, such as ``libc.so.6``.
    :param family: ``GLIBC``, ``GLIBCXX``, ``CXXABI`` or ``ZLIB``.
    :param number: to compare it by.
    :param name: as it stands in the file, such as ``GLIBC_2.34``.
    """

    library: str
    family: str
    number: tuple[int, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a file that the loader maps into memory (PT_LOAD); in bytes.

    :param size: of the part in the file; in memory it may be larger.
    """

    offset: int
    size: int
    address: int
    alignment: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Elf:
    """An executable or a shared library.

    :param machine: ``x86_64``, ``aarch64``, or the ELF specification's name of another.
    :param needed: the sonames that it asks for (DT_NEEDED), in order.
    :param versions: the newest of each library and family.
    :param search: the folders in which it has libraries looked for (DT_RPATH and DT_RUNPATH).
    """

    machine: str
    needed: tuple[str, ...]
    soname: str | None
    versions: tuple[SymbolVersion, ...]
    segments: tuple[Segment, ...]
    search: tuple[str, ...]

    @property
    def alignment(self) -> int:
        """Of its segments in memory, in bytes; a page of the machine must not be larger."""
        return max((segment.alignment for segment in self.segments), default=1)


def read_elf(stream: BinaryIO) -> Elf | None:
    """What stands in a seekable file; None if it is no executable or shared library, or a damaged one.

    It reads what the loader reads, and so no sections: there are many, and a file may come without.
    """
    if stream.read(len(_MAGIC)) != _MAGIC:
        return None

    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        file = ELFFile(stream)
        if file["e_type"] not in {"ET_EXEC", "ET_DYN"}:
            return None
        headers = list(_program_headers(file))
        segments = tuple(
            Segment(header["p_offset"], header["p_filesz"], header["p_vaddr"], header["p_align"])
            for header in headers
            if header["p_type"] == "PT_LOAD"
        )
        entries = [
            entry for header in headers if header["p_type"] == "PT_DYNAMIC" for entry in _dynamic_entries(file, header)
        ]
        values = dict(entries)
        strings = _offset(segments, values["DT_STRTAB"]) if "DT_STRTAB" in values else 0
        texts: dict[str, list[str]] = {tag: [] for tag in _TEXTS}
        for tag, value in entries:
            if tag in texts:
                texts[tag].append(_text(file, strings + value))
        return Elf(
            machine=_MACHINES.get(file["e_machine"], str(file["e_machine"])),
            needed=tuple(texts["DT_NEEDED"]),
            soname=next(iter(texts["DT_SONAME"]), None),
            versions=_versions(file, _offset(segments, values["DT_VERNEED"]), values["DT_VERNEEDNUM"], strings)
            if "DT_VERNEED" in values
            else (),
            segments=segments,
            search=tuple(each for text in texts["DT_RPATH"] + texts["DT_RUNPATH"] for each in text.split(":")),
        )
    except (
        ELFError,
        ValueError,
        LookupError,
        AttributeError,
        AssertionError,
        OverflowError,
    ):  # what pyelftools has for damaged files
        return None


def _program_headers(file: ELFFile) -> Iterator[Container]:
    from elftools.common.utils import struct_parse

    # `iter_segments` would read every section to find the texts of the dynamic one.
    for number in range(min(file["e_phnum"], _MOST)):
        yield struct_parse(file.structs.Elf_Phdr, file.stream, file["e_phoff"] + number * file["e_phentsize"])


def _dynamic_entries(file: ELFFile, header: Container) -> Iterator[tuple[str, int]]:
    from elftools.common.utils import struct_parse

    size = file.structs.Elf_Dyn.sizeof()
    for number in range(min(header["p_filesz"] // size, _MOST)):
        entry = struct_parse(file.structs.Elf_Dyn, file.stream, header["p_offset"] + number * size)
        if entry["d_tag"] == "DT_NULL":
            return
        yield str(entry["d_tag"]), int(entry["d_val"])


def _offset(segments: tuple[Segment, ...], address: int) -> int:
    """Where in the file stands what is at an address in memory."""
    for segment in segments:
        if segment.address <= address < segment.address + segment.size:
            return segment.offset + address - segment.address
    raise ValueError(f"no segment has the address {address}")


def _text(file: ELFFile, offset: int) -> str:
    from elftools.common.utils import parse_cstring_from_stream

    return (parse_cstring_from_stream(file.stream, offset) or b"").decode()


def _versions(file: ELFFile, offset: int, count: int, strings: int) -> tuple[SymbolVersion, ...]:
    from elftools.common.utils import struct_parse

    newest: dict[tuple[str, str], SymbolVersion] = {}
    left = _MOST
    for _ in range(min(count, _MOST)):
        need = struct_parse(file.structs.Elf_Verneed, file.stream, offset)
        library, at = _text(file, strings + need["vn_file"]), offset + need["vn_aux"]
        for _ in range(need["vn_cnt"]):
            each = struct_parse(file.structs.Elf_Vernaux, file.stream, at)
            at += each["vna_next"]
            left -= 1
            if not left:
                raise ValueError(f"more than {_MOST} versions")
            name = _text(file, strings + each["vna_name"])
            known = _number(name)
            if known is None or each["vna_flags"] & _WEAK:
                continue
            family, number = known
            before = newest.get((library, family))
            if before is None or number > before.number:
                newest[library, family] = SymbolVersion(library=library, family=family, number=number, name=name)
        offset += need["vn_next"]
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


def obstacles(wheel: Path, target: Platform) -> list[Obstacle]:
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
    return obstacles_of(files, target)


def obstacles_of(files: Mapping[str, Elf], target: Platform, *, also: Collection[str] = ()) -> list[Obstacle]:
    """What keeps files that lie together from loading on the target, by file.

    :param files: by path; each counts as found for all others, by its name and its soname.
    :param also: further sonames that are there.
    """
    own = {PurePosixPath(name).name for name in files} | {elf.soname for elf in files.values() if elf.soname}
    there = own | base_libraries(target) | set(also)
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
            if each.library in there - own and each.number > newest[each.family]
        ]
    return found
