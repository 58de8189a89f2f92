"""The dependencies that a pyproject.toml declares, as the same values that a requirements file gives."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from layer_constructs.building.requirements import (
    IndexOption,
    RequirementLine,
    RequirementsFile,
    find_links_option,
    index_option,
    local_requirement,
    parse_requirement,
    read_text,
)
from layer_constructs.errors import RequirementsError, UnsupportedRequirementError, Where

_USE_UV_LOCK = "lock the project with uv and give its uv.lock instead"


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
    source = _read(path)
    uv = source.table("tool", "uv")
    if uv.get("override-dependencies"):
        raise UnsupportedRequirementError(
            "[tool.uv] override-dependencies is understood by uv only",
            where=source.where("override-dependencies"),
            fix=_USE_UV_LOCK,
        )
    project = source.table("project")
    _check_dependencies(source, project, groups=groups)

    texts = _Dependencies(source, project)
    texts.add(source.strings(project.get("dependencies", []), "project.dependencies"))
    for extra in extras:
        texts.add_extra(extra)
    for group in groups:
        texts.add_group(group)

    indexes = _Indexes(source, uv)
    sources: dict[str, object] = {
        canonicalize_name(name): value for name, value in source.table("tool", "uv", "sources").items()
    }
    requirements = [_sourced(line, sources, indexes, source) for line in texts.lines]
    if not requirements:
        raise RequirementsError(
            "there is nothing to install",
            where=source.where("[project]"),
            details=[f"extras: {_listed(texts.extras)}", f"dependency groups: {_listed(texts.groups)}"],
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


@dataclass(slots=True)
class _Source:
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


def _check_dependencies(source: _Source, project: Mapping[str, Any], *, groups: Sequence[str]) -> None:
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

    def __init__(self, source: _Source, project: Mapping[str, Any]) -> None:
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
    def _normalised(table: str, entries: Mapping[str, Any], source: _Source) -> dict[str, Any]:
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
                details=[f"extras: {_listed(self.extras)}"],
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
                details=[f"dependency groups: {_listed(self.groups)}"],
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


class _Indexes:
    """The indexes of ``[tool.uv]``: by name, and by what they are used for."""

    def __init__(self, source: _Source, uv: Mapping[str, Any]) -> None:
        self.default: IndexOption | None = None
        self.extra: list[IndexOption] = []
        self.find_links: list[IndexOption] = []
        self.by_name: dict[str, str] = {}
        if "index-url" in uv:
            url = source.string(uv["index-url"], "tool.uv.index-url")
            self.default = index_option(url, where=source.where(url))
        for url in source.strings(uv.get("extra-index-url", []), "tool.uv.extra-index-url"):
            self.extra.append(index_option(url, where=source.where(url)))
        for place in source.strings(uv.get("find-links", []), "tool.uv.find-links"):
            self.find_links.append(find_links_option(place, where=source.where(place), folder=source.path.parent))
        entries = uv.get("index", [])
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise source.wrong("tool.uv.index", "a list of tables")
        for entry in entries:
            self._add(entry, source)

    def _add(self, entry: Mapping[str, Any], source: _Source) -> None:
        url = source.string(entry.get("url"), "tool.uv.index.url")
        where = source.where(url)
        if entry.get("format", "simple") == "flat":
            option = find_links_option(url, where=where, folder=source.path.parent)
            self.find_links.append(option)
        else:
            option = index_option(url, where=where, explicit=entry.get("explicit") is True)
            if entry.get("default") is True:
                self.default = option
            else:
                self.extra.append(option)
        if "name" in entry:
            self.by_name[source.string(entry["name"], "tool.uv.index.name")] = option.value


def _sourced(
    line: RequirementLine, sources: Mapping[str, object], indexes: _Indexes, source: _Source
) -> RequirementLine:
    """The requirement with what ``[tool.uv.sources]`` says about its name."""
    name = line.name
    if name is None or name not in sources or line.path or (line.requirement and line.requirement.url):
        return line
    entry = sources[name]
    if isinstance(entry, list) and len(entry) == 1:
        entry = entry[0]
    where = source.where(f"{name} =") if f"{name} =" in source.text else line.where
    if isinstance(entry, list) or (isinstance(entry, dict) and entry.keys() & {"marker", "extra", "group"}):
        raise UnsupportedRequirementError(
            f"{name} comes from different sources under different conditions", where=where, fix=_USE_UV_LOCK
        )
    match entry:
        case {"index": str(index)}:
            if index not in indexes.by_name:
                raise RequirementsError(
                    f"there is no index {index}, which {name} comes from",
                    where=where,
                    details=[f"named in [[tool.uv.index]]: {_listed(indexes.by_name)}"],
                )
            return replace(line, index=indexes.by_name[index])
        case {"path": str(path)}:
            return _local(line, source.path.parent / path, where=where)
        case {"workspace": True}:
            return _local(line, _member(name, source, where=where), where=where)
        case {"git": _} | {"url": _}:
            raise UnsupportedRequirementError(
                f"{name} comes from a URL that no hash pins",
                where=where,
                fix="take a released version, or build a wheel of it, commit it and write its path as the source",
            )
    raise RequirementsError(
        f"the source of {name} can't be used",
        where=where,
        details=['allowed: {index = "..."}, {path = "..."} and {workspace = true}'],
    )


def _local(line: RequirementLine, path: Path, *, where: Where) -> RequirementLine:
    """The wheel or project folder at ``path`` in place of the name."""
    wanted = line.requirement
    if wanted is None:
        return line
    local = local_requirement(
        path, where=where, name=wanted.name, extras=",".join(sorted(wanted.extras)), marker=wanted.marker
    )
    for specifier in local.requirement.specifier if local.requirement else ():
        if not wanted.specifier.contains(specifier.version, prereleases=True):
            raise RequirementsError(f"{path.name} is not the {wanted} that is asked for", where=where)
    return replace(local, where=line.where)


def _member(name: str, source: _Source, *, where: Where) -> Path:
    """The folder of the workspace member ``name`` (https://docs.astral.sh/uv/concepts/projects/workspaces/)."""
    for folder in source.path.absolute().parents:
        file = folder / "pyproject.toml"
        root = source if folder == source.path.absolute().parent else _read(file) if file.is_file() else None
        if root and (workspace := root.table("tool", "uv", "workspace")):
            break
    else:
        raise RequirementsError(
            f"{name} comes from a workspace, and no pyproject.toml here or above has [tool.uv.workspace]", where=where
        )
    members = root.strings(workspace.get("members", []), "tool.uv.workspace.members")
    excluded = set(_matching(folder, root.strings(workspace.get("exclude", []), "tool.uv.workspace.exclude"), root))
    found = [
        member
        for member in (folder, *_matching(folder, members, root))
        if member not in excluded and (member / "pyproject.toml").is_file()
    ]
    for member in found:
        called = _read(member / "pyproject.toml").table("project").get("name")
        if isinstance(called, str) and canonicalize_name(called) == name:
            return member
    raise RequirementsError(
        f"no member of the workspace is called {name}",
        where=where,
        details=[f"workspace: {root.path}", f"members: {', '.join(map(str, found))}"],
    )


def _matching(folder: Path, patterns: Sequence[str], source: _Source) -> list[Path]:
    found: list[Path] = []
    for pattern in patterns:
        if ".." in Path(pattern).parts or Path(pattern).is_absolute():
            raise RequirementsError(
                f"the members of a workspace must stand in its folder: {pattern}", where=source.where(pattern)
            )
        try:
            found += sorted(folder.glob(pattern))
        except (ValueError, NotImplementedError, OSError) as error:
            raise RequirementsError(f"{pattern!r} can't be matched: {error}", where=source.where(pattern)) from None
    return found


def _read(path: Path) -> _Source:
    source = _Source(path, read_text(path))
    try:
        source.data = tomllib.loads(source.text)
    except (ValueError, RecursionError) as error:  # a ValueError too for a date or a number that can't be
        raise RequirementsError(f"this is not valid TOML: {error}", where=Where(path)) from None
    return source


def _both(one: str, other: str) -> str:
    return f"({one}) and ({other})" if one and other else one or other


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
