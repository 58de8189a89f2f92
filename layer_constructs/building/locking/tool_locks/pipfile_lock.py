"""A Pipfile.lock, read through Pipenv."""

from __future__ import annotations

import os
import re
from typing import Any

from packaging.utils import canonicalize_name

from layer_constructs.building import process
from layer_constructs.building.locking.tool_locks.failures import lock_stale, tool_failure
from layer_constructs.building.locking.tool_locks.index_comments import with_indexes
from layer_constructs.building.locking.tool_locks.project_copy import ProjectCopy
from layer_constructs.building.locking.tool_locks.tool_lock import ToolLock
from layer_constructs.building.process import Run
from layer_constructs.errors import ArgumentError, LockInvalidError, Where

_SECTIONS = {"packages": "default", "dev-packages": "develop"}


def export_pipenv(lock: ToolLock, run: Run, program: str, copy: ProjectCopy) -> str:
    if lock.extras:
        raise ArgumentError(
            f"a Pipfile has no extras: {', '.join(lock.extras)}",
            where=Where(lock.path),
            fix="name its categories in groups",
        )
    categories = [_category(lock, group) for group in lock.groups]
    env = {
        **process.clean_environment(),
        "PYTHONUTF8": "1",
        "PIPENV_PIPFILE": str(copy.folder / "Pipfile"),
        "PIPENV_DONT_LOAD_ENV": "1",
        "PIPENV_IGNORE_VIRTUALENVS": "1",
        "PIPENV_CACHE_DIR": str(copy.top / "layer-constructs-cache"),
        "WORKON_HOME": str(copy.top / "layer-constructs-virtualenvs"),
        "PIP_CONFIG_FILE": os.devnull,
    }
    verified = run([program, "verify"], env=env, cwd=copy.folder)
    if verified.returncode:
        if "out-of-date" in verified.stdout + verified.stderr:
            raise lock_stale(lock, ["pipenv verify: Pipfile.lock is out-of-date"])
        raise tool_failure(lock, verified, copy)
    arguments = [program, "requirements", "--hash"]
    if categories:
        arguments += ["--categories", " ".join(["packages", *categories])]
    done = run(arguments, env=env, cwd=copy.folder)
    if done.returncode:
        raise tool_failure(lock, done, copy)
    return _completed(lock, done.stdout, ["default", *(_SECTIONS.get(each, each) for each in categories)])


def _category(lock: ToolLock, group: str) -> str:
    category = {"default": "packages", "dev": "dev-packages", "develop": "dev-packages"}.get(group, group)
    sections = [name for name in lock.data if name != "_meta"]
    if _SECTIONS.get(category, category) not in sections:  # pipenv exports nothing for it, without a word
        raise ArgumentError(
            f"there is no category {group}", where=Where(lock.path), details=[f"allowed: {', '.join(sections)}"]
        )
    return category


def _completed(lock: ToolLock, text: str, sections: list[str]) -> str:
    """What ``pipenv requirements`` leaves out of the lock: hashes of named files, and which index a name is from."""
    try:
        names = [source["name"] for source in lock.data["_meta"]["sources"]]
        entries: dict[str, dict[str, Any]] = {
            canonicalize_name(name): dict(entry) for each in sections for name, entry in lock.data[each].items()
        }
        files = [entry for entry in entries.values() if "file" in entry]
        hashes = {entry["file"]: entry.get("hashes", []) for entry in files}
    except (AttributeError, KeyError, TypeError, ValueError) as failed:
        raise LockInvalidError(
            "this is not a Pipfile.lock that Pipenv writes",
            where=Where(lock.path),
            fix="restore it from version control, or run `pipenv lock`",
        ) from failed
    lines = []
    for line in text.splitlines():
        # Editable or not makes no difference to what goes into a layer; uv has --no-editable for it.
        installed = re.sub(r"^-e\s+", "", line)
        location = installed.partition(" ;")[0].partition("; ")[0].strip()
        lines.append(" ".join([installed, *(f"--hash={each}" for each in hashes.get(location, ()))]))
    text = "\n".join(lines) + "\n"

    # In the order of the sources, with variables as pip writes them.
    urls = dict(zip(names, re.findall(r"^(?:-i|--extra-index-url) (\S+)", text, re.MULTILINE), strict=False))
    settings = lock.manifest_data.get("pipenv")
    search_all = isinstance(settings, dict) and settings.get("install_search_all_sources")

    def index_of(name: str, _version: str | None) -> str | None:
        entry = entries.get(name, {})
        # Pipenv's rule: what names no index comes from the first one.
        return urls.get(entry.get("index") or ("" if search_all else names[0]))

    return with_indexes(text, index_of) if len(urls) > 1 else text
