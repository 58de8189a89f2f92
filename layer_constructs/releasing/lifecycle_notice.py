"""What an app is told of its own layers that are deprecated or refused: at each function that uses one."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from layer_constructs.sharing.lifecycle import Lifecycle, annotate

if TYPE_CHECKING:
    from constructs import Construct, IConstruct


def notify_functions(layer: lambda_.LayerVersion, lifecycle: Lifecycle, *, name: str, today: date) -> None:
    """Annotate the functions that use the layer when the app is synthesised; nothing is added while it is published.

    :param name: what the layer is called.
    """
    if lifecycle.state(today) == "published":
        return
    around = cast("Construct", cdk.Stage.of(layer) or layer.node.root)
    cdk.Aspects.of(around).add(_Notice(layer, lifecycle, name=name, today=today))


@jsii.implements(cdk.IAspect)
class _Notice:
    def __init__(self, layer: lambda_.LayerVersion, lifecycle: Lifecycle, *, name: str, today: date) -> None:
        self._lifecycle, self._name, self._today = lifecycle, name, today
        stack = cdk.Stack.of(layer)
        resource = cast("lambda_.CfnLayerVersion", layer.node.default_child)
        self._reference = stack.resolve(resource.ref)
        self._stack = stack.node.addr
        self._steps = resource.node.path.removeprefix(stack.node.path).strip("/").split("/")

    def visit(self, node: IConstruct) -> None:
        if not isinstance(node, lambda_.CfnFunction):
            return
        stack = cdk.Stack.of(node)
        layers = stack.resolve(node.layers)
        if not isinstance(layers, list) or self._reference not in layers:
            return
        if stack.node.addr != self._stack and self._has_its_own(stack):
            return
        above = node.node.scope
        annotate(
            above if isinstance(above, lambda_.Function) else node,
            self._lifecycle,
            layer=self._name,
            today=self._today,
        )

    def _has_its_own(self, stack: cdk.Stack) -> bool:
        """A layer by the same logical id, as in a stack of the same class for another region."""
        found: IConstruct | None = stack
        for step in self._steps:
            found = found.node.try_find_child(step) if found is not None else None
        return found is not None
