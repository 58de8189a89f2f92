"""The ARN of a layer version, as far as it is known when the app is synthesised."""

from __future__ import annotations

import re
from dataclasses import dataclass

from layer_constructs.errors import ArgumentError

# As the CDK writes a value into a string that is only known when the stack is deployed.
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")

_SHAPE = "arn:aws:lambda:eu-central-1:111122223333:layer:core:7"
_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):lambda:(?P<region>[^:]+):(?P<account>[^:]+)"
    r":layer:(?P<name>[a-zA-Z0-9_-]{1,140})(?::(?P<version>[^:]+))?"
)

# Which partition a region is in, where it isn't `aws`.
# Source: the partitions of botocore's endpoints.json, by the beginning of their regions' names.
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


def partition_of(region: str) -> str:
    """The partition of a region by its name."""
    return next((partition for start, partition in _PARTITIONS.items() if region.startswith(start)), "aws")


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerArn:
    """:param partition: None where only the deployment knows; so for ``region``."""

    partition: str | None
    region: str | None
    name: str
    version: int


def parse_layer_arn(arn: object) -> LayerArn:
    """What an ARN says.

    Partition, region and account may be tokens, such as ``cdk.Aws.REGION``; name and version are what is pinned.

    :raises ArgumentError: for anything but the ARN of an exact version.
    """
    found = _ARN.fullmatch(arn) if isinstance(arn, str) else None
    if found is None:
        if isinstance(arn, str) and _TOKEN.search(arn):
            raise ArgumentError(
                "the layer's ARN is a token, so its name and version are only known when it is deployed",
                details=[f"needed: {_SHAPE}; partition, region and account may be tokens"],
                fix="write the ARN of an exact version, or say ReleasedLayer.from_latest_at_deploy(...)",
            )
        raise ArgumentError(f"{arn!r} is not the ARN of a layer version", details=[f"needed: {_SHAPE}"])
    version = found["version"]
    if version is None:
        raise ArgumentError(
            f"{arn!r} is the ARN of a layer, without a version",
            fix=f"write the version that is meant: '{arn}:7'",
        )
    if not re.fullmatch(r"[1-9][0-9]*", version):
        shown = "a token" if _TOKEN.search(version) else repr(version)
        raise ArgumentError(
            f"the version in the ARN of layer {found['name']} is {shown}",
            details=["allowed: a number from 1 on"],
            fix="write the version that is meant, or say ReleasedLayer.from_latest_at_deploy(...)",
        )
    if not (_TOKEN.fullmatch(found["account"]) or re.fullmatch(r"\d{12}", found["account"])):
        raise ArgumentError(
            f"the account in {arn!r} is {found['account']!r}", details=["allowed: 12 digits, or a token"]
        )
    partition, region = (None if _TOKEN.fullmatch(found[part]) else found[part] for part in ("partition", "region"))
    if partition is not None and region is not None and partition != partition_of(region):
        raise ArgumentError(
            f"{arn!r} has the partition {partition}, and {region} is in {partition_of(region)}",
            fix="write cdk.Aws.PARTITION for the partition in an ARN of the stack's own region",
        )
    return LayerArn(partition=partition, region=region, name=found["name"], version=int(version))


def refuse_elsewhere(arn: LayerArn, *, region: str | None, where: str) -> None:
    """:raises ArgumentError: for a layer of another partition or region: Lambda takes only its own region's.

    :param region: the stack's, None if it isn't known.
    :param where: what the stack is called.
    """
    if region is None:
        return
    if arn.partition is not None and arn.partition != partition_of(region):
        raise ArgumentError(
            f"layer {arn.name}:{arn.version} is in partition {arn.partition}, and {where} in {partition_of(region)}",
            fix="publish the layer in the stack's partition too; nothing is shared between partitions",
        )
    if arn.region is not None and arn.region != region:
        raise ArgumentError(
            f"layer {arn.name}:{arn.version} is in {arn.region}, and {where} in {region}",
            details=["a function takes layers of its own region only"],
            fix="publish the layer in the stack's region too, and write that ARN",
        )
