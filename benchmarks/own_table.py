"""A comparison that is not one of times, or not of pairs, and so makes its own table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnTable:
    """:param about: what is measured, for the reader of the table.
    :param table: measures so many rounds and says the lines below ``about``. Raises `Unavailable` where it can't.
    :param pictures: files that it leaves in the workspace's folder of its name, to be put beside the document.
    :param most_runs: rounds at the most, for what takes long.
    """

    name: str
    about: str
    table: Callable[[Workspace, int], Sequence[str]]
    pictures: Sequence[str] = ()
    most_runs: int | None = None

    def section(self, workspace: Workspace, *, runs: int) -> str:
        """The whole section."""
        lines = self.table(workspace, min(runs, self.most_runs or runs))
        return "\n".join([f"## {self.name}", "", self.about, "", *lines, ""])
