"""The rules in the language of CloudFormation Guard, run by the real cfn-guard."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.guard_rule import configuration_rule, guard_rule
from layer_constructs.approval.judgement import Approved
from layer_constructs.errors import ArgumentError
from tests.approval import guard

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

    from tests.approval.guard import Guard

OWN = "999988887777"
GOOD = "arn:aws:lambda:eu-west-1:111122223333:layer:core:12"
BAD = "arn:aws:lambda:eu-west-1:111122223333:layer:core:3"
CATALOG = LayerCatalog(
    ApprovedLayer.named("core", account="111122223333", min_version=10, required_as="base"),
    ApprovedLayer.arn("arn:aws:lambda:::awslayer:AmazonLinux1803"),
)

# What stands in a template -> what the two rules say: strict, and not.
TABLE: list[tuple[object, str, str]] = [
    ([GOOD], "PASS PASS", "PASS PASS"),
    ([BAD], "FAIL FAIL", "FAIL FAIL"),
    ([GOOD, BAD], "FAIL PASS", "FAIL PASS"),
    ([BAD, GOOD], "FAIL PASS", "FAIL PASS"),
    ([], "SKIP FAIL", "SKIP FAIL"),
    (None, "SKIP FAIL", "SKIP FAIL"),
    ([{"Ref": "Layer"}], "FAIL FAIL", "SKIP PASS"),
    ([GOOD, {"Ref": "Layer"}], "FAIL PASS", "PASS PASS"),
    ([BAD, {"Ref": "Layer"}], "FAIL FAIL", "FAIL PASS"),
    ({"Fn::If": ["Production", [GOOD], [BAD]]}, "FAIL FAIL", "SKIP PASS"),
    ([f"{GOOD}\n"], "FAIL FAIL", "FAIL FAIL"),
    ([[GOOD, BAD]], "FAIL FAIL", "FAIL FAIL"),
    ([12], "FAIL FAIL", "FAIL FAIL"),
]


@pytest.fixture(scope="module")
def cfn_guard(tmp_path_factory: pytest.TempPathFactory) -> Guard:
    return guard.unpacked(tmp_path_factory.mktemp("guard"))


def template(layers: object, kind: str = "AWS::Lambda::Function") -> dict[str, Any]:
    properties = {"Runtime": "python3.13"} if layers is None else {"Runtime": "python3.13", "Layers": layers}
    return {"Resources": {"Function": {"Type": kind, "Properties": properties}}}


def recorded(layers: list[str] | None) -> dict[str, Any]:
    """As AWS Config has a function."""
    listed = {} if layers is None else {"layers": [{"arn": arn, "codeSize": 1} for arn in layers]}
    return {"resourceType": "AWS::Lambda::Function", "configuration": {"functionName": "shop", **listed}}


def said(cfn_guard: Guard, rules: str, data: list[dict[str, Any]]) -> list[str]:
    answers = cfn_guard.ask(rules, data)
    return [f"{each['approved_layers']} {each['required_layer_base']}" for each in answers]


@pytest.mark.parametrize("kind", ["AWS::Lambda::Function", "AWS::Serverless::Function"])
def test_every_layer_counts_in_a_template(kind: str, cfn_guard: Guard) -> None:
    templates = [template(layers, kind) for layers, _, _ in TABLE]
    assert said(cfn_guard, guard_rule(CATALOG), templates) == [strict for _, strict, _ in TABLE]
    assert said(cfn_guard, guard_rule(CATALOG, strict=False), templates) == [lenient for _, _, lenient in TABLE]


def test_every_layer_counts_in_what_config_records(cfn_guard: Guard) -> None:
    items = [recorded(layers) for layers in ([GOOD], [BAD], [GOOD, BAD], [], None)]
    answers = said(cfn_guard, configuration_rule(CATALOG), [*items, {"resourceType": "AWS::S3::Bucket"}])
    assert answers == ["PASS PASS", "FAIL FAIL", "FAIL PASS", "SKIP FAIL", "SKIP FAIL", "SKIP SKIP"]


def test_one_function_of_several_is_enough_to_refuse(cfn_guard: Guard) -> None:
    both = {"A": template([GOOD])["Resources"]["Function"], "B": template([BAD])["Resources"]["Function"]}
    other = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
    assert said(cfn_guard, guard_rule(CATALOG), [{"Resources": both}, other]) == ["FAIL FAIL", "SKIP SKIP"]


def test_it_says_what_the_catalog_says_of_any_layer(cfn_guard: Guard) -> None:
    names, accounts = ["core", "core2", "core-a", "cor", "x-core"], ["111122223333", "444455556666", OWN]
    places = [("aws", "eu-west-1"), ("aws", "us-east-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
    arns = [
        f"arn:{partition}:lambda:{region}:{account}:layer:{name}:{version}"
        for partition, region in places
        for account in accounts
        for name in names
        for version in (1, 9, 10, 12, 99, 100, 777, 1105, 1999)
    ]
    arns += ["arn:aws:lambda:::awslayer:AmazonLinux1803", "arn:aws:lambda:::awslayer:Other"]
    for catalog in (
        CATALOG,
        LayerCatalog(),
        LayerCatalog(
            ApprovedLayer.with_prefix("core", account="111122223333", regions=["eu-west-1", "cn-north-1"]),
            ApprovedLayer.named("cor", account="444455556666", min_version=12, max_version=1105),
            ApprovedLayer.own_account(partition="aws"),
        ).revoke("arn:aws:lambda:eu-west-1:111122223333:layer:core:9"),
    ):
        rules = guard_rule(catalog, own_account=OWN)
        answers = cfn_guard.ask(rules, [template([arn]) for arn in arns])
        judged = [isinstance(catalog.judge(arn, own_account=OWN), Approved) for arn in arns]
        assert [each["approved_layers"] == "PASS" for each in answers] == judged


def test_a_version_range_takes_exactly_its_numbers() -> None:
    for low, high in [(1, 1), (2, None), (9, 101), (12, None), (100, 1999), (205, 206), (999, None)]:
        entry = ApprovedLayer.named("core", account="111122223333", min_version=low, max_version=high)
        (found,) = re.findall(r"/(\^.*\$)/", guard_rule(LayerCatalog(entry)))
        taken = [version for version in range(2001) if re.search(found, f"{GOOD.removesuffix('12')}{version}")]
        assert taken == [version for version in range(1, 2001) if low <= version <= (high or version)]


def test_layers_of_the_own_account_are_left_out_where_it_is_not_known() -> None:
    catalog = LayerCatalog(ApprovedLayer.own_account(), ApprovedLayer.arn(GOOD))
    assert guard_rule(catalog) == guard_rule(LayerCatalog(ApprovedLayer.arn(GOOD)))
    assert OWN in guard_rule(catalog, own_account=OWN)


@pytest.mark.parametrize(
    ("day", "approved"), [(date(2027, 1, 30), True), (date(2027, 1, 31), False), (date(2028, 1, 1), False)]
)
def test_it_is_made_for_a_day(day: date, approved: bool, cfn_guard: Guard) -> None:
    ends = LayerCatalog(ApprovedLayer.arn(GOOD, expires=date(2027, 1, 31), required_as="base"))
    revoked = CATALOG.revoke(GOOD, since=date(2027, 1, 31))
    for catalog in (ends, revoked):
        (answer,) = cfn_guard.ask(guard_rule(catalog, on=day), [template([GOOD])])
        assert (answer["approved_layers"] == "PASS") is approved


def test_what_depends_on_a_day_asks_for_one() -> None:
    catalog = LayerCatalog(ApprovedLayer.arn(GOOD, expires=date(2027, 1, 31)))
    with pytest.raises(ArgumentError, match="Guard knows none"):
        guard_rule(catalog)


@pytest.mark.parametrize("account", ["999988887777", None])
def test_a_layer_of_the_app_needs_a_known_account(account: str | None, tmp_path: Path) -> None:
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Stack", env=cdk.Environment(account=account, region="eu-west-1"))
    layer = lambda_.LayerVersion(stack, "Layer", code=lambda_.Code.from_asset("docs"), layer_version_name="core")
    catalog = LayerCatalog(ApprovedLayer.of(layer))
    if account:
        assert f":{account}:layer:core:" in guard_rule(catalog)
    else:
        with pytest.raises(ArgumentError, match="known only at deployment"):
            guard_rule(catalog)


def test_how_it_reads(snapshot: SnapshotAssertion) -> None:
    assert guard_rule(CATALOG) == snapshot
