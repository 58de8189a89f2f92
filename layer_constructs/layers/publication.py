"""How a layer version of any kind is published: the arguments that all constructs take, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from layer_constructs.layers import arguments

if TYPE_CHECKING:
    import aws_cdk as cdk

    from layer_constructs.layers.staging import AssetFormat
    from layer_constructs.layers.surroundings import Surroundings
    from layer_constructs.sharing.share import Share


class Publication(NamedTuple):
    """:param description: None for one that names the content.
    :param license: None for one that is known of the content.
    """

    asset_format: AssetFormat
    layer_version_name: str | None
    description: str | None
    license: str | None
    removal_policy: cdk.RemovalPolicy
    shares: tuple[Share, ...]


def publication_of(
    around: Surroundings,
    *,
    asset_format: AssetFormat | None,
    layer_version_name: str | None,
    description: str | None,
    license: str | None,  # noqa: A002 - the CDK's own name
    removal_policy: cdk.RemovalPolicy | None,
    share_with: Sequence[Share],
) -> Publication:
    """The arguments as the constructs take them.

    :raises ArgumentError: for one that is not what it must be.
    """
    return Publication(
        asset_format=arguments.asset_format_of(around, asset_format),
        layer_version_name=arguments.text_of(layer_version_name, argument="layer_version_name"),
        description=arguments.text_of(description, argument="description"),
        license=arguments.text_of(license, argument="license"),
        removal_policy=arguments.removal_policy_of(around, removal_policy),
        shares=_shares(share_with),
    )


def _shares(share_with: Sequence[Share]) -> tuple[Share, ...]:
    if share_with == ():  # most layers, which can do without the import
        return ()
    from layer_constructs.sharing.share import shares_of

    return shares_of(share_with)
