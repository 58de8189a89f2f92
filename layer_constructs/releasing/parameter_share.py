"""Parameters that other accounts may read, by AWS RAM."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ram as ram

from layer_constructs.errors import ArgumentError
from layer_constructs.sharing.share import Share
from layer_constructs.sharing.tokens import is_token

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_ssm as ssm
    from constructs import Construct

# As AWS::RAM::ResourceShare takes them: an account, an organisation, a unit of one, a role or a user.
_PRINCIPAL = re.compile(r"\d{12}|arn:[^:]+:(?:organizations|iam)::\d{12}:.+")


def principals_of(given: object) -> list[str]:
    """Whom a user lists, in RAM's own terms and an order that doesn't depend on theirs.

    :raises ArgumentError: for what RAM wouldn't take, and for one that is there twice.
    """
    if not isinstance(given, list | tuple | set | frozenset):
        raise ArgumentError(
            f"share_parameters_with is {given!r}, and must be a list",
            fix="write share_parameters_with=[Share.account('111122223333')]",
        )
    principals: list[str] = []
    for each in given:
        principal = each.principal if isinstance(each, Share) and each.organization_id is None else each
        if not isinstance(principal, str) or not _PRINCIPAL.fullmatch(principal):
            shown = "a token" if is_token(each) else str(each)
            raise ArgumentError(
                f"share_parameters_with has {shown}, which AWS RAM can't share with",
                details=[
                    "allowed: Share.account('111122223333'), or the ARN of an organisation or of one of its units:",
                    "'arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5'",
                ],
                fix="`aws organizations describe-organization` prints the organisation's ARN",
            )
        if principal in principals:
            raise ArgumentError(f"share_parameters_with has {principal} twice", fix="take one of them out")
        principals.append(principal)
    return sorted(principals)


def share_parameters(
    scope: Construct,
    id: str,  # noqa: A002 - the CDK's own name
    parameters: Sequence[ssm.CfnParameter],
    *,
    principals: Sequence[str],
    name: str,
) -> ram.CfnResourceShare:
    """One resource share for these parameters, which must be of the advanced tier.

    :param principals: as :func:`principals_of` gives them.
    :param name: what the other accounts see.
    """
    head = f"arn:{cdk.Aws.PARTITION}:ssm:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:parameter"
    return ram.CfnResourceShare(
        scope,
        id,
        name=name,
        principals=list(principals),
        resource_arns=[f"{head}{parameter.ref}" for parameter in parameters],
    )


def one_for_each_version(share: ram.CfnResourceShare, layer: lambda_.CfnLayerVersion) -> None:
    """Give the share a logical id that is another one for another version of the layer.

    CloudFormation changes a resource share in place, so under one logical id the parameters of replaced versions would
    no longer be shared. Of two logical ids, the one that goes is kept.
    """
    named = cdk.Stack.of(share).get_logical_id(share)
    share.override_logical_id(cdk.Lazy.string(_LogicalId(named, layer)))


@jsii.implements(cdk.IStableStringProducer)
class _LogicalId:
    def __init__(self, named: str, layer: lambda_.CfnLayerVersion) -> None:
        self._named, self._layer = named, layer

    def produce(self) -> str:
        layer = self._layer
        # Each of these replaces the version (CloudFormation's reference of AWS::Lambda::LayerVersion).
        replacing = cdk.Stack.of(layer).resolve(
            [
                layer.content,
                layer.layer_name,
                layer.compatible_runtimes,
                layer.compatible_architectures,
                layer.description,
                layer.license_info,
            ]
        )
        return f"{self._named}{hashlib.sha256(json.dumps(replacing).encode()).hexdigest()[:16].upper()}"
