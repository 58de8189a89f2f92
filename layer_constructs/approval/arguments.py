"""What users pass for an entry of a catalog."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TypedDict

from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import ACCOUNT, PARTITIONS, REGION, is_cdk_token, partition_of

# What a Sid may have.
_LABEL = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)


class About(TypedDict, total=False):
    """What every approval may say of itself; see :class:`ApprovedLayer`."""

    reason: str | None
    owner: str | None
    expires: date | None
    required_as: str | None


class Place(TypedDict, total=False):
    """Where layers may be.

    ``regions``: by default all. A version's number means something else in each region.
    ``partition``: ``aws``, ``aws-cn`` and so on; by default that of the regions, or all.
    """

    regions: Iterable[str]
    partition: str | None


class Details(About, Place):
    """Both."""


def check_about(*, reason: object, owner: object, required_as: object) -> None:
    """Whether they are texts, and the label one that a policy can have.

    :raises ArgumentError: if they aren't.
    """
    for word, said in (("reason", reason), ("owner", owner), ("required_as", required_as)):
        if said is not None and (not isinstance(said, str) or not said.strip()):
            raise ArgumentError(f"{word} is {said!r}, and must be a text")
    if isinstance(required_as, str) and not _LABEL.fullmatch(required_as):
        raise ArgumentError(f"required_as is {required_as!r}, and may have letters and digits")


def check_date(value: object, word: str) -> None:
    """Whether it is a day, and one that IAM can compare with.

    :raises ArgumentError: if it isn't.
    """
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        raise ArgumentError(f"{word} is {value!r}, and must be a day: datetime.date(2027, 1, 31)")


def check_words(given: Mapping[str, object], known: type) -> None:
    """A word that means nothing here must not be passed over: `min_version` misspelt would approve every version."""
    unknown = sorted(set(given) - set(known.__annotations__))
    if unknown:
        allowed = ", ".join(sorted(known.__annotations__))
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}; allowed beside the others: {allowed}")


def text_of(value: object, word: str) -> str:
    """:raises ArgumentError: for what is no text."""
    if not isinstance(value, str):
        raise ArgumentError(f"{word} is {value!r}, and must be a text")
    return value


def account_of(value: str) -> str:
    """:raises ArgumentError: for what is neither the number of an account nor a token of the CDK."""
    if not ACCOUNT.fullmatch(text_of(value, "account")) and not is_cdk_token(value):
        raise ArgumentError(f"account is {value!r}, and must have 12 digits")
    return value


def partition_named(value: str | None) -> str | None:
    """:raises ArgumentError: for one that AWS hasn't."""
    if value is not None and value not in PARTITIONS:
        raise ArgumentError(f"partition is {value!r}", details=[f"allowed: {', '.join(PARTITIONS)}"])
    return value


def regions_of(values: Iterable[str], partition: str | None) -> tuple[str, ...]:
    """Each once, sorted; they may be tokens of the CDK.

    :param partition: the only one in which they may be; None for any.
    :raises ArgumentError: for what is no region, or is in another partition.
    """
    if isinstance(values, str):
        raise ArgumentError(f"regions is {values!r}, and must be a list", fix=f"write regions=[{values!r}]")
    found = tuple(sorted(set(values), key=str))
    for region in found:
        if is_cdk_token(text_of(region, "regions")):
            continue
        if not REGION.fullmatch(region):
            raise ArgumentError(f"regions has {region!r}, which is no region", details=["allowed: eu-west-1, ..."])
        if partition not in {None, partition_of(region)}:
            raise ArgumentError(f"{region} is in the partition {partition_of(region)}, and partition is {partition}")
    return found
