"""What reading has looked at, so that nothing need be read again as long as all of that is as it was."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Literal

Kind = Literal["file", "folder", "other"]

# The sha256 of a file that was read; of what was only looked for, its kind, or None for nothing.
State = str | None

_KINDS = frozenset({"file", "folder", "other", None})


class Seen:
    """The places that were looked at, as they were then.

    :ivar states: by path as it was opened.
    :ivar certain: whether that is all that the result depends on, and was one state all the while.
    """

    __slots__ = ("certain", "states")

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.certain = True

    def note(self, path: Path, state: State) -> None:
        before = self.states.setdefault(str(path), state)
        if before == state or (state == "file" and before not in _KINDS):
            return
        if before == "file" and state not in _KINDS:
            self.states[str(path)] = state
        else:
            self.certain = False


_SEEN: ContextVar[Seen | None] = ContextVar("seen", default=None)


@contextmanager
def watched(seen: Seen | None) -> Iterator[None]:
    """Note in ``seen`` what this thread looks at; None: note nothing."""
    token = _SEEN.set(seen)
    try:
        yield
    finally:
        _SEEN.reset(token)


def not_all() -> None:
    """The result depends on more than is noted."""
    if seen := _SEEN.get():
        seen.certain = False


def forget(path: Path) -> None:
    """What was made of a file until now is not in the result."""
    if seen := _SEEN.get():
        seen.states.pop(str(path), None)


def read_bytes(path: Path) -> bytes:
    """A file's content."""
    seen = _SEEN.get()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if seen:
            seen.note(path, None)
        raise
    if seen:
        seen.note(path, hashlib.sha256(data).hexdigest())
        seen.certain &= not _has_password(data)
    return data


def sha256_of(path: Path) -> str:
    """The hash of a file, however large."""
    sha256 = _sha256(path)
    if seen := _SEEN.get():
        seen.note(path, sha256)
    return sha256


def path_kind(path: Path) -> Kind | None:
    """What is there; None for nothing, and for a name that no file can have."""
    kind = _kind(path)
    if seen := _SEEN.get():
        seen.note(path, kind)
    return kind


def is_still(path: str, state: State) -> bool:
    """Whether a place is as it was seen."""
    if state in _KINDS:
        return _kind(Path(path)) == state
    try:
        return os.path.isfile(path) and _sha256(path) == state  # noqa: PTH113 - on every hit, of every file
    except (OSError, ValueError):
        return False


def _has_password(data: bytes) -> bool:
    """Whether a URL has credentials that are no variables; what is noted of a file would be a hash of them."""
    for found in re.finditer(rb"://([^\s/?#]*)@", data):
        user, colon, password = found[1].partition(b":")
        if re.sub(rb"\$\{\w+\}", b"", password if colon else user):
            return True
    return False


def _kind(path: Path) -> Kind | None:
    try:
        if path.is_file():
            return "file"
        return "folder" if path.is_dir() else "other" if path.exists() else None
    except (OSError, ValueError):
        return None


def _sha256(path: Path | str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - a path or its text
        return hashlib.file_digest(file, "sha256").hexdigest()
