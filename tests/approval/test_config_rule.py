"""The rule of AWS Config as it stands in a template; what it says is tested with the Guard rules."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from syrupy.extensions.json import JSONSnapshotExtension

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.config_rule import ApprovedLayersConfigRule, ConfigRuleTooLargeError
from layer_constructs.approval.guard_rule import configuration_rule
from layer_constructs.errors import ArgumentError

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

OWN = "999988887777"
CORE = ApprovedLayer.named("core", account="111122223333", min_version=10)


def made(stack: cdk.Stack, catalog: LayerCatalog, **more: Any) -> dict[str, Any]:
    ApprovedLayersConfigRule(stack, "Rule", catalog=catalog, **more)
    (found,) = assertions.Template.from_stack(stack).find_resources("AWS::Config::ConfigRule").values()
    return dict(found["Properties"])


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account=OWN, region="eu-west-1"))


def test_it_looks_at_functions_with_the_rule_of_the_catalog(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    catalog = LayerCatalog(CORE, ApprovedLayer.own_account())
    properties = made(stack, catalog)
    assert properties["Scope"] == {"ComplianceResourceTypes": ["AWS::Lambda::Function"]}
    text = properties["Source"]["CustomPolicyDetails"]["PolicyText"]
    assert text == configuration_rule(catalog, own_account=OWN)
    assert properties == snapshot.use_extension(JSONSnapshotExtension)


def test_the_own_account_is_the_one_that_it_is_deployed_to() -> None:
    properties = made(cdk.Stack(cdk.App(), "Stack"), LayerCatalog(ApprovedLayer.own_account()))
    assert {"Ref": "AWS::AccountId"} in properties["Source"]["CustomPolicyDetails"]["PolicyText"]["Fn::Join"][1]


def test_it_is_made_for_a_day_and_asks_for_one(stack: cdk.Stack) -> None:
    catalog = LayerCatalog(CORE, ApprovedLayer.account("444455556666", expires=date(2027, 1, 31)))
    with pytest.raises(ArgumentError, match="Guard knows none"):
        made(stack, catalog)
    text = made(stack, catalog, on=date(2027, 1, 31))["Source"]["CustomPolicyDetails"]["PolicyText"]
    assert "444455556666" not in text


def test_what_does_not_fit_says_by_how_much(stack: cdk.Stack) -> None:
    entries = [ApprovedLayer.named(f"layer-{number}", account="111122223333") for number in range(150)]
    with pytest.raises(ConfigRuleTooLargeError, match="more than the 10,000") as caught:
        made(stack, LayerCatalog(*entries))
    assert caught.value.over == len(configuration_rule(LayerCatalog(*entries))) - 10_000
