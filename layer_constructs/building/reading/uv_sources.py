"""Where ``[tool.uv]`` says that the names of a pyproject.toml come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from layer_constructs.building.reading.project_file import ProjectFile, listed, read_project_file
from layer_constructs.building.reading.requirement_line import RequirementLine, local_requirement
from layer_constructs.building.reading.requirements import IndexOption, find_links_option, index_option
from layer_constructs.building.reading.seen import not_all
from layer_constructs.errors import RequirementsError, UnsupportedRequirementError, Where

USE_UV_LOCK = "lock the project with uv and give its uv.lock instead"


class UvIndexes:
    """The indexes of ``[tool.uv]``: by name, and by what they are used for."""

    def __init__(self, source: ProjectFile, uv: Mapping[str, Any]) -> None:
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

    def _add(self, entry: Mapping[str, Any], source: ProjectFile) -> None:
        url = source.string(entry.get("url"), "tool.uv.index.url")
        where = source.where(url)
        if entry.get("format", "simple") == "flat":
            option = find_links_option(url, where=where, folder=source.path.parent)
            self.find_links.append(option)
        else:
            name = source.string(entry["name"], "tool.uv.index.name") if "name" in entry else None
            option = index_option(url, where=where, explicit=entry.get("explicit") is True, name=name)
            if entry.get("default") is True:
                self.default = option
            else:
                self.extra.append(option)
        if "name" in entry:
            self.by_name[source.string(entry["name"], "tool.uv.index.name")] = option.value


def sourced(
    line: RequirementLine, sources: Mapping[str, object], indexes: UvIndexes, source: ProjectFile
) -> RequirementLine:
    """The requirement with what ``[tool.uv.sources]`` says about its name.

    :param sources: the table, by canonical name.
    :raises UnsupportedRequirementError: for a source that can't be pinned, or depends on a condition.
    :raises RequirementsError: for one that isn't there or can't be understood.
    """
    name = line.name
    if name is None or name not in sources or line.path or (line.requirement and line.requirement.url):
        return line
    entry = sources[name]
    if isinstance(entry, list) and len(entry) == 1:
        entry = entry[0]
    where = source.where(f"{name} =") if f"{name} =" in source.text else line.where
    if isinstance(entry, list) or (isinstance(entry, dict) and entry.keys() & {"marker", "extra", "group"}):
        raise UnsupportedRequirementError(
            f"{name} comes from different sources under different conditions", where=where, fix=USE_UV_LOCK
        )
    match entry:
        case {"index": str(index)}:
            if index not in indexes.by_name:
                raise RequirementsError(
                    f"there is no index {index}, which {name} comes from",
                    where=where,
                    details=[f"named in [[tool.uv.index]]: {listed(indexes.by_name)}"],
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


def _member(name: str, source: ProjectFile, *, where: Where) -> Path:
    """The folder of the workspace member ``name`` (https://docs.astral.sh/uv/concepts/projects/workspaces/)."""
    not_all()  # other projects, wherever they are
    for folder in source.path.absolute().parents:
        file = folder / "pyproject.toml"
        root = (
            source if folder == source.path.absolute().parent else read_project_file(file) if file.is_file() else None
        )
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
        called = read_project_file(member / "pyproject.toml").table("project").get("name")
        if isinstance(called, str) and canonicalize_name(called) == name:
            return member
    raise RequirementsError(
        f"no member of the workspace is called {name}",
        where=where,
        details=[f"workspace: {root.path}", f"members: {', '.join(map(str, found))}"],
    )


def _matching(folder: Path, patterns: Sequence[str], source: ProjectFile) -> list[Path]:
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
