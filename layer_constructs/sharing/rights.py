"""Who may do what with layer versions, as IAM statements with least privilege."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import ACCOUNT, NAME, REGION, partition_of
from layer_constructs.sharing.pinned_arn import pinned

_PARTITION = re.compile(r"aws(-[a-z]+)*")


class LayerRights:
    """IAM statements for those who publish layer versions, manage them, share them, and attach them to functions.

    What a statement is for is a layer's ``name``, or every name with a ``prefix``; in the account, the region and the
    partition of the stack that it is deployed with, unless others are named. IAM itself is the same in all regions: a
    policy for several of them names them, ``regions=["eu-west-1", "us-east-1"]``, or says ``regions=["*"]``. Account,
    regions and partition may be tokens, and so may a name.

    The actions and their resources are those of
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
    """

    @staticmethod
    def publish(
        name: str | None = None,
        *,
        prefix: str | None = None,
        account: str | None = None,
        regions: Sequence[str] | None = None,
        partition: str | None = None,
    ) -> list[iam.PolicyStatement]:
        """To publish versions of a layer. CloudFormation needs `manage` as well, and to read the archive from S3.

        :param name: the layer's name.
        :param prefix: what the names start with, instead of ``name``; it ends with ``-`` or ``_``.
        :param account: the account the layer is in.
        :param regions: the regions it is in.
        :param partition: ``aws``, ``aws-cn``, ``aws-us-gov``, ...
        :raises ArgumentError: for what can't be one of these.
        """
        place = _place(account, regions, partition)
        return [_allow("lambda:PublishLayerVersion", on=place.layers(_pattern(name, prefix)))]

    @staticmethod
    def manage(
        name: str | None = None,
        *,
        prefix: str | None = None,
        account: str | None = None,
        regions: Sequence[str] | None = None,
        partition: str | None = None,
    ) -> list[iam.PolicyStatement]:
        """To look at, list and delete versions; parameters as of `publish`.

        IAM knows no resource for listing, so whoever may list one layer's versions may list every layer's.
        """
        place = _place(account, regions, partition)
        versions = place.layers(f"{_pattern(name, prefix)}:*")
        return [_allow("lambda:DeleteLayerVersion", "lambda:GetLayerVersion", on=versions), _list()]

    @staticmethod
    def grant(
        name: str | None = None,
        *,
        prefix: str | None = None,
        account: str | None = None,
        regions: Sequence[str] | None = None,
        partition: str | None = None,
    ) -> list[iam.PolicyStatement]:
        """To share versions and to revoke that; parameters as of `publish`.

        IAM has no condition on whom they are shared with: whoever may share a layer may share it with everybody.
        """
        place = _place(account, regions, partition)
        actions = (
            "lambda:AddLayerVersionPermission",
            "lambda:GetLayerVersionPolicy",
            "lambda:RemoveLayerVersionPermission",
        )
        return [_allow(*actions, on=place.layers(f"{_pattern(name, prefix)}:*")), _list()]

    @staticmethod
    def consume(*layer_version_arns: str) -> list[iam.PolicyStatement]:
        """To attach exactly these versions to functions.

        It is for whoever deploys the function: under the CDK that is CloudFormation's execution role. The function's
        own role needs none of it. If the layer is another account's, that account must share it, too.

        The token of a layer in another stack makes that stack export its ARN, which keeps it from being replaced:
        `consume_named` doesn't.

        :param layer_version_arns: ARNs with a version, or tokens such as ``layer.layer_version_arn``.
        :raises ArgumentError: for none, one without a version, with a wildcard, or of a region of another partition.
        """
        if not layer_version_arns:
            raise ArgumentError("no ARN of a layer version is given", fix="write consume('arn:...:layer:name:1')")
        arns = [_version_arn(arn) for arn in layer_version_arns]
        return [_allow("lambda:GetLayerVersion", on=list(dict.fromkeys(arns)))]

    @staticmethod
    def consume_named(
        name: str | None = None,
        *,
        prefix: str | None = None,
        versions: Sequence[int] | None = None,
        account: str | None = None,
        regions: Sequence[str] | None = None,
        partition: str | None = None,
    ) -> list[iam.PolicyStatement]:
        """To attach versions of a layer to functions, as `consume`; other parameters as of `publish`.

        :param versions: which; by default all of them, those to come as well.
        """
        pattern = _pattern(name, prefix)
        if isinstance(versions, int | str):
            raise ArgumentError(f"versions is {versions!r}, and must be a list", fix="write versions=[3]")
        numbers = ["*"] if versions is None else list(dict.fromkeys(_version(version) for version in versions))
        if not numbers:
            raise ArgumentError("versions is empty", fix="name one, or leave it out for every version")
        if versions is not None and prefix is not None:
            raise ArgumentError("versions of several layers are given", fix="name the layer that has them")
        place = _place(account, regions, partition)
        arns = [arn for number in numbers for arn in place.layers(f"{pattern}:{number}")]
        return [_allow("lambda:GetLayerVersion", on=arns)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where layers are; each may be a token."""

    partition: str
    regions: tuple[str, ...]
    account: str

    def layers(self, resource: str) -> list[str]:
        return [f"arn:{self.partition}:lambda:{region}:{self.account}:layer:{resource}" for region in self.regions]


