"""A share as a permission in the template: kept with its version, gone with its line."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs.errors import ArgumentError
from layer_constructs.sharing.share import Share, is_public

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# The only action that Lambda's AddLayerVersionPermission takes.
_ACTION = "lambda:GetLayerVersion"

_PUBLIC = (
    "every AWS account may read this layer version and use it, its code and all; "
    "if that is meant, acknowledge this warning, else share with accounts or an organisation"
)


def permit(layer: lambda_.LayerVersion, shares: Iterable[Share], *, kept: bool) -> None:
    """Add a permission for each share.

    :param kept: whether replaced versions of the layer stay.
    """
    for share in shares:
        permission = lambda_.CfnLayerVersionPermission(
            layer,
            share.construct_id,
            action=_ACTION,
            layer_version_arn=layer.layer_version_arn,
            principal=share.principal,
            organization_id=share.organization_id,
        )
        _keep(permission, kept=kept)
        if share.is_public:
            _say_public(layer)


def settle(layer: lambda_.LayerVersion, id: str, *, kept: bool) -> None:  # noqa: A002 - the CDK's own name
    """Make a permission that the CDK's ``add_permission`` added behave like a share.

    :param id: the permission's construct id.
    :param kept: whether replaced versions of the layer stay.
    """
    permission = cast("lambda_.CfnLayerVersionPermission", layer.node.find_child(id))
    _keep(permission, kept=kept)
    principal, organization_id = permission.principal, permission.organization_id
    if is_public(principal, organization_id):
        _say_public(layer)
    if not cdk.Token.is_unresolved(principal) and not cdk.Token.is_unresolved(organization_id):
        # Under one logical id, another account would replace the permission, and the one before would be kept for good.
        whom = hashlib.sha256(f"{principal} {organization_id}".encode()).hexdigest()[:8].upper()
        permission.override_logical_id(f"{permission.stack.get_logical_id(permission)}{whom}")


def refuse_public_secrets(secrets: Sequence[str], *, public: bool) -> None:
    """:param secrets: the files of a layer that look like one.
    :raises ArgumentError: if everybody would get them.
    """
    if public and secrets:
        raise ArgumentError(
            f"a layer with {', '.join(secrets)} can't be shared with everybody",
            details=["what looks like a secret never goes into a public layer, whatever allow says"],
            fix="leave it out with exclude=[...], or share with accounts or an organisation",
        )


def _keep(permission: lambda_.CfnLayerVersionPermission, *, kept: bool) -> None:
    """A new version replaces its permissions, too: the old ones stay. Taking the line out deletes the current one."""
    permission.apply_removal_policy(cdk.RemovalPolicy.RETAIN if kept else cdk.RemovalPolicy.DESTROY)
    if kept:
        permission.apply_removal_policy(cdk.RemovalPolicy.DESTROY, apply_to_update_replace_policy=False)


def _say_public(layer: lambda_.LayerVersion) -> None:
    cdk.Annotations.of(layer).add_warning_v2("layer-constructs:public-share", _PUBLIC)
