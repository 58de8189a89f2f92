"""Shared libraries for tests: what the loader reads of one, and nothing else."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

X86_64, AARCH64 = 0x3E, 0xB7

# By the file that needs it, the library, and the versions of it.
Versions = Mapping[str, Sequence[str]]


def elf(
    *needed: str,
    versions: Versions | None = None,
    machine: int = X86_64,
    alignment: int = 4096,
    address: int = 0,
) -> bytes:
    """What a shared library says of itself: a header, two segments, the dynamic table, its texts and its versions."""
    texts = bytearray(b"\0")

    def text(value: str) -> int:
        texts.extend(value.encode() + b"\0")
        return len(texts) - len(value) - 1

    entries = [(1, text(library)) for library in needed]  # DT_NEEDED
    table = bytearray()
    for library, names in (versions or {}).items():
        following = 16 + 16 * len(names)
        table += struct.pack("<HHIII", 1, len(names), text(library), 16, following)
        for name in names:
            table += struct.pack("<IHHII", 0, 0, 2, text(name), 16)
    start = 64 + 2 * 56
    end = start + 16 * (len(entries) + (4 if versions else 2))
    entries.append((5, address + end))  # DT_STRTAB
    if versions:
        entries += [(0x6FFFFFFE, address + end + len(texts)), (0x6FFFFFFF, len(versions))]  # DT_VERNEED, DT_VERNEEDNUM
    entries.append((0, 0))  # DT_NULL
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    whole = end + len(texts) + len(table)
    return (
        b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
        + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
        + struct.pack("<IIQQQQQQ", 1, 4, 0, address, address, whole, whole, alignment)  # PT_LOAD of all of it
        + struct.pack("<IIQQQQQQ", 2, 4, start, start, start, len(dynamic), len(dynamic), 8)  # PT_DYNAMIC
        + dynamic
        + texts
        + table
    )
