"""The ARN of an exact layer version, for a stack that uses it."""

from __future__ import annotations

from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import LayerArn, is_token, partition_of

_NEEDED = "needed: arn:aws:lambda:eu-central-1:111122223333:layer:core:7; partition, region and account may be tokens"
_FIX = "write the ARN of an exact version, or say ReleasedLayer.from_latest_at_deploy(...)"


def pinned(arn: object) -> LayerArn:
    """The parts of an ARN whose name and version are known.

    :param arn: its partition, region and account may be tokens, such as ``cdk.Aws.REGION``.
    :raises ArgumentError: for anything else.
    """
    if not isinstance(arn, str):
        raise ArgumentError(f"{arn!r} is not the ARN of a layer version", details=[_NEEDED])
    if is_token(arn) and not arn.startswith("arn:"):
        raise ArgumentError(
            "the layer's ARN is a token, so its name and version are only known when it is deployed",
            details=[_NEEDED],
            fix=_FIX,
        )
    found = LayerArn.parse(arn)
    if found.is_service_layer:
        raise ArgumentError(f"{arn!r} is not the ARN of a layer version", details=[_NEEDED])
    for what, value in (("name", found.name), ("version", found.version)):
        if is_token(value):
            raise ArgumentError(f"the {what} in the ARN of a layer is a token", details=[_NEEDED], fix=_FIX)
    return found


def refuse_elsewhere(arn: LayerArn, *, region: str | None, where: str) -> None:
    """:raises ArgumentError: for a layer of another partition or region: Lambda takes only its own region's.

    :param region: the stack's, None if it isn't known.
    :param where: what the stack is called.
    """
    if region is None:
        return
    if not is_token(arn.partition) and arn.partition != partition_of(region):
        raise ArgumentError(
            f"layer {arn.name}:{arn.version} is in partition {arn.partition}, and {where} in {partition_of(region)}",
            fix="publish the layer in the stack's partition too; nothing is shared between partitions",
        )
    if not is_token(arn.region) and arn.region != region:
        raise ArgumentError(
            f"layer {arn.name}:{arn.version} is in {arn.region}, and {where} in {region}",
            details=["a function takes layers of its own region only"],
            fix="publish the layer in the stack's region too, and write that ARN",
        )
