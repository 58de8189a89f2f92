"""A pyproject.toml, and where in it something stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layer_constructs.building.reading.requirement_line import RequirementLine, parse_requirement
from layer_constructs.building.reading.requirements import read_text
from layer_constructs.errors import RequirementsError, Where


@dataclass(slots=True)
class ProjectFile:
    """The file, and where in it something stands: tomllib keeps no line numbers."""

    path: Path
    text: str
    data: dict[str, Any] = field(default_factory=dict)

    def where(self, text: str) -> Where:
        """The line on which ``text`` first stands, in quotes if anywhere; no line if it is written in another way."""
        for wanted in (f'"{text}"', f"'{text}'", text):
            position = self.text.find(wanted)
            if position >= 0:
                return Where(self.path, self.text.count("\n", 0, position) + 1)
        return Where(self.path)

    def table(self, *names: str) -> dict[str, Any]:
        found: Any = self.data
        for depth, name in enumerate(names, start=1):
            found = found.get(name, {})
            if not isinstance(found, dict):
                raise self.wrong(".".join(names[:depth]), "a table")
        return dict(found)

    def strings(self, value: object, name: str) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(name, "a list of strings")
        return value

    def string(self, value: object, name: str) -> str:
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def wrong(self, name: str, wanted: str) -> RequirementsError:
        return RequirementsError(f"{name} is not {wanted}", where=self.where(name.rpartition(".")[2]))

    def requirement(self, text: str) -> RequirementLine:
        return parse_requirement(text.strip(), where=self.where(text), folder=self.path.parent)


def read_project_file(path: Path) -> ProjectFile:
    """Read a pyproject.toml.

    :raises RequirementsError: if it isn't there or isn't TOML.
    """
    source = ProjectFile(path, read_text(path))
    try:
        source.data = tomllib.loads(source.text)
    except (ValueError, RecursionError) as error:  # a ValueError too for a date or a number that can't be
        raise RequirementsError(f"this is not valid TOML: {error}", where=Where(path)) from None
    return source


def listed(names: Iterable[str]) -> str:
    """Names as an error shows them."""
    return ", ".join(sorted(names)) or "none"
