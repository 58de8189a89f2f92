"""What another tool's lock pins, as text of a format that is read here."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from layer_constructs.building import process, uv
from layer_constructs.building.locking.tool_locks.credentials import without_credentials
from layer_constructs.building.locking.tool_locks.failures import INSTALL
from layer_constructs.building.locking.tool_locks.pipfile_lock import export_pipenv
from layer_constructs.building.locking.tool_locks.poetry_lock import export_poetry
from layer_constructs.building.locking.tool_locks.project_copy import copy_project
from layer_constructs.building.locking.tool_locks.tool_lock import checked_names, manifest_of, read_lock, tool_of
from layer_constructs.building.locking.tool_locks.uv_lock import Which, check_uv_fresh, export_uv, other_files
from layer_constructs.building.process import Run
from layer_constructs.building.reading.requirements import read_text
from layer_constructs.errors import ToolMissingError

# Counted up when the text made of the same files changes: it is part of the key of exports that were kept.
_EXPORT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """A tool's lock as text of a format that is read here.

    :ivar text: holds no password and no absolute path of this machine, except where the lock itself has one. Relative
        paths are relative to the folder of the lock. Markers are kept: it is not yet for one target.
    :ivar format: ``pylock`` is PEP 751; ``requirements`` is pip's format with ``--hash``, where ``# index: URL`` behind
        a requirement names its index if there are several.
    :ivar files: what it was made from: the lock, its manifest, and for uv what else says whether the lock is stale.
    :ivar notes: what a user should know, such as that uv could not tell whether its lock is up to date.
    """

    text: str
    format: Literal["pylock", "requirements"]
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def export(
    path: Path,
    *,
    extras: Sequence[str],
    groups: Sequence[str],
    run: Run = process.run,
    which: Which = shutil.which,
) -> Export:
    """What a tool's lock pins, said by that tool.

    Development dependencies are left out unless their group is named. Nothing is written beside the lock, and no
    dependency is built or run.

    :param path: a file named as in ``KINDS``; its manifest is beside it.
    :param extras: of the project, besides what it always needs.
    :param groups: dependency groups (for Pipenv: categories), besides what the project always needs.
    :raises RequirementsError: if the lock or its manifest is missing or can't be read.
    :raises LockInvalidError: if the lock is malformed.
    :raises LockStaleError: if the tool says that the manifest has changed since.
    :raises ToolMissingError: if the tool, or its export plugin, is not installed.
    :raises ArgumentError: for an extra or a group that the project doesn't have.
    :raises ToolFailedError: if the tool fails otherwise.
    """
    lock = read_lock(path, extras, groups)
    program = uv.binary() if lock.tool == "uv" else which(lock.tool)
    if program is None:
        raise ToolMissingError(tool=lock.tool, needed_for=path, install=INSTALL[lock.tool])
    others = other_files(path, lock.text) if lock.tool == "uv" else []
    notes: tuple[str, ...] = ()
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as name:
        # resolved: on macOS the temporary folder is behind a symlink, and the tools print what is behind it
        copy = copy_project(lock, Path(name).resolve())
        if lock.tool == "uv":
            notes = check_uv_fresh(lock, run, which, copy)
            text = export_uv(lock, run, copy)
        elif lock.tool == "pipenv":
            text = export_pipenv(lock, run, program, copy)
        else:
            text = export_poetry(lock, run, program, copy)
    return Export(
        text=without_credentials(text),
        format="pylock" if lock.tool == "uv" else "requirements",
        files=(lock.path, lock.manifest, *(path.parent / name for name in others)),
        notes=notes,
    )


def fingerprint(path: Path, *, extras: Sequence[str], groups: Sequence[str]) -> str:
    """The key under which an export can be kept: it changes with everything that the export is made from.

    Line endings don't count, nor does the order of extras and groups, nor where the folder is.

    :returns: a sha256 in hex.
    :raises RequirementsError: if the lock or its manifest is missing or can't be read.
    """
    tool = tool_of(path)
    parts = [
        str(_EXPORT_VERSION),
        tool,
        *checked_names(extras, "extra", path),
        "",
        *checked_names(groups, "group", path),
        "",
    ]
    lock_text, manifest = read_text(path), manifest_of(path, tool)
    files = [(path.name, lock_text), (manifest.name, read_text(manifest))]
    if tool == "uv":
        files += [(name, read_text(path.parent / name)) for name in other_files(path, lock_text)]
    for name, text in files:
        parts += [name, text.replace("\r\n", "\n").replace("\r", "\n")]
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()
