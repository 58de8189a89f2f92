"""An ELF file without what no loader reads: symbol tables, debug information and comments."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

# ELF-64, little-endian, as x86_64 and aarch64 have it, and the structures of the ELF specification.
_IDENT = b"\x7fELF\x02\x01"
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")  # kind, flags, offset, address, physical address, size, size in memory, alignment
_SECTION = struct.Struct("<IIQQQQIIQQ")  # name, kind, flags, address, offset, size, link, info, alignment, entry's size

_STRINGS = 3
_NO_BITS = 8
_ALLOCATED = 2

# What debuggers, profilers and linkers read. A section of another name may be read by the program itself.
_NEEDLESS = (
    ".symtab", ".strtab", ".shstrtab", ".comment", ".debug_", ".zdebug_", ".gdb_index", ".stab", ".line",
    ".gnu_debuglink", ".gnu_debugaltlink", ".gnu_debugdata", ".gnu.build.attributes", ".gnu.lto_", ".note.stapsdt",
    ".note.gnu.gold-version", ".rela.debug_",
)  # fmt: skip


def without_symbols(content: bytes) -> bytes | None:
    """The file with its segments as they are, and nothing between or behind them that can go.

    No address changes. What a segment has before it in the file shrinks by multiples of the largest alignment only, so
    what a loader asks stays true: offset and address of a segment are the same, modulo the page. This is where
    ``strip`` breaks files that ``patchelf`` (and so ``auditwheel``) made.

    :returns: None if nothing can be saved, or the file is better left alone: a form that is not known, a section that
        the program may read itself, data behind the end.
    """
    try:
        new = _rewritten(content)
    except (struct.error, IndexError, ValueError):  # damaged
        return None
    return new if new is not None and len(new) < len(content) else None


def _rewritten(content: bytes) -> bytes | None:
    if not content.startswith(_IDENT):
        return None
    header = list(_HEADER.unpack_from(content))
    segments_at, sections_at = header[5], header[6]
    segment_size, segment_count, section_size, section_count, names_index = header[9:]
    if (segment_size, section_size) != (_SEGMENT.size, _SECTION.size) or not segment_count or not section_count:
        return None
    segments_end, sections_end = segments_at + segment_count * segment_size, sections_at + section_count * section_size
    segments = [list(each) for each in _SEGMENT.iter_unpack(content[segments_at:segments_end])]
    sections = [list(each) for each in _SECTION.iter_unpack(content[sections_at:sections_end])]
    names = _names(content, sections, names_index)

    loaded = [(0, _HEADER.size), (segments_at, segments_end), *_ranges((each[2], each[5]) for each in segments)]
    ranges = _merged(loaded)
    filled = [each for each in sections if each[1] not in {0, _NO_BITS}]
    known = _merged([*ranges, (sections_at, sections_end), *_ranges((each[4], each[5]) for each in filled)])
    if known[-1][1] > len(content) or content[known[-1][1] :].strip(b"\0"):
        return None
    kept = [index == 0 or bool(each[2] & _ALLOCATED) for index, each in enumerate(sections)]
    for index, each in enumerate(sections):
        if not kept[index] and not names[index].startswith(_NEEDLESS) and each[1] != 0:
            return None
        if kept[index] and each in filled and each[5] and not _within(ranges, each[4], each[5]):
            return None
        if kept[index] and not kept[each[6]]:
            return None

    page = max(each[7] for each in segments) or 1
    new = bytearray()
    shifts = []
    shift = before = 0
    for start, end in ranges:
        shift += (start - before) // page * page
        shifts.append((start, shift))
        new += bytes(start - shift - len(new))
        new += memoryview(content)[start:end]
        before = end

    def moved(offset: int) -> int:
        return offset - next(shift for start, shift in reversed(shifts) if start <= offset)

    for segment in segments:
        segment[2] = moved(segment[2])
    while not kept[-1]:
        kept.pop()
    strings = bytearray(b"\0")
    table = []
    for index, stays in enumerate(kept):
        section = sections[index] if stays else [0] * len(sections[index])
        if stays and index:
            section[0] = len(strings)
            section[4] = moved(section[4])
            strings += names[index].encode() + b"\0"
        table.append(section)
    own_name = len(strings)
    strings += b".shstrtab\0"
    table.append([own_name, _STRINGS, 0, 0, len(new), len(strings), 0, 0, 1, 0])
    new += strings
    new += bytes(-len(new) % 8)
    header[5], header[6], header[12], header[13] = moved(segments_at), len(new), len(table), len(table) - 1
    for section in table:
        new += _SECTION.pack(*section)
    for index, segment in enumerate(segments):
        _SEGMENT.pack_into(new, header[5] + index * _SEGMENT.size, *segment)
    _HEADER.pack_into(new, 0, *header)
    return bytes(new)


def _names(content: bytes, sections: list[list[int]], index: int) -> list[str]:
    strings = content[sections[index][4] : sections[index][4] + sections[index][5]]
    return [strings[each[0] : strings.index(b"\0", each[0])].decode("ascii") for each in sections]


def _ranges(placed: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(offset, offset + size) for offset, size in placed if size]


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _within(ranges: list[tuple[int, int]], offset: int, size: int) -> bool:
    return any(start <= offset and offset + size <= end for start, end in ranges)


def symbol_bytes(stream: BinaryIO) -> int:
    """About what :func:`without_symbols` saves of a file, in bytes, by its table of sections only."""
    try:
        head = stream.read(_HEADER.size)
        if not head.startswith(_IDENT):
            return 0
        header = _HEADER.unpack(head)
        stream.seek(header[6])
        sections = [list(each) for each in _SECTION.iter_unpack(stream.read(header[12] * _SECTION.size))]
        stream.seek(sections[header[13]][4])
        strings = stream.read(sections[header[13]][5])
        return sum(
            each[5]
            for each in sections
            if each[1] not in {0, _NO_BITS}
            and not each[2] & _ALLOCATED
            and strings[each[0] : strings.index(b"\0", each[0])].decode("ascii").startswith(_NEEDLESS)
        )
    except (struct.error, IndexError, ValueError, OverflowError, OSError):  # damaged
        return 0
