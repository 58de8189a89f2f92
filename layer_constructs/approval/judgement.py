"""The three answers about one layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from layer_constructs.approval import version_globs
from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.patterns import OWN_ACCOUNT, LayerPattern
from layer_constructs.approval.revoked_layer import RevokedLayer
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import LayerArn, is_token, partition_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """The layer may be used.

    :param by: the entry that says so.
    """

    layer: str
    by: ApprovedLayer


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The layer may not be used.

    :param reason: why, in one line.
    :param nearest: the ARN of the approved version that is nearest to it, if there is one of this layer.
    """

    layer: str
    reason: str
    nearest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """It is known only at deployment which layer it is.

    :param reason: what is not known, in one line.
    """

    layer: str
    reason: str


Judgement = Approved | Refused | Unknown


def has_ended(entry: ApprovedLayer, on: date | None) -> bool:
    """Whether an approval is over on a day; None is a day on which none is."""
    return on is not None and entry.expires is not None and entry.expires <= on


def judge(
    arn: LayerArn,
    *,
    live: Sequence[ApprovedLayer],
    ended: Sequence[ApprovedLayer],
    revoked: Sequence[RevokedLayer],
    own_account: str | None,
) -> Judgement:
    """What these entries say of a layer version.

    :param live: entries that approve.
    :param ended: entries that don't any more.
    :param revoked: what is revoked, whatever approves it.
    """

    def answer(entry: ApprovedLayer) -> bool | None:
        answers = [pattern.matches(arn, own_account=own_account) for pattern in _patterns(entry)]
        return True if True in answers else None if None in answers else False

    layer = str(arn)
    revocations = [(each, each.pattern().matches(arn, own_account=own_account)) for each in revoked]
    for each, matches in revocations:
        if matches:
            reason = f"it was revoked: {each.reason}" if each.reason else "it was revoked"
            return Refused(layer=layer, reason=reason, nearest=_nearest(arn, live, revoked, own_account))
    answers = [(entry, answer(entry)) for entry in live]
    approved = next((entry for entry, matches in answers if matches), None)
    may_be_revoked = any(matches is None for _, matches in revocations)
    if approved and not may_be_revoked:
        return Approved(layer=layer, by=approved)
    if approved or any(matches is None for _, matches in answers):
        return Unknown(layer=layer, reason="a part of its ARN that counts is known only at deployment")
    old = next((entry for entry in ended if answer(entry)), None)
    reason = f"its approval ended on {old.expires}" if old else "nothing in the catalog approves it"
    return Refused(layer=layer, reason=reason, nearest=_nearest(arn, live, revoked, own_account))


def _patterns(entry: ApprovedLayer) -> list[LayerPattern]:
    try:
        return entry.patterns()
    except ArgumentError:
        if entry.kind != "layer":
            raise
        return []  # a layer of the app without a name: no ARN can be known to be its


def _nearest(
    arn: LayerArn, live: Sequence[ApprovedLayer], revoked: Sequence[RevokedLayer], own_account: str | None
) -> str | None:
    found = set(_approved_versions(arn, live, revoked, own_account))
    return min(map(str, found), key=lambda text: _distance(arn, LayerArn.parse(text)), default=None)


def _approved_versions(
    arn: LayerArn, live: Sequence[ApprovedLayer], revoked: Sequence[RevokedLayer], own_account: str | None
) -> Iterator[LayerArn]:
    """For each entry for a layer of this name, the version that is nearest."""
    if arn.is_service_layer or is_token(str(arn)):
        return
    for pattern in (pattern for entry in live for pattern in _patterns(entry)):
        account = own_account if pattern.account == OWN_ACCOUNT else pattern.account
        region = pattern.region or arn.region
        if pattern.name != arn.name or account is None or is_token(account + region) or pattern.is_service_layer:
            continue
        there = replace(arn, region=region, account=account)
        if pattern.region is None and pattern.partition not in {None, arn.partition}:
            continue
        if pattern.region is not None:
            there = replace(there, partition=partition_of(region))
        gone = [
            (int(each.version), int(each.version))
            for each in (LayerArn.parse(one.arn) for one in revoked)
            if replace(each, version="") == replace(there, version="")
        ]
        version = version_globs.nearest(version_globs.without(pattern.versions, tuple(gone)), int(arn.version))
        if version is not None:
            yield replace(there, version=str(version))


def _distance(arn: LayerArn, other: LayerArn) -> tuple[object, ...]:
    """The layer in its place comes first, then how far the versions are apart."""
    return (
        other.account != arn.account,
        other.partition != arn.partition,
        other.region != arn.region,
        abs(int(other.version) - int(arn.version)),
        str(other),
    )
