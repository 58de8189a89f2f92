"""Layers of an app in a catalog: exact while it synthesises, a name and an account in IAM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as s3_deployment

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.judgement import Approved, Refused, Unknown
from layer_constructs.approval.policy_size import document
from layer_constructs.errors import ArgumentError

MakeLayer = Callable[..., lambda_.LayerVersion]


@pytest.fixture
def layer(tmp_path: Path) -> MakeLayer:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.txt").write_text("a", encoding="utf-8")

    def make(stack: cdk.Stack, name: str, **more: Any) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(stack, name, code=lambda_.Code.from_asset(str(tmp_path / "code")), **more)

    return make


def patterns(catalog: LayerCatalog) -> list[str]:
    (statement,) = catalog.deny_statements()
    found: list[str] = statement["Condition"]["ForAnyValue:StringNotLike"]["lambda:Layer"]
    return found


def test_a_layer_is_itself_at_synth_and_its_name_in_iam(layer: MakeLayer) -> None:
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    core, other = layer(stack, "Core", layer_version_name="core"), layer(stack, "Other", layer_version_name="core")
    catalog = LayerCatalog(ApprovedLayer.of(core, reason="ours"))

    answer = catalog.judge(core)
    assert isinstance(answer, Approved)
    assert (answer.layer, answer.by.reason) == ("Stack/Core", "ours")
    assert isinstance(catalog.judge(other), Refused)
    assert patterns(catalog) == ["arn:aws*:lambda:*:111122223333:layer:core:*"]
    assert isinstance(catalog.judge("arn:aws:lambda:eu-west-1:111122223333:layer:core:3"), Approved)


def test_a_layer_without_a_name_can_not_stand_in_iam_but_is_judged(layer: MakeLayer) -> None:
    core = layer(cdk.Stack(), "Core")
    catalog = LayerCatalog(ApprovedLayer.of(core))
    with pytest.raises(ArgumentError, match="Core has no layer_version_name"):
        catalog.deny_statements()
    assert isinstance(catalog.judge(core), Approved)
    assert isinstance(catalog.judge("arn:aws:lambda:eu-west-1:111122223333:layer:core:3"), Refused)


def test_an_imported_layer_is_its_arn(layer: MakeLayer) -> None:
    stack = cdk.Stack()
    arn = "arn:aws:lambda:eu-west-1:111122223333:layer:core:3"
    there = lambda_.LayerVersion.from_layer_version_arn(stack, "There", arn)
    token = cdk.CfnParameter(stack, "Arn").value_as_string
    later = lambda_.LayerVersion.from_layer_version_arn(stack, "Later", token)
    catalog = LayerCatalog(ApprovedLayer.of(there))
    assert patterns(catalog) == [arn]
    assert isinstance(catalog.judge(lambda_.LayerVersion.from_layer_version_arn(stack, "Again", arn)), Approved)
    assert isinstance(catalog.judge(later), Unknown)
    with pytest.raises(ArgumentError, match="Later is imported by an ARN that is known only at deployment"):
        LayerCatalog(ApprovedLayer.of(later)).deny_statements()


def test_tokens_of_a_stack_of_any_account_resolve_in_a_policy(layer: MakeLayer) -> None:
    stack = cdk.Stack()
    catalog = LayerCatalog(
        ApprovedLayer.of(layer(stack, "Core", layer_version_name="core")),
        ApprovedLayer.named("other", account=stack.account, regions=[stack.region]),
    )
    policy = iam.PolicyDocument.from_json(document(catalog.deny_statements()))
    (statement,) = stack.resolve(policy)["Statement"]
    found = statement["Condition"]["ForAnyValue:StringNotLike"]["lambda:Layer"]
    account = {"Ref": "AWS::AccountId"}
    assert {"Fn::Join": ["", ["arn:aws*:lambda:*:", account, ":layer:core:*"]]} in found
    assert {"Fn::Join": ["", ["arn:aws*:lambda:", {"Ref": "AWS::Region"}, ":", account, ":layer:other:*"]]} in found


def test_a_bucket_deployment_keeps_its_layer_with_the_preset(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>", encoding="utf-8")
    stack = cdk.Stack(cdk.App(), "Stack")
    s3_deployment.BucketDeployment(
        stack,
        "Site",
        sources=[s3_deployment.Source.asset(str(tmp_path))],
        destination_bucket=s3.Bucket(stack, "Bucket"),
    )
    (layer,) = [each for each in stack.node.find_all() if isinstance(each, lambda_.LayerVersion)]
    catalog = LayerCatalog(ApprovedLayer.preset("cdk"))
    assert isinstance(catalog.judge(layer, own_account=stack.account), Approved)
    assert isinstance(LayerCatalog(ApprovedLayer.preset("adot")).judge(layer, own_account=stack.account), Refused)
