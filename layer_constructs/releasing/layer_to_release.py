"""A layer version that a release is made for: of this app, and with all that its parameters are named by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs.errors import ArgumentError
from layer_constructs.sharing.tokens import is_token

if TYPE_CHECKING:
    from constructs import Construct

# `arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION`
_VERSION_IN_ARN = 7


class LayersOfSet(Protocol):
    """A set of layer versions, such as `PythonDepsLayerSet`."""

    @property
    def layers(self) -> Sequence[lambda_.LayerVersion]: ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LayerToRelease:
    """One layer version.

    :param version: as a token: only the deployment knows it.
    """

    layer: lambda_.LayerVersion
    child: lambda_.CfnLayerVersion
    name: str
    arn: str
    version: str
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]


def layers_of(layer: object) -> list[lambda_.LayerVersion]:
    """:raises ArgumentError: for anything but a layer version or a set of them, and for a set that has none yet."""
    layers = [layer] if isinstance(layer, lambda_.LayerVersion) else list(getattr(layer, "layers", ()) or ())
    if not layers and hasattr(layer, "layers"):
        raise ArgumentError(
            "the set has no layer yet, since it makes them on demand",
            fix="make the release after the functions, or the set without on_demand=True",
        )
    if not layers or not all(isinstance(each, lambda_.LayerVersion) for each in layers):
        raise ArgumentError(
            f"layer is {layer!r}, and must be a layer version that this app makes, or a set of them",
            fix="write layer=PythonDepsLayer(...); a layer that is imported is released by whoever made it",
        )
    return layers


def layer_to_release(layer: lambda_.LayerVersion, scope: Construct) -> LayerToRelease:
    """:raises ArgumentError: for a layer whose parameters' names can't be known, or that is in another stack."""
    path = layer.node.path
    child = layer.node.default_child
    if not isinstance(child, lambda_.CfnLayerVersion):
        raise ArgumentError(f"{path} is no layer version that this app makes")
    stack, own = cdk.Stack.of(layer), cdk.Stack.of(scope)
    name = child.layer_name
    if not name or stack.resolve(name) is None:  # the CDK has a token in the place of a name that isn't given
        raise ArgumentError(
            f"{path} has no layer_version_name, and consumers find it by its name",
            fix="write layer_version_name='core' where it is declared",
        )
    runtimes, architectures = child.compatible_runtimes, child.compatible_architectures
    for argument, value in (
        ("layer_version_name", name),
        ("compatible_runtimes", runtimes),
        ("compatible_architectures", architectures),
    ):
        if is_token(value):
            raise ArgumentError(
                f"the {argument} of {path} is a token, and the parameters' names must be known at synth",
                fix=f"write {argument} out where it is declared",
            )
        if not value:
            raise ArgumentError(
                f"{path} has no {argument}, and consumers find it by its runtime and architecture",
                fix="write compatible_runtimes=[...] and compatible_architectures=[...] where it is declared",
            )
    if stack.node.addr != own.node.addr:
        raise ArgumentError(
            f"{path} is in stack {stack.node.path}, and its release would be in {own.node.path}",
            details=["what one stack takes from another keeps the layer version from being replaced"],
            fix="declare the release in the layer's stack",
        )
    arn = layer.layer_version_arn
    return LayerToRelease(
        layer=layer,
        child=child,
        name=name,
        arn=arn,
        version=cdk.Fn.select(_VERSION_IN_ARN, cdk.Fn.split(":", arn)),
        runtimes=tuple(runtimes or ()),
        architectures=tuple(architectures or ()),
    )
