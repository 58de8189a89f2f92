"""Patterns -> IAM statements. Only forms that hold for a list with one approved and one refused layer are made here.

``lambda:Layer`` has many values, so every comparison says which of them it means: a Deny needs ``ForAnyValue`` with
what is *not* approved, an Allow ``ForAllValues`` with what is. An allow-list in a Deny is never split over two
statements: each would refuse what the other allows. Where an approval ends on a day, each is complete for its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from layer_constructs.approval.patterns import OWN_ACCOUNT, LayerPattern, texts
from layer_constructs.approval.policy_size import Statement
from layer_constructs.errors import ArgumentError

# The two actions that know the key. Source: "Actions, resources, and condition keys for AWS Lambda" in the Service
# Authorization Reference.
CREATE, UPDATE = "lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"
KEY = "lambda:Layer"

Condition = dict[str, dict[str, object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Until:
    """Layers that are approved until a day; None is for good."""

    pattern: LayerPattern
    day: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """What is approved between two days; None is from ever, or for ever.

    :param ended: what was approved in the period before, and isn't now.
    """

    start: date | None
    end: date | None
    approved: tuple[LayerPattern, ...]
    ended: tuple[LayerPattern, ...] = ()


def periods(approvals: Iterable[Until]) -> list[Period]:
    """The days on which something ends, and what is approved between them."""
    given = list(approvals)
    days = sorted({each.day for each in given if each.day})
    found = []
    for start, end in zip([None, *days], [*days, None], strict=True):
        approved = tuple(each.pattern for each in given if start is None or each.day is None or each.day > start)
        ended = tuple(each.pattern for each in given if start is not None and each.day == start)
        found.append(Period(start=start, end=end, approved=approved, ended=ended))
    return found


def deny_unapproved(approvals: Iterable[Until]) -> list[Statement]:
    """Refuses every request with a layer that isn't approved; one without layers is no matter of these."""
    return [
        _statement(
            "Deny", "OnlyApprovedLayers", period.start, [CREATE, UPDATE], {**_refused(period), **_since(period.start)}
        )
        for period in periods(approvals)
    ]


def allow_approved(approvals: Iterable[Until], *, without_layers: bool) -> list[Statement]:
    """Allows a request whose layers are all approved.

    :param without_layers: allow one that doesn't name layers, too: a function without any, or a change of its memory.
    """
    found = []
    for period in periods(approvals):
        if not period.approved and not without_layers:
            continue
        condition: Condition = {"ForAllValues:StringLike": {KEY: texts(period.approved)}}
        if not period.approved:
            condition = {"Null": {KEY: "true"}}
        elif not without_layers:
            condition["Null"] = {KEY: "false"}
        found.append(
            _statement("Allow", "ApprovedLayers", period.start, [CREATE, UPDATE], {**condition, **_before(period)})
        )
    return found


def deny_without(label: str, approvals: Iterable[Until]) -> list[Statement]:
    """Refuses a function that has none of these layers.

    :raises ArgumentError: if none is left from some day on: no function could be made any more.
    """
    found = []
    for period in periods(approvals):
        if not period.approved:
            raise ArgumentError(
                f"every function must have a layer of {label!r}, and from {period.start} on none is approved",
                fix="approve another one with the same required_as, or let one have no end",
            )
        lacking: Condition = {"ForAllValues:StringNotLike": {KEY: texts(period.approved)}}
        # An update that doesn't touch the layers has no such key, and keeps those that are there.
        touched: Condition = {**lacking, "Null": {KEY: "false"}}
        sid = f"Requires{label}"
        found += [
            _statement("Deny", f"{sid}AtCreation", period.start, [CREATE], {**lacking, **_since(period.start)}),
            _statement("Deny", f"{sid}AtUpdate", period.start, [UPDATE], {**touched, **_since(period.start)}),
        ]
    return found