def _allow(*actions: str, on: Sequence[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(actions), resources=list(on))


def _list() -> iam.PolicyStatement:
    return _allow("lambda:ListLayerVersions", on=["*"])


def _place(account: str | None, regions: Sequence[str] | None, partition: str | None) -> _Place:
    if isinstance(regions, str):
        raise ArgumentError(f"regions is {regions!r}, and must be a list", fix=f"write regions=[{regions!r}]")
    if regions is not None and not regions:
        raise ArgumentError("regions is empty", fix="name one, or leave it out for the stack's own region")
    for region in regions or ():
        if region != "*":
            _check("a region", region, REGION, allowed="a region such as 'eu-west-1', or '*' for all of them")
    if account is not None:
        _check("account", account, ACCOUNT, allowed="an account's number of 12 digits, as text")
    if partition is not None:
        _check("partition", partition, _PARTITION, allowed="aws, aws-cn, aws-us-gov, or another partition of AWS")
        _refuse_mixed(partition, regions or ())
    return _Place(
        partition=cdk.Aws.PARTITION if partition is None else partition,
        regions=(cdk.Aws.REGION,) if regions is None else tuple(dict.fromkeys(regions)),
        account=cdk.Aws.ACCOUNT_ID if account is None else account,
    )


def _pattern(name: str | None, prefix: str | None) -> str:
    if (name is None) == (prefix is None):
        raise ArgumentError(
            "neither a name nor a prefix is given" if name is None else "a name and a prefix are given",
            fix="write the layer's name, or prefix='test-' for every layer whose name starts so",
        )
    if name is not None:
        return _check("the name of a layer", name, NAME, allowed="1 to 140 letters, digits, - and _")
    allowed = "1 to 140 letters, digits, - and _, the last one - or _: 'team-a' would be a prefix of team-abc, too"
    return _check("prefix", prefix, re.compile(rf"(?=.*[-_]$){NAME.pattern}"), allowed=allowed) + "*"


def _version(version: object) -> int:
    if isinstance(version, int) and not isinstance(version, bool) and version > 0:
        return version
    raise ArgumentError(f"a version of a layer is {version!r}", details=["allowed: a number from 1 on"])


def _version_arn(arn: object) -> str:
    if not isinstance(arn, str):
        raise ArgumentError(
            f"{arn!r} is not the ARN of a layer version", fix="of a layer, write layer.layer_version_arn"
        )
    if not arn.startswith("arn:") and cdk.Token.is_unresolved(arn):
        return arn
    if "*" in arn or "?" in arn:
        raise ArgumentError(
            f"{arn} has a wildcard", fix="write consume_named(...) for every version of a name, or regions=['*']"
        )
    pinned(arn)
    return arn


def _refuse_mixed(partition: str, regions: Iterable[str]) -> None:
    """A statement for a region that its partition doesn't have would allow nothing, and say so nowhere."""
    for region in regions:
        if _PARTITION.fullmatch(partition) and REGION.fullmatch(region) and partition != partition_of(region):
            raise ArgumentError(f"{region} is a region of {partition_of(region)}, not of {partition}")


def _check(what: str, value: object, pattern: re.Pattern[str], *, allowed: str) -> str:
    if isinstance(value, str) and (pattern.fullmatch(value) or cdk.Token.is_unresolved(value)):
        return value
    raise ArgumentError(f"{what} is {value!r}", details=[f"allowed: {allowed}"])
