"""One version of a PythonDepsLayerSet: its name, and its place in the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs.building.target import Target
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import NAME
from layer_constructs.layers.built_layer import BuiltLayer
from layer_constructs.layers.declaration import Declaration
from layer_constructs.layers.layer_content import MadeContent
from layer_constructs.layers.publication import Publication
from layer_constructs.layers.python_deps import PythonDepsLayer, declared
from layer_constructs.layers.surroundings import Surroundings

if TYPE_CHECKING:
    from constructs import Construct

# What can be true of one layer of a set and not of another, so that only all of them together can say it.
OF_ALL = frozenset({"allow", "license-exceptions"})


@dataclass(frozen=True, kw_only=True)
class ReadyLayer:
    """What lacks nothing but its place in the tree."""

    target: Target
    declaration: Declaration
    code: lambda_.Code


def staged(made: MadeContent, around: Surroundings, publication: Publication) -> ReadyLayer:
    """:raises LayerError: if it can't be an asset of the app."""
    declaration = declared(made.without(OF_ALL))
    code = declaration.staged(around, publication.asset_format)
    return ReadyLayer(target=made.content.target, declaration=declaration, code=code)


class LayerOfSet(PythonDepsLayer):
    """One version of a set, which the set has checked and made."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        around: Surroundings,
        publication: Publication,
        ready: ReadyLayer,
    ) -> None:
        self._target = ready.target
        BuiltLayer.__init__(
            self, scope, id, around=around, declaration=ready.declaration, publication=publication, code=ready.code
        )


def id_of(target: Target) -> str:
    """The child's id, in which the logical id of the layer version has its name: frozen."""
    return f"Python{target.python.replace('.', '')}{'Arm64' if target.architecture == 'arm64' else 'X86'}"


def name_of(name: str | None, target: Target) -> str | None:
    """The name of a layer: frozen, since its versions are counted under it."""
    return f"{name}-{target.runtime.replace('.', '')}-{target.architecture}" if name else name


def refuse_name(name: str | None) -> None:
    """:raises ArgumentError: for a name that can't be a layer's, and isn't a token."""
    if not name or cdk.Token.is_unresolved(name):
        return
    if not NAME.fullmatch(name):
        raise ArgumentError(
            f"{name!r} can't be the name of a layer",
            details=["allowed: letters, digits, '-' and '_', at most 140 of them"],
            fix="write another layer_version_name: each layer adds its runtime and architecture",
        )
