"""What a tool gets to see of a project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from layer_constructs.building.locking.tool_locks.tool_lock import ToolLock


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectCopy:
    """What a tool gets to see of a project: its lock and manifest, and no code.

    It is as deep in the temporary folder as the original in its file system, so that ``../shared`` stays within.
    """

    top: Path
    original: Path
    folder: Path

    def shown(self, text: str) -> str:
        """``text`` with the user's own paths."""
        return text.replace(str(self.folder), str(self.original))


def copy_project(lock: ToolLock, top: Path) -> ProjectCopy:
    original = lock.path.parent.resolve()
    folder = top.joinpath(*original.parts[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for each in (lock.path, lock.manifest):
        (folder / each.name).write_bytes(each.read_bytes())
    return ProjectCopy(top=top, original=original, folder=folder)
