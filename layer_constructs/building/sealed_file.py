"""A small JSON file with a checksum, so that a damaged or edited one is not taken for what was written."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any] | None:
    """What :func:`write` or :func:`note` was given; None if there is anything else, or nothing."""
    try:
        loaded = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    match loaded:
        case {"value": dict() as value, "sha256": checksum} if checksum == _checksum(value):
            return value
    return None


def write(path: Path, value: dict[str, Any]) -> None:
    sealed = {"value": value, "sha256": _checksum(value)}
    path.write_text(json.dumps(sealed, indent=1), encoding="utf-8")


def note(path: Path, value: dict[str, Any]) -> None:
    """Write it at once; a cache that can't be written any more is no reason to fail."""
    import uuid  # reading can do without it

    with suppress(OSError):
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            write(temporary, value)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _checksum(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
