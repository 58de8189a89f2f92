"""A layer construct of the app, seen without importing the CDK."""

from __future__ import annotations

from typing import Protocol, cast

from layer_constructs.approval.patterns import LayerPattern, exactly
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import CDK_TOKEN, NAME, LayerArn, is_token


class Node(Protocol):
    """The CDK's ``Node``."""

    @property
    def path(self) -> str: ...

    @property
    def default_child(self) -> object: ...


class Stack(Protocol):
    """The CDK's ``Stack``; account, region and partition may be tokens."""

    @property
    def account(self) -> str: ...

    @property
    def region(self) -> str: ...

    @property
    def partition(self) -> str: ...

    def get_logical_id(self, element: object, /) -> str: ...

    def resolve(self, value: object, /) -> object: ...


class AppLayer(Protocol):
    """The CDK's ``ILayerVersion``: what of it a catalog looks at."""

    @property
    def node(self) -> Node: ...

    @property
    def stack(self) -> Stack: ...

    @property
    def layer_version_arn(self) -> str: ...


def check(layer: object) -> None:
    """Whether it is a layer construct.

    :raises ArgumentError: if it isn't.
    """
    if not hasattr(layer, "layer_version_arn"):
        fix = "ApprovedLayer.arn(...) approves an ARN" if isinstance(layer, str) else None
        raise ArgumentError(f"layer is {layer!r}, and must be a layer construct", fix=fix)


def path(layer: object) -> str:
    """The construct's path."""
    return cast("AppLayer", layer).node.path


def pattern(layer: object) -> LayerPattern:
    """The layer's name in its account; of an imported one, its ARN. Name and account may be tokens of the CDK.

    :raises ArgumentError: for a layer without a name, and for an imported one with an ARN that isn't known yet.
    """
    seen = cast("AppLayer", layer)
    resource = seen.node.default_child
    if resource is None:
        arn = seen.layer_version_arn
        if is_token(arn):
            raise ArgumentError(
                f"{seen.node.path} is imported by an ARN that is known only at deployment, and can't stand in a policy",
                fix="approve it by its name and account: ApprovedLayer.named(...)",
            )
        return exactly(LayerArn.parse(arn))
    name = _name(seen)
    if name is None:
        raise ArgumentError(
            f"{seen.node.path} has no layer_version_name, and CloudFormation's own name for it can't stand in a policy",
            fix="give it a layer_version_name",
        )
    if not NAME.fullmatch(CDK_TOKEN.sub("x", name)):
        raise ArgumentError(f"{seen.node.path} has the layer_version_name {name!r}, which Lambda takes for no name")
    return LayerPattern(account=seen.stack.account, name=name)


def arn_of(layer: object) -> LayerArn | str:
    """What is known of its ARN: tokens where something is not. A text if all of it is a token."""
    seen = cast("AppLayer", layer)
    resource = seen.node.default_child
    if resource is None:
        return seen.layer_version_arn
    stack = seen.stack
    return LayerArn(
        partition=stack.partition,
        region=stack.region,
        account=stack.account,
        # CloudFormation names a layer without a name after its logical id.
        name=_name(seen) or stack.get_logical_id(resource),
        version="${Version}",
    )


def _name(layer: AppLayer) -> str | None:
    """The name that the layer was given, which may hold tokens; None if CloudFormation is to find one."""
    name: str | None = getattr(layer.node.default_child, "layer_name", None)
    # Without a name it is a token, which resolves to nothing.
    resolved = layer.stack.resolve(name) if name and is_token(name) else name
    return resolved if isinstance(resolved, str) or resolved is None else name
