"""A poetry.lock, read through Poetry."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name

from layer_constructs.building import process
from layer_constructs.building.indexes.index import PYPI
from layer_constructs.building.locking.tool_locks.failures import lock_stale, name_unknown, tool_failure
from layer_constructs.building.locking.tool_locks.index_comments import with_indexes
from layer_constructs.building.locking.tool_locks.project_copy import ProjectCopy
from layer_constructs.building.locking.tool_locks.tool_lock import ToolLock
from layer_constructs.building.process import Run
from layer_constructs.errors import LockInvalidError, ToolMissingError, Where

_INSTALL_PLUGIN = "run `poetry self add poetry-plugin-export`, or `pipx inject poetry poetry-plugin-export`"
_LOCAL = re.compile(r"(?:-e )?(?:[^\s@[]+(?P<extras>\[[^]]*\])? @ )?(?P<url>file://\S+)(?P<rest>.*)")


def export_poetry(lock: ToolLock, run: Run, program: str, copy: ProjectCopy) -> str:
    """``poetry export`` of a copy, to requirements.txt.

    Not to pylock.toml: for the URLs of the files it asks the indexes again, and for some indexes it downloads and
    builds source distributions to do so.
    """
    settings = copy.top / "layer-constructs-poetry"
    env = {
        **process.clean_environment(),
        "PYTHONUTF8": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "POETRY_CONFIG_DIR": str(settings / "config"),
        "POETRY_CACHE_DIR": str(settings / "cache"),
        "POETRY_VIRTUALENVS_CREATE": "false",
    }
    # Hashes are in it unless --without-hashes is said; there is no option to ask for them.
    arguments = [program, "export", "--format", "requirements.txt", "--no-interaction", "--no-ansi"]
    for extra in lock.extras:
        arguments += ["--extras", extra]
    for group in lock.groups:
        arguments += ["--with", group]
    done = run(arguments, env=env, cwd=copy.folder)
    said = " ".join((done.stdout if done.returncode else "").split() + done.stderr.split())
    # Poetry 1 only warns of it.
    if re.search(r"changed significantly since poetry\.lock|poetry\.lock is not up to date", said):
        raise lock_stale(lock, ["poetry: pyproject.toml has changed since poetry.lock was made"])
    if done.returncode:
        if "The requested command export does not exist" in said:
            raise ToolMissingError(tool="poetry-plugin-export", needed_for=lock.path, install=_INSTALL_PLUGIN)
        if found := re.search(r"Extra \[[^]]*\] is not specified|Group\(s\) not found: \S+", said):
            raise name_unknown(lock, found[0][0].lower() + found[0][1:])
        raise tool_failure(lock, done, copy)
    return _completed(lock, done.stdout, copy)


def _completed(lock: ToolLock, text: str, copy: ProjectCopy) -> str:
    """Paths as they are in the lock instead of in its copy, and which index a name is from."""
    lines = []
    for line in text.splitlines():
        if line.startswith("--trusted-host "):  # Poetry's own idea for any http index; `requirements` refuses it
            continue
        local = _LOCAL.fullmatch(line)
        if local is None:
            lines.append(line)
            continue
        path = Path(url2pathname(urlsplit(local["url"]).path))
        place = path.as_posix()
        if path.is_relative_to(copy.top):
            place = Path(os.path.relpath(path, copy.folder)).as_posix()
            place = place if place.startswith(".") else f"./{place}"
        lines.append(f"{place}{local['extras'] or ''}{local['rest']}")
    text = "\n".join(lines) + "\n"
    listed = re.findall(r"^--(extra-)?index-url ", text, re.MULTILINE)
    if len(listed) + ("" not in listed) < 2:
        return text
    try:
        sources: dict[tuple[str, str], dict[str, str]] = {
            (canonicalize_name(each["name"]), each["version"]): dict(each.get("source", {}))
            for each in lock.data["package"]
        }
    except (AttributeError, KeyError, TypeError, ValueError) as failed:
        raise LockInvalidError(
            "this is not a poetry.lock that Poetry writes",
            where=Where(lock.path),
            fix="restore it from version control, or run `poetry lock`",
        ) from failed

    def index_of(name: str, version: str | None) -> str | None:
        source = sources.get((name, version or ""))
        if source is None or source.get("type", "legacy") != "legacy":
            return None
        return source.get("url", PYPI).rstrip("/")

    return with_indexes(text, index_of)
