"""Another tool's lock with its manifest, as they are read."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layer_constructs.building.reading.redaction import redact
from layer_constructs.building.reading.requirements import read_text
from layer_constructs.errors import ArgumentError, LayerError, LockInvalidError, RequirementsError, Where

# File name -> the tool that it belongs to.
KINDS: Mapping[str, str] = {"uv.lock": "uv", "Pipfile.lock": "pipenv", "poetry.lock": "poetry"}

_MANIFESTS = {"uv": "pyproject.toml", "pipenv": "Pipfile", "poetry": "pyproject.toml"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolLock:
    """A lock, and what is wanted of it."""

    path: Path
    extras: list[str]
    groups: list[str]
    tool: str
    manifest: Path
    text: str = field(repr=False)
    manifest_text: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    manifest_data: dict[str, Any] = field(repr=False)


def is_tool_lock(path: Path) -> bool:
    """Whether this is another tool's lock, by its file name."""
    return path.name in KINDS


def tool_of(path: Path) -> str:
    """The name of the tool that a lock belongs to.

    :raises ArgumentError: if no known tool calls its lock so.
    """
    if path.name not in KINDS:
        raise ArgumentError(f"{path.name} is not the lock of a known tool", details=[f"allowed: {', '.join(KINDS)}"])
    return KINDS[path.name]


def manifest_of(path: Path, tool: str) -> Path:
    """The file beside a lock that it was made from.

    :raises RequirementsError: if it isn't there.
    """
    manifest = path.parent / _MANIFESTS[tool]
    if not manifest.is_file():
        raise RequirementsError(
            f"{tool} reads {path.name} together with {manifest.name}, which is not beside it",
            where=Where(path),
            details=[f"tried: {manifest.absolute()}"],
            fix=f"put {manifest.name} there, or name the lock in its project's folder",
        )
    return manifest


def read_lock(path: Path, extras: Sequence[str], groups: Sequence[str]) -> ToolLock:
    """Read a lock and its manifest, as far as TOML or JSON.

    :raises RequirementsError: if the lock or its manifest is missing, or the manifest can't be read.
    :raises LockInvalidError: if the lock is malformed.
    :raises ArgumentError: for an extra or a group that can't be a name.
    """
    tool = tool_of(path)
    text = read_text(path)
    manifest = manifest_of(path, tool)
    manifest_text = read_text(manifest)
    again = f"restore it from version control, or run `{tool} lock`"
    data = parse_table(text, path, json.loads if tool == "pipenv" else tomllib.loads, LockInvalidError, again)
    return ToolLock(
        path=path,
        extras=checked_names(extras, "extra", path),
        groups=checked_names(groups, "group", path),
        tool=tool,
        manifest=manifest,
        text=text,
        manifest_text=manifest_text,
        data=data,
        manifest_data=parse_table(manifest_text, manifest, tomllib.loads, RequirementsError, "correct that line"),
    )


def parse_table(
    text: str, path: Path, loads: Callable[[str], Any], error: Callable[..., LayerError], fix: str
) -> dict[str, Any]:
    """The table in a JSON or TOML text.

    :param error: what to raise, with ``fix``, if it isn't one.
    """
    kind = "JSON" if loads is json.loads else "TOML"
    try:
        data = loads(text)
    except json.JSONDecodeError as failed:
        raise error(f"this is not valid {kind}: {failed.msg}", where=Where(path, failed.lineno), fix=fix) from failed
    except (ValueError, RecursionError) as failed:
        place = re.search(r" \(at line (\d+), column \d+\)", str(failed))
        said = redact(str(failed).replace(place[0], "") if place else str(failed))
        line = int(place[1]) if place else None
        raise error(f"this is not valid {kind}: {said}", where=Where(path, line), fix=fix) from None
    if not isinstance(data, dict):
        raise error(f"this is {kind}, but not a table", where=Where(path), fix=fix)
    return data


def checked_names(names: Sequence[str], what: str, path: Path) -> list[str]:
    """Names in order, each once.

    :param what: ``extra`` or ``group``.
    :raises ArgumentError: for what can't be a name.
    """
    for name in names:
        # also keeps a name from being taken for an option
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            raise ArgumentError(
                f"{name!r} is not a name that a{'n' if what == 'extra' else ''} {what} can have",
                where=Where(path),
                details=["allowed: letters, digits, '.', '_' and '-', none of the last three first or last"],
            )
    return sorted(set(names))
