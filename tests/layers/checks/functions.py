"""Functions for tests, and what an app says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

if TYPE_CHECKING:
    from constructs import Construct


def function(scope: Construct, name: str = "Function", **more: Any) -> lambda_.Function:
    given: dict[str, Any] = {
        "runtime": lambda_.Runtime.PYTHON_3_13,
        "handler": "index.handler",
        "code": lambda_.Code.from_inline("def handler(event, context): ..."),
        **more,
    }
    return lambda_.Function(scope, name, **given)


def refusal(stage: cdk.Stage) -> str:
    """What a synthesis that must fail says."""
    with pytest.raises(RuntimeError) as caught:
        stage.synth()
    return str(caught.value)


def accept(function: lambda_.Function, rule: str) -> None:
    rule_id = f"layer-constructs::{rule}"
    cdk.Validations.of(function).acknowledge(cdk.Acknowledgment(id=rule_id, reason="tried"))
