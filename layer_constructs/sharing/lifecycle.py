"""The life of a layer version: published, deprecated from a date on, refused from a date on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from layer_constructs.errors import ArgumentError

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from constructs import IConstruct

# The day that annotations are made for, `2027-01-31`; by default today, UTC. No template depends on it.
TODAY_CONTEXT = "layer-constructs:today"

# A version, or all of them: `core:1*` would be 10 and 19 too.
_RETIRABLE = re.compile(r"arn:[^:]+:lambda:[^:]+:[^:]+:layer:[^:]+:([1-9][0-9]*|\*)")

# Both texts stand in the descriptions of SSM parameters, which take 1024 characters (PutParameter).
_TEXT_LIMIT = 300

State = Literal["published", "deprecated", "refused"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifecycle:
    """When a layer version is no longer what one should use, and when it may not be attached any more.

    The dates begin at midnight UTC. No template depends on today: `refused` becomes a condition in IAM statements, and
    what is said at synth is an annotation.

    :param deprecated: from this day on, consumers get a warning at synth that they can acknowledge.
    :param refused: from this day on, consumers get an error at synth, and `deny_statements` take effect.
    :param reason: shown with both.
    :param successor: what to use instead, shown with both.
    :raises ArgumentError: if there is no date, one is no `date`, or it is refused before it is deprecated.
    """

    deprecated: date | None = None
    refused: date | None = None
    reason: str = ""
    successor: str = ""

    def __post_init__(self) -> None:
        for argument in ("deprecated", "refused"):
            value = getattr(self, argument)
            if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
                raise ArgumentError(
                    f"{argument} is {value!r}, and must be a day", fix=f"write {argument}=date(2027, 6, 30)"
                )
        for argument in ("reason", "successor"):
            value = getattr(self, argument)
            if not isinstance(value, str) or "\n" in value or len(value) > _TEXT_LIMIT:
                raise ArgumentError(
                    f"{argument} is {value!r}, and must be one line of text",
                    details=[f"allowed: {_TEXT_LIMIT} characters"],
                )
        if self.deprecated is None and self.refused is None:
            raise ArgumentError(
                "a lifecycle has no date", fix="write deprecated=date(...) or refused=date(...), or leave it out"
            )
        if self.deprecated and self.refused and self.refused < self.deprecated:
            raise ArgumentError(f"it would be refused on {self.refused}, before it is deprecated on {self.deprecated}")

    def state(self, today: date) -> State:
        """What it is on a day."""
        if self.refused and today >= self.refused:
            return "refused"
        return "deprecated" if self.deprecated and today >= self.deprecated else "published"

    def __str__(self) -> str:
        """The same on every day."""
        dates = [f"{state} from {day} on" for state in ("deprecated", "refused") if (day := getattr(self, state))]
        return "; ".join([", ".join(dates), *([self.reason] if self.reason else []), *self._instead()])

    def _instead(self) -> list[str]:
        return [f"use {self.successor} instead"] if self.successor else []

    def deny_statements(self, *arns: str) -> list[iam.PolicyStatement]:
        """Refuse these versions from the day `refused` on; nothing, if there is none.

        For a permissions boundary, the policies of whoever deploys, or with ``.to_json()`` a service control policy.
        It refuses to create a function with such a layer and to change a function's configuration to one; functions
        that run go on, and other changes of them are not refused.

        :param arns: of exact versions (``...:layer:core:7``) or of all of a layer (``...:layer:core:*``).
        :raises ArgumentError: for any other ARN, and for none.
        """
        from aws_cdk import Token
        from aws_cdk import aws_iam as iam

        given: tuple[object, ...] = arns
        for arn in given:
            if not isinstance(arn, str) or not (Token.is_unresolved(arn) or _RETIRABLE.fullmatch(arn)):
                raise ArgumentError(
                    f"{arn!r} is neither a layer version nor all of a layer",
                    details=["allowed: arn:aws:lambda:eu-central-1:111122223333:layer:core:7, or with :* at its end"],
                )
        if not arns:
            raise ArgumentError("there is no ARN to refuse", fix="write lifecycle.deny_statements(layer_version_arn)")
        if self.refused is None:
            return []
        return [
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=["lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"],
                resources=["*"],
                conditions={
                    "ForAnyValue:StringLike": {"lambda:Layer": list(arns)},
                    "DateGreaterThanEquals": {"aws:CurrentTime": f"{self.refused}T00:00:00Z"},
                },
            )
        ]


# Of all versions of a layer, or by version.
Lifecycles = Lifecycle | Mapping[int, Lifecycle]


def lifecycles_of(value: object) -> Lifecycles | None:
    """:raises ArgumentError: for anything but a lifecycle, or lifecycles by version."""
    if value is None or isinstance(value, Lifecycle):
        return value
    if isinstance(value, Mapping) and all(
        isinstance(version, int) and version >= 1 and isinstance(each, Lifecycle) for version, each in value.items()
    ):
        return dict(value)
    raise ArgumentError(
        f"lifecycle is {value!r}",
        fix="write lifecycle=Lifecycle(deprecated=date(2027, 6, 30)), or by version: {7: Lifecycle(...)}",
    )


def of_version(lifecycles: Lifecycles | None, version: int | None) -> Lifecycle | None:
    """What holds for a version; None stands for one that only the deployment knows."""
    if isinstance(lifecycles, Mapping):
        return lifecycles.get(version) if version is not None else None
    return lifecycles


def today_of(scope: IConstruct) -> date:
    """The day that annotations are made for: the context key ``layer-constructs:today``, else today, UTC.

    :raises ArgumentError: if the context has something that is no day.
    """
    given = scope.node.try_get_context(TODAY_CONTEXT)
    if given is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"the context key {TODAY_CONTEXT} is {given!r}", details=["allowed: a day, such as 2027-01-31"]
        ) from None


def annotate(construct: IConstruct, lifecycle: Lifecycle, *, layer: str, today: date) -> None:
    """Tell whoever uses the layer what it is on that day.

    :param layer: what it is called, ``core:7``.
    """
    import aws_cdk as cdk

    state = lifecycle.state(today)
    if state == "deprecated":
        cdk.Annotations.of(construct).add_warning_v2(
            f"layer-constructs:deprecated-layer:{layer}", f"layer {layer} is {lifecycle}"
        )
    elif state == "refused":
        cdk.Annotations.of(construct).add_error(f"layer {layer} is {lifecycle}")
