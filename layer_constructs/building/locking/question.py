"""What is asked of the resolver, and the files in which uv reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.reading.requirement_line import RequirementLine

if TYPE_CHECKING:
    from layer_constructs.building.locking.pins import LockedFile

# How uv calls the project that stands for the user's file; its messages are reworded by this name.
PROJECT = "layer-constructs-requirements-file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is to be resolved; local projects are wheels by now.

    :param exclude_newer: an RFC 3339 time; files uploaded later are not considered.
    """

    requirements: tuple[RequirementLine, ...]
    constraints: tuple[RequirementLine, ...] = ()
    indexes: Indexes
    prereleases: bool = False
    exclude_newer: str | None = None

    def line_of(self, name: str) -> RequirementLine | None:
        """The first requirement of this canonical name."""
        return next((line for line in self.requirements if line.name == name), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionFiles:
    """The question as it lies in a folder of uv's own.

    :param output: where the answer goes; what stands there already is preferred.
    """

    project: Path
    constraints: Path
    output: Path
    configuration: Path | None = None


def write_question(
    question: Question,
    folder: Path,
    *,
    ceilings: Mapping[str, str],
    preferred: Iterable[LockedFile],
    configuration: str | None = None,
) -> QuestionFiles:
    """Write the question for uv.

    :param ceilings: versions that may not be exceeded, by name.
    :param preferred: versions to stay with where possible.
    :param configuration: the content of a ``uv.toml``.
    """
    files = QuestionFiles(
        project=folder / "pyproject.toml",
        constraints=folder / "constraints.txt",
        output=folder / "pylock.pins.toml",
        configuration=folder / "uv.toml" if configuration else None,
    )
    files.project.write_text(_project(question), encoding="utf-8")
    limits = [str(line.requirement) for line in question.constraints if line.requirement]
    limits += [f"{name}<={version}" for name, version in sorted(ceilings.items())]
    files.constraints.write_text("\n".join(limits), encoding="utf-8")
    if files.configuration and configuration:
        files.configuration.write_text(configuration, encoding="utf-8")
    known = list(preferred)
    if known:
        files.output.write_text(_preferences(known), encoding="utf-8")
    return files


def _project(question: Question) -> str:
    """A pyproject.toml that asks uv for the requirements, each from the index that the user named for it."""
    names = {index.url: index.name for index in question.indexes.indexes}
    lines = ["[project]", f'name = "{PROJECT}"', 'version = "0"', "dependencies = ["]
    lines += [f"  {json.dumps(_requirement(line))}," for line in question.requirements if line.requirement]
    lines.append("]")
    # A workspace of its own: uv would otherwise look for one in every folder above the temporary one.
    lines += ["[tool.uv.workspace]", "members = []"]
    named = {line.name: line.index for line in question.requirements if line.name and line.index}
    if named:
        lines.append("[tool.uv.sources]")
        lines += [f"{name} = {{ index = {json.dumps(names[url])} }}" for name, url in sorted(named.items())]
        for url in sorted(set(named.values())):
            lines += ["[[tool.uv.index]]", f"name = {json.dumps(names[url])}", f"url = {json.dumps(url)}"]
            lines.append("explicit = true")
    return "\n".join(lines) + "\n"


def _requirement(line: RequirementLine) -> str:
    requirement = line.requirement
    assert requirement is not None  # noqa: S101 - narrowed by the caller
    if line.path is None:
        return str(requirement)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras} @ {line.path.as_uri()}{marker}"


def _preferences(preferred: Iterable[LockedFile]) -> str:
    lines = ['lock-version = "1.0"', 'created-by = "layer-constructs"']
    for wheel in preferred:
        lines += ["[[packages]]", f"name = {json.dumps(wheel.name)}", f"version = {json.dumps(wheel.version)}"]
    return "\n".join(lines) + "\n"