def deny_revoked(revoked: Mapping[date | None, Sequence[LayerPattern]]) -> list[Statement]:
    """Refuses every request with one of these layers, each from its day on."""
    return [
        _statement(
            "Deny",
            "RevokedLayers",
            day,
            [CREATE, UPDATE],
            {"ForAnyValue:StringLike": {KEY: texts(patterns)}, **_since(day)},
        )
        for day, patterns in sorted(revoked.items(), key=lambda item: item[0] or date.min)
    ]


def allow_reading(approvals: Iterable[Until], revoked: Mapping[date | None, Sequence[LayerPattern]]) -> list[Statement]:
    """Allows to read exactly what is approved: whoever makes a function must be allowed to read its layers."""
    action = "lambda:GetLayerVersion"
    # AWS's own layers (awslayer) are attached without being read: their ARNs are none that this action knows.
    found = []
    for period in periods(each for each in approvals if not each.pattern.is_service_layer):
        others = [pattern for pattern in period.approved if pattern.account != OWN_ACCOUNT]
        # A variable may stand only after the fifth colon of a Resource: the account is compared in a condition instead.
        own = [replace(pattern, account="*") for pattern in period.approved if pattern.account == OWN_ACCOUNT]
        same: Condition = {"StringEquals": {"aws:ResourceAccount": OWN_ACCOUNT}}
        nothing: Condition = {}
        for sid, patterns, condition in (
            ("ReadApprovedLayers", others, nothing),
            ("ReadApprovedLayersOfOwnAccount", own, same),
        ):
            if patterns:
                found.append(
                    _statement(
                        "Allow",
                        sid,
                        period.start,
                        [action],
                        {**condition, **_before(period)},
                        resources=texts(patterns),
                    )
                )
    for day, gone in sorted(revoked.items(), key=lambda item: item[0] or date.min):
        resources = texts(pattern for pattern in gone if not pattern.is_service_layer)
        if found and resources:
            found.append(_statement("Deny", "RevokedLayers", day, [action], _since(day), resources=resources))
    return found


def deny_publishing(publishers: Sequence[str]) -> list[Statement]:
    """Refuses to publish a layer to all but these."""
    condition: Condition = {"ArnNotLike": {"aws:PrincipalArn": sorted(set(publishers))}} if publishers else {}
    return [_statement("Deny", "OnlyPublishersPublishLayers", None, ["lambda:PublishLayerVersion"], condition)]


def allow_all() -> Statement:
    """What a permissions boundary needs beside what it refuses: it allows nothing by itself."""
    return _statement("Allow", "Everything", None, ["*"], {})


def _refused(period: Period) -> Condition:
    if not period.approved:
        return {"ForAnyValue:StringLike": {KEY: ["*"]}}
    complete = texts(period.approved)
    if period.ended and not any(old.may_meet(new) for old in period.ended for new in period.approved):
        # The statements of the periods before refuse the rest already: this is the same where nothing is in both.
        ended = texts(period.ended)
        if len("".join(ended)) < len("".join(complete)):
            return {"ForAnyValue:StringLike": {KEY: ended}}
    return {"ForAnyValue:StringNotLike": {KEY: complete}}


def _since(day: date | None) -> Condition:
    return {"DateGreaterThanEquals": {"aws:CurrentTime": _midnight(day)}} if day else {}


def _before(period: Period) -> Condition:
    return {"DateLessThan": {"aws:CurrentTime": _midnight(period.end)}} if period.end else {}


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _statement(
    effect: str,
    sid: str,
    day: date | None,
    actions: list[str],
    condition: Condition,
    *,
    resources: list[str] | None = None,
) -> Statement:
    made: Statement = {
        "Sid": f"{sid}{day:From%Y%m%d}" if day else sid,
        "Effect": effect,
        "Action": actions if len(actions) > 1 else actions[0],
        "Resource": resources or "*",
    }
    if condition:
        made["Condition"] = condition
    return made
