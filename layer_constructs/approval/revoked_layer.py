"""A version that may be used no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.arguments import check_date
from layer_constructs.approval.patterns import LayerPattern, exactly
from layer_constructs.layer_arn import LayerArn


@dataclass(frozen=True, kw_only=True, slots=True)
class RevokedLayer:
    """A version that may be used no more, whatever approves it.

    :param since: the first day, in UTC, on which it may not; None is at once.
    """

    arn: str
    since: date | None = None
    reason: str | None = None

    @classmethod
    def version(cls, arn: str, *, since: date | None = None, reason: str | None = None) -> RevokedLayer:
        """One version.

        :raises ArgumentError: for what is not the ARN of a version.
        """
        check_date(since, "since")
        made = cls(arn=arn, since=since, reason=reason)
        made.entry()
        return made

    def entry(self) -> ApprovedLayer:
        """The approval that this is the opposite of."""
        return ApprovedLayer.arn(self.arn, reason=self.reason)

    def pattern(self) -> LayerPattern:
        """What IAM compares ARNs with."""
        return exactly(LayerArn.parse(self.arn))
