"""What IAM takes of a policy, and how much there is of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from layer_constructs.errors import ArgumentError, LayerError
from layer_constructs.layer_arn import CDK_TOKEN

Statement = dict[str, Any]
Form = Literal["identity", "boundary", "scp"]

# Characters. Sources: "IAM and AWS STS quotas", managed policies, white space not counted, in the IAM User Guide;
# "Maximum and minimum values", service control policies, in the AWS Organizations User Guide: 10,240 since May 2026,
# 5,120 before, and white space counts where the policy isn't saved by hand in the console.
LIMITS: dict[Form, int] = {"identity": 6_144, "boundary": 6_144, "scp": 10_240}

_MOST_LISTED = 5


class PolicyTooLargeError(LayerError):
    """What is approved doesn't fit into one policy, and an allow-list may not be split over two.

    :param over: characters too many.
    """

    def __init__(self, *, form: Form, size: int, largest: Sequence[tuple[str, int]]) -> None:
        self.over = size - LIMITS[form]
        super().__init__(
            f"the {form} policy has {size:,} characters, {self.over:,} more than the {LIMITS[form]:,} that AWS takes",
            details=[
                "the largest entries, each alone:",
                *(f"{characters:>7,}  {what}" for what, characters in largest[:_MOST_LISTED]),
            ],
            fix="keep to the regions or the partition you use (catalog.only(regions=[...])), approve a prefix or an "
            "account instead of many names, or min_version=1 where any version will do",
        )


def check_form(form: object) -> None:
    """Whether it is a kind of policy.

    :raises ArgumentError: if it isn't.
    """
    if form not in LIMITS:
        raise ArgumentError(f"form is {form!r}", details=[f"allowed: {', '.join(LIMITS)}"])


def document(statements: Sequence[Statement]) -> dict[str, Any]:
    """The policy that these statements are."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def size_of(statements: Sequence[Statement]) -> int:
    """Characters of the policy, white space aside.

    A token of the CDK counts as 12, the length of an account's number, which is what it mostly is.
    """
    text = json.dumps(document(statements), separators=(",", ":"), ensure_ascii=False)
    return len(CDK_TOKEN.sub("x" * 12, text))
