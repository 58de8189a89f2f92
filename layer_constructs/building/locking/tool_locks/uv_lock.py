"""A uv.lock, read through uv."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from layer_constructs.building import uv
from layer_constructs.building.locking.tool_locks.failures import last_lines, lock_stale, name_unknown, tool_failure
from layer_constructs.building.locking.tool_locks.project_copy import ProjectCopy
from layer_constructs.building.locking.tool_locks.tool_lock import ToolLock, parse_table
from layer_constructs.building.process import Run
from layer_constructs.building.reading.redaction import redact
from layer_constructs.building.reading.requirements import read_text
from layer_constructs.errors import LockInvalidError, RequirementsError, Where

Which = Callable[[str], str | None]

_UNREADABLE = re.compile(r"unsupported (?:lockfile )?schema version|Failed to parse (?:lockfile )?`[^`]*uv\.lock`")
_STALE = re.compile(
    r"(?:Resolving despite|Ignoring) existing lockfile due to (?P<why>[^\n]*[^\n:]):?$|needs to be updated",
    re.MULTILINE,
)

# What uv compares with the lock and takes from its configuration. The rest it reads in the manifest itself.
_OPTIONS = {
    "resolution-mode": "resolution",
    "prerelease-mode": "prerelease",
    "fork-strategy": "fork-strategy",
    "exclude-newer": "exclude-newer",
    "exclude-newer-package": "exclude-newer-package",
}


def other_files(path: Path, text: str) -> list[str]:
    """What decides besides whether a uv.lock is stale: uv.toml, and the pyproject.toml of every other local project."""
    names = ["uv.toml", *(f"{folder}/pyproject.toml" for folder in _folders(text) if folder != ".")]
    return [name for name in names if (path.parent / name).is_file()]


def _folders(text: str) -> list[str]:
    """The folders of local projects in a uv.lock, as they are in it: POSIX paths, relative to its own folder."""
    found = re.findall(r'^source = \{ (?:editable|virtual|directory) = "([^"]+)" \}', text, re.MULTILINE)
    return list(dict.fromkeys(found))


def export_uv(lock: ToolLock, run: Run, copy: ProjectCopy) -> str:
    # --frozen: the lock as it is, so neither a Python nor an index is needed
    arguments = [
        "export", "--frozen", "--offline", "--no-config", "--no-python-downloads",
        "--format", "pylock.toml", "--no-header",
        "--no-default-groups", "--no-emit-project", "--no-editable",
    ]  # fmt: skip
    for extra in lock.extras:
        arguments += ["--extra", extra]
    for group in lock.groups:
        arguments += ["--group", group]
    done = uv.call(arguments, run=run, environment={}, secrets=(), cwd=copy.folder)
    if done.returncode:
        if found := re.search(r"(?:Extra|Group) `[^`]+` is not defined.*", done.stderr):
            raise name_unknown(lock, found[0][0].lower() + found[0][1:])
        if _UNREADABLE.search(done.stderr):
            raise LockInvalidError(
                "uv can't read this lock",
                where=Where(lock.path),
                details=last_lines(lock, done, copy),
                fix="restore it from version control, or run `uv lock`; for a newer format, update the uv package",
            )
        raise tool_failure(lock, done, copy)
    return done.stdout


def check_uv_fresh(lock: ToolLock, run: Run, which: Which, copy: ProjectCopy) -> tuple[str, ...]:
    """Ask uv, without network, whether the lock still fits its manifest.

    uv 0.13 builds an editable project to learn its metadata, ``--no-build`` or not. In the copy there is no code, and
    with an empty cache and no network there is no build backend either.

    :returns: a note if uv can't tell, such as for a local project whose metadata comes from its build backend.
    """
    unsure = "uv could not tell whether uv.lock is up to date: "
    if outside := _copy_projects(lock, copy):
        return (f"{unsure}{outside} is an absolute path",)
    python = _python_for(lock, which)
    if python is None:
        return (f"{unsure}no Python that the project supports is on the PATH",)
    settings = copy.top / "layer-constructs-uv.toml"
    import tomlkit

    settings.write_text(tomlkit.dumps(_settings(lock)), encoding="utf-8")
    arguments = [
        "lock", "--check", "--verbose", "--offline", "--no-build", "--no-python-downloads",
        "--config-file", str(settings),
        "--cache-dir", str(copy.top / "layer-constructs-uv-cache"),
        "--python", python,
    ]  # fmt: skip
    done = uv.call(arguments, run=run, environment={}, secrets=(), cwd=copy.folder)
    if done.returncode == 0:
        return ()
    # The error itself only says what uv then missed in the empty cache.
    if stale := _STALE.search(done.stderr):
        raise lock_stale(lock, [f"uv: {redact(copy.shown(stale['why']))}"] if stale["why"] else [])
    said = [line.strip() for line in last_lines(lock, done, copy, limit=40) if re.match(r"\s*(?:error|cause):", line)]
    return (unsure + "; ".join(said),)


def _copy_projects(lock: ToolLock, copy: ProjectCopy) -> str | None:
    """The manifests of local projects, and local wheels, into the copy; the first absolute path that is in the way."""
    folders = _folders(lock.text)
    files: list[str] = re.findall(r'^source = \{ path = "([^"]+)" \}', lock.text, re.MULTILINE)
    for manifest in [lock.manifest, *(copy.original / folder / "pyproject.toml" for folder in folders)]:
        text = read_text(manifest) if manifest.is_file() else ""
        files += re.findall(r"""\bpath\s*=\s*["'](/[^"']*|[A-Za-z]:[^"']*|\\\\[^"']*)["']""", text)
    match lock.manifest_data:
        case {"tool": {"uv": {"workspace": {"members": [*patterns]}}}}:
            relative = [each for each in patterns if isinstance(each, str) and each and not Path(each).is_absolute()]
            with contextlib.suppress(ValueError):  # not a pattern: uv says so
                found = {member for each in relative for member in copy.original.glob(each)}
                folders += sorted(os.path.relpath(member, copy.original) for member in found)
    for place in (*(f"{folder}/pyproject.toml" for folder in folders if folder != "."), *files):
        source, target = copy.original / place, Path(os.path.normpath(copy.folder / place))
        if target.is_relative_to(copy.top) and source.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return next((place for place in (*folders, *files) if Path(place).is_absolute()), None)


def _settings(lock: ToolLock) -> dict[str, Any]:
    """A uv.toml for the check: the lock's own options, and over them those of the project.

    The user's and the machine's settings have no say in it: with a cooldown or a mirror in them, the same lock would
    be stale on one machine and not on the next. Indexes are left out for the same reason.
    """
    options = lock.data.get("options")
    settings: dict[str, Any] = {}
    if isinstance(options, dict):
        settings = {_OPTIONS[key]: value for key, value in options.items() if key in _OPTIONS}
        if "exclude-newer-span" in options:  # relative: the date beside it is a placeholder
            settings["exclude-newer"] = options["exclude-newer-span"]
        if isinstance(each := settings.get("exclude-newer-package"), dict):
            settings["exclude-newer-package"] = {
                name: value.get("span", value.get("timestamp")) if isinstance(value, dict) else value
                for name, value in each.items()
            }
    project: Mapping[Any, Any] = {}
    uv_toml = lock.path.parent / "uv.toml"
    if uv_toml.is_file():  # uv then passes over the table in pyproject.toml
        project = parse_table(read_text(uv_toml), uv_toml, tomllib.loads, RequirementsError, "correct that line")
    else:
        match lock.manifest_data:
            case {"tool": {"uv": {**table}}}:
                project = table
    settings |= {key: project[key] for key in (*_OPTIONS.values(), "dependency-metadata") if key in project}
    return settings


def _python_for(lock: ToolLock, which: Which) -> str | None:
    """A Python that the project supports: uv refuses to look at its lock with another one."""
    project = lock.manifest_data.get("project")
    wanted = project.get("requires-python") if isinstance(project, dict) else None
    wanted = wanted or lock.data.get("requires-python")
    if not isinstance(wanted, str):
        return sys.executable
    try:
        supported = SpecifierSet(wanted)
    except InvalidSpecifier:
        return sys.executable  # uv says what is wrong with it
    if supported.contains(platform.python_version(), prereleases=True):
        return sys.executable
    for minor in range(20, 7, -1):
        # 99: whether some patch release of it is supported; which one is installed, uv sees
        if any(supported.contains(f"3.{minor}.{patch}") for patch in (0, 99)) and (found := which(f"python3.{minor}")):
            return found
    return None
