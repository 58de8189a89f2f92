"""What the app around a construct says: read once per scope, since each question goes over jsii."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast
from weakref import WeakKeyDictionary

import aws_cdk as cdk

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

RUNTIME_CONTEXT = "layer-constructs:runtime"
LOCKED_CONTEXT = "layer-constructs:locked"
BUNDLING_CONTEXT = "layer-constructs:bundling"
ASSET_FORMAT_CONTEXT = "layer-constructs:asset-format"
DISPOSABLE_CONTEXT = "layer-constructs:disposable"

# `cdk synth --no-staging`: the template then names the source itself.
_NO_STAGING = "aws:cdk:disable-asset-staging"


class Surroundings(NamedTuple):
    """:param bundled: whether the stack is being bundled; one that isn't needs no layer for the same template.
    :param root: of the construct tree.
    :param stage: around the construct; the app itself, if there is no other.
    :param outdir: where the app's assets go.
    :param staged: whether the CDK copies assets there.
    """

    runtime: object
    locked: object
    bundling: object
    asset_format: object
    disposable: object
    bundled: bool
    root: IConstruct
    stage: cdk.Stage
    outdir: Path
    staged: bool


_KNOWN: WeakKeyDictionary[Construct, Surroundings] = WeakKeyDictionary()


def surroundings_of(scope: Construct) -> Surroundings:
    """As they are now, or as they were remembered."""
    known = _KNOWN.get(scope)
    if known is None:
        node, stage = scope.node, cast("cdk.Stage", cdk.Stage.of(scope))
        context = node.try_get_context
        known = Surroundings(
            runtime=context(RUNTIME_CONTEXT),
            locked=context(LOCKED_CONTEXT),
            bundling=context(BUNDLING_CONTEXT),
            asset_format=context(ASSET_FORMAT_CONTEXT),
            disposable=context(DISPOSABLE_CONTEXT),
            bundled=cdk.Stack.of(scope).bundling_required,
            root=node.root,
            stage=stage,
            outdir=Path(stage.asset_outdir),
            staged=not context(_NO_STAGING),
        )
    return known


def remember(scope: Construct, surroundings: Surroundings) -> None:
    """To be called when ``scope`` has a child: the CDK lets nobody change the context above one."""
    _KNOWN[scope] = surroundings
