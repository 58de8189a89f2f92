"""The user's own files in a layer: which, and with what in them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

# Moved when the same files would give another tree: every layer with files of one's own is then published anew.
LAYOUT = 1

_ELF = b"\x7fELF"


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryFile:
    """One file.

    :param path: relative to the layer's root (``/opt`` on Lambda), with ``/``.
    :param source: where it lies on this machine.
    :param size: bytes.
    :param sha256: of its content, in hexadecimal.
    :param head: its first bytes, by which a program is known.
    """

    path: str
    source: Path
    size: int
    sha256: str
    executable: bool
    head: bytes = field(repr=False)

    @property
    def is_elf(self) -> bool:
        """Whether it is a program or a library for one processor."""
        return self.head.startswith(_ELF)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The files that one argument ``entry`` names, as they were when they were read.

    :param path: as the user wrote it.
    :param into: the folder of the layer that they are in; empty for its root.
    :param files: sorted by path.
    :param empty: folders in which nothing is, which a layer can't have.
    :param unmatched: globs of ``exclude`` that matched no file.
    :param secrets: what looks like a secret, and why, by path.
    """

    path: Path
    into: str
    files: tuple[EntryFile, ...]
    empty: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    secrets: dict[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Names the files and what is in them: the same wherever they lie."""
        listed = [[file.path, file.sha256, file.executable] for file in self.files]
        return hashlib.sha256(json.dumps({"layout": LAYOUT, "files": listed}).encode()).hexdigest()

    @property
    def run_bits(self) -> dict[str, bool]:
        """Which files are executable, as they were read: Windows keeps no such bit."""
        return {file.path: file.executable for file in self.files}

    @property
    def is_compiled(self) -> bool:
        """Whether some of it is for one processor only."""
        return any(file.is_elf for file in self.files)

    def tops(self) -> list[str]:
        """The names directly in its folder of the layer."""
        inside = (file.path.removeprefix(f"{self.into}/") for file in self.files)
        return sorted({path.partition("/")[0] for path in inside})
