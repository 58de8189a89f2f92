"""What a layer version declares, and the layer that it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from layer_constructs.layers.staging import AssetFormat, stage
from layer_constructs.layers.verdicts import Verdict

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from layer_constructs.building.cache import CachedLayer
    from layer_constructs.building.target import ArchitectureName
    from layer_constructs.layers.surroundings import Surroundings


class Declaration(NamedTuple):
    """:param digest: names the content.
    :param runtimes: those that it is for; none: it doesn't say.
    :param description: for a user who gives none.
    :param license: for a user who gives none.
    :param packages: versions by normalised name.
    :param layer: None for a stack that is not being bundled.
    :param secrets: the files that look like one, and were named.
    """

    digest: str
    runtimes: Sequence[lambda_.Runtime]
    architectures: Sequence[ArchitectureName]
    description: str
    license: str | None = None
    packages: Mapping[str, str] = {}
    layer: CachedLayer | None = None
    verdict: Verdict = Verdict()
    secrets: tuple[str, ...] = ()

    def staged(self, around: Surroundings, asset_format: AssetFormat) -> lambda_.Code:
        """Its asset, put into the app's output folder."""
        return stage(around, self.layer, digest=self.digest, asset_format=asset_format)
