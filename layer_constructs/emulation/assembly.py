"""A synthesised app as it lies on disk, ``cdk.out``: its templates and where its assets are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from layer_constructs.errors import ArgumentError, Where
from layer_constructs.layers.of_function import LambdaFunction, functions_of
from layer_constructs.layers.templates import Resource, Template, asset_hash, read_templates

_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Assembly:
    """:param outdir: the folder that a synth wrote, usually ``cdk.out``."""

    outdir: Path

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """Of all stacks: of stages, and nested ones too.

        :raises ArgumentError: if this is no synthesised app.
        """
        if not (self.outdir / _MANIFEST).is_file():
            raise ArgumentError(
                f"{self.outdir} has no synthesised app",
                details=[f"there is no {_MANIFEST} in it"],
                fix="run `cdk synth` first, or name the folder it wrote with --app",
            )
        return tuple(read_templates(each.folder / each.file for each in self._stacks))

    @cached_property
    def functions(self) -> tuple[LambdaFunction, ...]:
        return tuple(functions_of(self.templates))

    def label(self, resource: Resource) -> str:
        """The path of a resource's construct, where it is known; else the logical id."""
        path = resource.path or self._paths.get(resource.key) or resource.logical_id
        return path.removesuffix("/Resource")

    def region(self, of: Resource) -> str | None:
        """Where a resource will be deployed; None if that isn't decided yet."""
        top = _top(self._template(of)).name
        environment = next(each.environment for each in self._stacks if each.file == top)
        region = environment.rpartition("/")[2]
        return region if region and "unknown" not in region else None

    def asset(self, value: object, of: Resource) -> Path | None:
        """The file or folder that a function's ``Code`` or a layer's ``Content`` names; None if it isn't here."""
        named = asset_hash(value)
        if named is None:
            return None
        folder = Path(self._template(of).assembly)
        said = self._assets(folder).get(named)
        candidates = [folder / said] if said else []
        candidates += [at / f"asset.{named}{end}" for at in (folder, self.outdir) for end in (".zip", "")]
        return next((path for path in candidates if path.exists()), None)

    @cached_property
    def _stacks(self) -> tuple[_Stack, ...]:
        return tuple(_stacks(self.outdir))

    @cached_property
    def _paths(self) -> Mapping[tuple[str, str], str]:
        """Paths by template and logical id, for templates that don't tell: only the CDK's CLI has them written there.

        A stack's metadata tells of the stacks nested in it, too, but not which id is whose.
        """
        by_stack: dict[str, dict[str, set[str]]] = {}
        for stack in self._stacks:
            ids = by_stack.setdefault(stack.file, {})
            for path, entries in stack.metadata.items():
                for entry in entries:
                    if entry.get("type") == "aws:cdk:logicalId":
                        ids.setdefault(entry["data"], set()).add(path.removeprefix("/"))
        found: dict[tuple[str, str], str] = {}
        for template in self.templates:
            for logical_id, paths in by_stack.get(_top(template).name, {}).items():
                if len(paths) == 1:
                    found[template.name, logical_id] = next(iter(paths))
        return found

    def _template(self, of: Resource) -> Template:
        return next(each for each in self.templates if each.name == of.template)

    def _assets(self, folder: Path) -> Mapping[str, str]:
        """Where the asset manifests of an assembly say that files are, by hash."""
        found: dict[str, str] = {}
        for manifest in folder.glob("*.assets.json"):
            for name, body in _read(manifest).get("files", {}).items():
                path = body.get("source", {}).get("path")
                if isinstance(path, str):
                    found[name] = path
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stack:
    """:param folder: the assembly it is in.
    :param file: its template.
    :param environment: such as ``aws://123456789012/eu-west-1``.
    """

    folder: Path
    file: str
    environment: str
    metadata: Mapping[str, Any]


def _top(template: Template) -> Template:
    while template.parent:
        template = template.parent[0]
    return template


def _stacks(folder: Path) -> Iterator[_Stack]:
    for artifact in _read(folder / _MANIFEST).get("artifacts", {}).values():
        properties = artifact.get("properties", {})
        if artifact.get("type") == "aws:cloudformation:stack":
            more = artifact.get("additionalMetadataFile")
            metadata = {**artifact.get("metadata", {}), **(_read(folder / more) if more else {})}
            yield _Stack(
                folder=folder,
                file=properties["templateFile"],
                environment=str(artifact.get("environment", "")),
                metadata=metadata,
            )
        elif artifact.get("type") == "cdk:cloud-assembly":
            yield from _stacks(folder / properties["directoryName"])


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ArgumentError(f"it can't be read: {error}", where=Where(path), fix="synthesise the app again") from error
    return body if isinstance(body, dict) else {}
