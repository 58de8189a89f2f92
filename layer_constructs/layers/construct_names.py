"""How functions and layers are called in the app: their construct paths, and for ours the Python line."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

import aws_cdk as cdk

from layer_constructs.layers.identity import identity
from layer_constructs.layers.templates import FUNCTIONS, LAYER_VERSION, Resource

if TYPE_CHECKING:
    from constructs import IConstruct

    from layer_constructs.layers.origin import Origin


class ConstructNames:
    """:param root: of the tree in which what a template doesn't tell is looked up.
    :param origins: of each layer of ours.
    """

    def __init__(self, root: IConstruct, origins: Iterable[tuple[IConstruct, Origin | None]]) -> None:
        self._root = root
        self._origins = origins

    def path(self, resource: Resource) -> str:
        """Of the construct that the user wrote, not of the CloudFormation resource in it."""
        path = resource.path
        if path is None:
            construct = self._constructs.get(resource.key)
            path = construct.node.path if construct is not None else f"{resource.template}/{resource.logical_id}"
        return path.removesuffix("/Resource")

    def origin(self, resource: Resource) -> str | None:
        origin = self._lines.get(self.path(resource))
        return str(origin) if origin else None

    @cached_property
    def _lines(self) -> dict[str, Origin | None]:
        return {layer.node.path: origin for layer, origin in self._origins}

    @cached_property
    def _constructs(self) -> dict[tuple[str, str], cdk.CfnResource]:
        return _functions_and_layers(self._root)


def _functions_and_layers(root: IConstruct) -> dict[tuple[str, str], cdk.CfnResource]:
    """By the name of their template and their logical id."""
    found: dict[str, tuple[cdk.Stack, list[cdk.CfnResource]]] = {}
    for construct in root.node.find_all():
        if isinstance(construct, cdk.CfnResource) and construct.cfn_resource_type in {*FUNCTIONS, LAYER_VERSION}:
            stack = construct.stack
            found.setdefault(identity(stack), (stack, []))[1].append(construct)
    return {
        (stack.template_file, logical_id): construct
        for stack, constructs in found.values()
        for logical_id, construct in zip(
            stack.resolve([construct.logical_id for construct in constructs]), constructs, strict=True
        )
    }
