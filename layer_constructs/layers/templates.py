"""The CloudFormation templates of an app, as far as functions and layers are concerned: values, without jsii."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")  # the latter becomes one of the former
LAYER_VERSION = "AWS::Lambda::LayerVersion"
NESTED_STACK = "AWS::CloudFormation::Stack"

_HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Template(NamedTuple):
    """One stack.

    :param name: of its file, which no other stack of the app has.
    :param assembly: the stage it belongs to: nothing refers to a stack of another one.
    :param parent: for a nested stack, the template that has it and its logical id there.
    """

    name: str
    assembly: str
    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]] = {}
    mappings: Mapping[str, Mapping[str, Any]] = {}
    parent: tuple[Template, str] | None = None

    def resource(self, logical_id: object) -> Resource | None:
        if not isinstance(logical_id, str) or logical_id not in self.resources:
            return None
        body = self.resources[logical_id]
        return Resource(
            template=self.name,
            logical_id=logical_id,
            type=str(body.get("Type", "")),
            properties=_mapping(body.get("Properties")),
            path=_mapping(body.get("Metadata")).get("aws:cdk:path"),
        )

    def of_type(self, *wanted: str) -> Iterator[Resource]:
        for logical_id, body in self.resources.items():
            found = self.resource(logical_id) if body.get("Type") in wanted else None
            if found:
                yield found


class Resource(NamedTuple):
    """:param template: the name of the template it stands in.
    :param path: of the construct, where the template tells.
    """

    template: str
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    path: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.template, self.logical_id


def read_templates(paths: Iterable[Path]) -> list[Template]:
    """The templates in these files, and those of the stacks that are nested in them."""
    found: list[Template] = []
    for path in paths:
        _collect(path, found, manifest=_files(path), parent=None)
    return found


def read_template(path: Path, *, parent: tuple[Template, str] | None = None) -> Template | None:
    """The template in a file; None if it isn't JSON, which is another synthesizer's."""
    try:
        body = _mapping(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None
    return Template(
        name=path.name,
        assembly=str(path.parent),
        resources=_mappings(body.get("Resources")),
        outputs=_mappings(body.get("Outputs")),
        mappings=_mappings(body.get("Mappings")),
        parent=parent,
    )


def asset_hash(value: object) -> str | None:
    """The hash of the asset that a template's value names: in its key, or in the parameters of old synthesizers."""
    match = _HASH.search(json.dumps(value))
    return match[0] if match else None


def _collect(
    path: Path, found: list[Template], *, manifest: Mapping[str, Any], parent: tuple[Template, str] | None
) -> None:
    template = read_template(path, parent=parent)
    if template is None:
        return
    found.append(template)
    for nested in template.of_type(NESTED_STACK):
        named = asset_hash(nested.properties.get("TemplateURL"))
        source = _mapping(_mapping(manifest.get(named or "")).get("source")).get("path")
        if isinstance(source, str):
            _collect(path.parent / source, found, manifest=manifest, parent=(template, nested.logical_id))


def _files(template: Path) -> Mapping[str, Any]:
    """What the stack's asset manifest has, by hash: only there is the file of a nested template named."""
    manifest = template.with_name(f"{template.name.removesuffix('.template.json')}.assets.json")
    try:
        return _mapping(_mapping(json.loads(manifest.read_bytes())).get("files"))
    except (OSError, ValueError):
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Mapping[str, Mapping[str, Any]]:
    return {name: body for name, body in _mapping(value).items() if isinstance(body, Mapping)}
