"""What a tool said when it failed, as an error."""

from __future__ import annotations

import re
from collections.abc import Sequence

from layer_constructs.building import process
from layer_constructs.building.locking.tool_locks.credentials import passwords_in
from layer_constructs.building.locking.tool_locks.project_copy import ProjectCopy
from layer_constructs.building.locking.tool_locks.tool_lock import ToolLock
from layer_constructs.building.process import Completed
from layer_constructs.building.reading.redaction import redact
from layer_constructs.errors import ArgumentError, LayerError, LockStaleError, ToolFailedError, ToolMissingError, Where

INSTALL = {
    "pipenv": "install it, such as by `pipx install pipenv`",
    "poetry": "install it, such as by `pipx install poetry` and `pipx inject poetry poetry-plugin-export`",
}

_NOT_OURS = "only the tool that made it may remake it"

# Poetry looks for local projects and wheels, which are not copied: their names are enough.
_NOT_COPIED = re.compile(r"^Path .* does not exist$")


def tool_failure(lock: ToolLock, done: Completed, copy: ProjectCopy) -> LayerError:
    if done.returncode == 127:  # a shim of pyenv or asdf, for a tool that its Python doesn't have
        return ToolMissingError(tool=lock.tool, needed_for=lock.path, install=INSTALL[lock.tool])
    return ToolFailedError(
        f"{lock.tool} can't export {lock.path.name}",
        where=Where(lock.path),
        details=last_lines(lock, done, copy) or [f"it said nothing and ended with {done.returncode}"],
        fix=f"run `{lock.tool} lock` in {lock.path.parent.absolute()} and see whether it works there",
    )


def lock_stale(lock: ToolLock, said: Sequence[str]) -> LockStaleError:
    return LockStaleError(lock=lock.path, changes=said, because=_NOT_OURS, command=f"{lock.tool} lock")


def name_unknown(lock: ToolLock, said: str) -> ArgumentError:
    return ArgumentError(said, where=Where(lock.manifest), fix="name one that is there, or run the tool's lock command")


def last_lines(lock: ToolLock, done: Completed, copy: ProjectCopy, *, limit: int = 8) -> list[str]:
    """What the tool said last, without secrets and with the user's own paths."""
    said = copy.shown(done.stderr.strip() or done.stdout.strip())
    lines = [line for line in said.splitlines() if line.strip() and not _NOT_COPIED.search(line)][-limit:]
    passwords = {password for password in passwords_in(lock) if "${" not in password}
    return [process.mask(redact(line), passwords) for line in lines]
