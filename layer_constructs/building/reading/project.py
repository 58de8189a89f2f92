"""The dependencies that a pyproject.toml declares, as the same values that a requirements file gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from layer_constructs.building.reading.project_file import ProjectFile, listed, read_project_file
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.reading.requirements import RequirementsFile
from layer_constructs.building.reading.uv_sources import USE_UV_LOCK, UvIndexes, sourced
from layer_constructs.errors import RequirementsError, UnsupportedRequirementError, Where


def read_project(path: Path, *, extras: Sequence[str] = (), groups: Sequence[str] = ()) -> RequirementsFile:
    """Read ``[project].dependencies`` with the chosen extras and dependency groups.

    Follows PEP 621 and PEP 735. Of ``[tool.uv]`` only what says where names come from is read (``sources``, ``index``,
    ``workspace`` and the older index options) and ``constraint-dependencies``; what would change the result in a way
    that only uv can follow is refused.

    :param path: the ``pyproject.toml``, relative to the working directory.
    :param extras: names in ``[project.optional-dependencies]``.
    :param groups: names in ``[dependency-groups]``.
    :raises UnsupportedRequirementError: for a requirement that can't be pinned.
    :raises RequirementsError: if the file can't be read or understood, names no such extra or group, or asks for
        nothing.
    """
    source = read_project_file(path)
    uv = source.table("tool", "uv")
    if uv.get("override-dependencies"):
        raise UnsupportedRequirementError(
            "[tool.uv] override-dependencies is understood by uv only",
            where=source.where("override-dependencies"),
            fix=USE_UV_LOCK,
        )
    project = source.table("project")
    _check_dependencies(source, project, groups=groups)

    texts = _Dependencies(source, project)
    texts.add(source.strings(project.get("dependencies", []), "project.dependencies"))
    for extra in extras:
        texts.add_extra(extra)
    for group in groups:
        texts.add_group(group)

    indexes = UvIndexes(source, uv)
    sources: dict[str, object] = {
        canonicalize_name(name): value for name, value in source.table("tool", "uv", "sources").items()
    }
    requirements = [sourced(line, sources, indexes, source) for line in texts.lines]
    if not requirements:
        raise RequirementsError(
            "there is nothing to install",
            where=source.where("[project]"),
            details=[f"extras: {listed(texts.extras)}", f"dependency groups: {listed(texts.groups)}"],
            fix="name a dependency in [project] dependencies, or choose extras or groups",
        )
    constraints = source.strings(uv.get("constraint-dependencies", []), "tool.uv.constraint-dependencies")
    return RequirementsFile(
        path=path,
        requirements=tuple(requirements),
        constraints=tuple(source.requirement(each) for each in constraints),
        index_url=indexes.default,
        extra_index_urls=tuple(indexes.extra),
        find_links=tuple(indexes.find_links),
        no_index=uv.get("no-index") is True,
        prereleases=uv.get("prerelease") == "allow",
    )


def _check_dependencies(source: ProjectFile, project: Mapping[str, Any], *, groups: Sequence[str]) -> None:
    poetry = source.table("tool", "poetry")
    dynamic = source.strings(project.get("dynamic", []), "project.dynamic")
    if "dependencies" not in project and "dependencies" in poetry:
        raise RequirementsError(
            "the dependencies are written for Poetry, in [tool.poetry.dependencies]",
            where=source.where("[tool.poetry.dependencies]"),
            fix="give the project's poetry.lock instead",
        )
    if "dependencies" in dynamic:
        raise RequirementsError(
            "the dependencies are dynamic: only the project's build backend knows them",
            where=source.where("dynamic"),
            fix="give the file that they are made from, such as requirements.txt, or a lock",
        )
    if "project" not in source.data and not groups:
        raise RequirementsError(
            "there is no [project] table",
            where=Where(source.path),
            fix="declare the dependencies in [project] dependencies, choose dependency groups, or give another file",
        )


class _Dependencies:
    """Requirements in the order they are asked for, with extras and groups unfolded."""

    def __init__(self, source: ProjectFile, project: Mapping[str, Any]) -> None:
        self.lines: list[RequirementLine] = []
        self.extras = self._normalised(
            "project.optional-dependencies", source.table("project", "optional-dependencies"), source
        )
        self.groups = self._normalised("dependency-groups", source.table("dependency-groups"), source)
        self._source = source
        self._name = canonicalize_name(source.string(project.get("name", ""), "project.name"))
        self._dynamic = "optional-dependencies" in source.strings(project.get("dynamic", []), "project.dynamic")
        self._seen: set[tuple[str, str]] = set()
        self._unfolded_groups: set[str] = set()

    @staticmethod
    def _normalised(table: str, entries: Mapping[str, Any], source: ProjectFile) -> dict[str, Any]:
        names: dict[str, Any] = {}
        for name, value in entries.items():
            if canonicalize_name(name) in names:
                raise RequirementsError(f"[{table}] has {canonicalize_name(name)} twice", where=source.where(name))
            names[canonicalize_name(name)] = value
        return names

    def add(self, texts: Iterable[str], *, marker: str = "", unfolding: tuple[str, ...] = ()) -> None:
        for text in texts:
            line = self._source.requirement(text)
            if line.name == self._name and line.requirement and not line.requirement.url and not line.path:
                # The project itself is not installed, so that only the extras it asks of itself remain.
                own = _both(marker, str(line.requirement.marker or ""))
                for extra in sorted(line.requirement.extras):
                    self.add_extra(extra, marker=own, unfolding=unfolding)
            else:
                self.lines.append(self._marked(line, marker))

    def add_extra(self, extra: str, *, marker: str = "", unfolding: tuple[str, ...] = ()) -> None:
        name = canonicalize_name(extra)
        if name not in self.extras:
            if self._dynamic:
                raise RequirementsError(
                    "the optional dependencies are dynamic: only the project's build backend knows them",
                    where=self._source.where("dynamic"),
                    fix="give the file that they are made from, or a lock",
                )
            raise RequirementsError(
                f"there is no extra {extra}",
                where=self._source.where("[project.optional-dependencies]"),
                details=[f"extras: {listed(self.extras)}"],
            )
        # Extras may ask for each other; what was there before, or under no condition, is there already.
        if name not in unfolding and not {(name, marker), (name, "")} & self._seen:
            self._seen.add((name, marker))
            texts = self._source.strings(self.extras[name], f"project.optional-dependencies.{name}")
            self.add(texts, marker=marker, unfolding=(*unfolding, name))

    def add_group(self, group: str, *, including: tuple[str, ...] = ()) -> None:
        name = canonicalize_name(group)
        if name not in self.groups:
            raise RequirementsError(
                f"there is no dependency group {group}",
                where=self._source.where(including[-1] if including else "[dependency-groups]"),
                details=[f"dependency groups: {listed(self.groups)}"],
            )
        if name in including:
            raise RequirementsError(f"the dependency group {group} includes itself", where=self._source.where(group))
        entries = self.groups[name]
        if not isinstance(entries, list):
            raise self._source.wrong(f"dependency-groups.{group}", "a list")
        if name in self._unfolded_groups:
            return
        self._unfolded_groups.add(name)
        for entry in entries:
            match entry:
                case str():
                    self.add([entry])
                case {"include-group": str(included), **others} if not others:
                    self.add_group(included, including=(*including, name))
                case _:
                    raise self._source.wrong(
                        f"an entry of dependency-groups.{group}", 'a requirement or {include-group = "..."}'
                    )

    @staticmethod
    def _marked(line: RequirementLine, marker: str) -> RequirementLine:
        if not marker:
            return line
        if line.requirement is None:
            return replace(line, marker=Marker(_both(marker, str(line.marker or ""))))
        line.requirement.marker = Marker(_both(marker, str(line.requirement.marker or "")))
        return line


def _both(one: str, other: str) -> str:
    return f"({one}) and ({other})" if one and other else one or other
