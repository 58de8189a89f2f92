"""A path in a user's file, and what is there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from layer_constructs.building.reading.redaction import redact
from layer_constructs.building.reading.seen import path_kind
from layer_constructs.errors import RequirementsError, UnsupportedRequirementError, Where

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)|file(?=:)", re.IGNORECASE)
ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar", ".zip")


def absolute(path: Path) -> Path:
    """As pip does it: without following symlinks, so that an error shows the path that the user wrote."""
    return Path(os.path.normpath(path.absolute()))


def local_path(text: str, *, where: Where, folder: Path) -> Path:
    """The path that a path or a ``file:`` URL names.

    :param folder: what a relative path is relative to.
    :raises RequirementsError: if it is another URL, or on another machine.
    """
    is_url = text.lower().startswith("file:")
    try:
        host, path = urlsplit(text)[1:3] if is_url else ("", text)
    except ValueError:
        host, path = "", "://"
    if "://" in path:  # a URL in a path would lose a slash, and its password would not be known as one
        raise RequirementsError(f"this is not a path: {redact(text)}", where=where)
    if host not in ("", "localhost"):
        raise RequirementsError(
            f"a file URL can't name another machine: {redact(text)}",
            where=where,
            fix="write file:/// with three slashes",
        )
    return folder / (re.sub(r"^/(?=[A-Za-z]:)", "", unquote(path)) if is_url else path)


def check_project(path: Path, where: Where) -> None:
    """Refuse what is not the folder of a Python project.

    :raises UnsupportedRequirementError: for a source distribution.
    :raises RequirementsError: for anything else.
    """
    kind = path_kind(path)
    if kind is None:
        raise RequirementsError(
            f"there is no file or folder {path}",
            where=where,
            details=["relative paths are relative to the file they stand in"],
        )
    if kind != "folder":
        if path.name.lower().endswith(ARCHIVES):
            raise UnsupportedRequirementError(
                f"a source distribution would have to run its build code on this machine: {path}",
                where=where,
                fix="name a wheel built from it, or its unpacked folder",
            )
        raise RequirementsError(f"{path} is neither a wheel nor a project folder", where=where)
    if not any(path_kind(path / name) == "file" for name in ("pyproject.toml", "setup.py")):
        raise RequirementsError(
            f"{path} is not a Python project", where=where, details=["it has neither a pyproject.toml nor a setup.py"]
        )
