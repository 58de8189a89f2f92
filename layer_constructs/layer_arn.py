"""The ARN of a layer version, with the parts that are only known at deployment left as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from layer_constructs.errors import ArgumentError

# What a region's name starts with -> its partition; all others are in `aws`. Source: the `region-info` of aws-cdk-lib,
# which a test compares this with.
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
PARTITIONS = ("aws", *_PARTITIONS.values())

ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", re.ASCII)
# "LayerName" of PublishLayerVersion in the Lambda API reference; an ARN there may have 140 characters for it.
NAME = re.compile(r"[a-zA-Z0-9_-]{1,140}", re.ASCII)
# Lambda numbers versions from 1, and writes no zero in front: `012` is refused, since nobody documents what it means.
VERSION = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)

# A value that the CDK or CloudFormation fills in at deployment.
_TOKEN = re.compile(r"\$\{[^{}]*\}")
CDK_TOKEN = re.compile(r"\$\{Token\[[^\]{}]*\]\}")
_OWN_ACCOUNT = re.compile(r"\$\{(?:Token\[AWS\.AccountId\.[0-9]+\]|AWS::AccountId)\}")

_EXAMPLE = "arn:aws:lambda:eu-west-1:111122223333:layer:core:12"


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerArn:
    """A layer version; a part that holds a token (``${...}``) is unknown until deployment.

    :param version: text of a number, or a token.
    :param is_service_layer: one of AWS's own, ``arn:aws:lambda:::awslayer:AmazonLinux1803``, which have neither region
        nor account nor version.
    """

    partition: str
    region: str = ""
    account: str = ""
    name: str
    version: str = ""
    is_service_layer: bool = False

    def __str__(self) -> str:
        if self.is_service_layer:
            return f"arn:{self.partition}:lambda:::awslayer:{self.name}"
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:layer:{self.name}:{self.version}"

    @classmethod
    def parse(cls, arn: str) -> LayerArn:
        """The parts of an ARN, each checked, so that none can smuggle a wildcard into a policy.

        :raises ArgumentError: for anything but the ARN of a layer version.
        """
        parts = _split(arn)
        match parts:
            case ["arn", partition, "lambda", "", "", "awslayer", name]:
                found = cls(partition=partition, name=name, is_service_layer=True)
            case ["arn", partition, "lambda", region, account, "layer", name, version]:
                found = cls(partition=partition, region=region, account=account, name=name, version=version)
            case ["arn", _, "lambda", _, _, "layer", name]:
                raise ArgumentError(
                    f"{arn!r} is the ARN of layer {name}, without a version",
                    fix=f"write the version that is meant: '{arn}:7'",
                )
            case _:
                raise ArgumentError(
                    f"{arn!r} is not the ARN of a layer version",
                    details=[f"allowed: {_EXAMPLE}, arn:aws:lambda:::awslayer:AmazonLinux1803"],
                )
        found._check(arn)
        return found

    def _check(self, arn: str) -> None:
        wrong = []
        if not is_token(self.partition) and self.partition not in PARTITIONS:
            wrong.append(f"the partition is {self.partition!r}, and must be one of {', '.join(PARTITIONS)}")
        if not is_token(self.name) and not NAME.fullmatch(self.name):
            wrong.append(f"the name is {self.name!r}, and may have letters, digits, - and _")
        if not self.is_service_layer:
            wrong += self._wrong_place()
        if wrong:
            raise ArgumentError(f"{arn!r} is not the ARN of a layer version", details=wrong)

    def _wrong_place(self) -> list[str]:
        wrong = []
        if not is_token(self.region):
            if not REGION.fullmatch(self.region):
                wrong.append(f"the region is {self.region!r}")
            elif not is_token(self.partition) and partition_of(self.region) != self.partition:
                wrong.append(f"the partition is {self.partition}, and {self.region} is in {partition_of(self.region)}")
        if not is_token(self.account) and not ACCOUNT.fullmatch(self.account):
            wrong.append(f"the account is {self.account!r}, and must have 12 digits")
        if not is_token(self.version) and not VERSION.fullmatch(self.version):
            wrong.append(f"the version is {self.version!r}, and must be a number from 1 on, with no zero in front")
        return wrong


def partition_of(region: str) -> str:
    """The partition that a region is in."""
    return next((partition for start, partition in _PARTITIONS.items() if region.startswith(start)), "aws")


def is_token(text: str) -> bool:
    """Whether a text is known only at deployment, wholly or in part."""
    return "${" in text


def is_cdk_token(text: str) -> bool:
    """Whether a text is the CDK's way to write a value it doesn't know yet, and nothing else."""
    return CDK_TOKEN.fullmatch(text) is not None


def is_own_account(account: str) -> bool:
    """Whether it is CloudFormation's word for the account that a stack is deployed to."""
    return _OWN_ACCOUNT.fullmatch(account) is not None


def _split(arn: str) -> list[str]:
    """The parts between the colons; those inside a token, such as ``${AWS::Region}``, don't part anything."""
    tokens = _TOKEN.findall(arn)
    left = iter(tokens)
    return [re.sub("\0", lambda _: next(left), part) for part in _TOKEN.sub("\0", arn.replace("\0", "")).split(":")]
