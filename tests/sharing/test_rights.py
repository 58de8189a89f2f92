"""Statements for those who publish, manage, share and consume: as text, and as an independent evaluator reads them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from layer_constructs.errors import ArgumentError
from layer_constructs.sharing.rights import LayerRights

ROOT = Path(__file__).parents[2]
OWN, OTHER = "123456789012", "111122223333"
PARTITIONS = {"aws": "eu-west-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
Statement = dict[str, Any]

# Reads simulations, prints how each ends.
EVALUATOR = """
const { runSimulation } = require("@cloud-copilot/iam-simulate");
const simulations = JSON.parse(require("fs").readFileSync(0, "utf8"));
(async () => {
  const ends = [];
  for (const simulation of simulations) {
    const done = await runSimulation(simulation, {});
    if (done.resultType === "error") throw new Error(JSON.stringify(done.errors));
    ends.push(done.overallResult);
  }
  console.log(JSON.stringify(ends));
})();
"""


def statements(granted: Sequence[iam.PolicyStatement], *, partition: str = "aws") -> list[Statement]:
    """What is deployed: in a stack of no certain account, with the values that CloudFormation puts in."""
    stack = cdk.Stack(cdk.App(), "Stack")
    iam.ManagedPolicy(stack, "Policy", statements=list(granted))
    (policy,) = assertions.Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy").values()
    values = {"AWS::Partition": partition, "AWS::Region": PARTITIONS[partition], "AWS::AccountId": OWN}

    def deployed(node: Any) -> Any:
        match node:
            case {"Ref": name}:
                return values[name]
            case {"Fn::Join": [str(between), list(parts)]}:
                return between.join(map(deployed, parts))
            case dict():
                return {key: deployed(value) for key, value in node.items()}
            case list():
                return [deployed(one) for one in node]
        return node

    found: list[Statement] = deployed(policy["Properties"]["PolicyDocument"]["Statement"])
    return found


def arn(layer: str, *, account: str = OWN, partition: str = "aws", region: str | None = None) -> str:
    return f"arn:{partition}:lambda:{region or PARTITIONS[partition]}:{account}:layer:{layer}"


def ends(
    asked: Sequence[tuple[str, str]],
    *,
    identity: Sequence[Statement],
    resource: Statement | None = None,
    partition: str = "aws",
) -> list[str]:
    """How the evaluator decides requests of a role in our account, each an action and the ARN it is for."""
    simulations = [
        {
            "request": {
                "action": f"lambda:{action}",
                "principal": f"arn:{partition}:iam::{OWN}:role/deploys",
                "resource": {"resource": on, "accountId": OWN if on == "*" else on.split(":")[4]},
                "contextVariables": {},
            },
            "identityPolicies": [{"name": "rights", "policy": {"Version": "2012-10-17", "Statement": list(identity)}}]
            if identity
            else [],
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
            **({"resourcePolicy": {"Version": "2012-10-17", "Statement": [resource]}} if resource else {}),
        }
        for action, on in asked
    ]
    done = subprocess.run(
        ["node", "-e", EVALUATOR],
        input=json.dumps(simulations),
        cwd=ROOT,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return [{"Allowed": "yes", "ImplicitlyDenied": "no"}.get(end, end) for end in found]


def test_publishing_is_allowed_on_the_name_of_the_layer_which_has_no_version() -> None:
    assert statements(LayerRights.publish("core")) == [
        {"Effect": "Allow", "Action": "lambda:PublishLayerVersion", "Resource": arn("core")}
    ]


def test_managing_and_granting_are_allowed_on_versions_and_only_listing_on_everything() -> None:
    listing = {"Effect": "Allow", "Action": "lambda:ListLayerVersions", "Resource": "*"}
    assert statements(LayerRights.manage("core")) == [
        {
            "Effect": "Allow",
            "Action": ["lambda:DeleteLayerVersion", "lambda:GetLayerVersion"],
            "Resource": arn("core:*"),
        },
        listing,
    ]
    assert statements(LayerRights.grant("core")) == [
        {
            "Effect": "Allow",
            "Action": [
                "lambda:AddLayerVersionPermission",
                "lambda:GetLayerVersionPolicy",
                "lambda:RemoveLayerVersionPermission",
            ],
            "Resource": arn("core:*"),
        },
        listing,
    ]


@pytest.mark.parametrize("partition", PARTITIONS)
def test_without_a_place_they_are_for_wherever_the_stack_is(partition: str) -> None:
    granted = [*LayerRights.publish("core"), *LayerRights.consume_named("core", versions=[3])]
    publish, consume = statements(granted, partition=partition)
    assert publish["Resource"] == arn("core", partition=partition)
    assert consume["Resource"] == arn("core:3", partition=partition)


def test_a_place_can_be_named() -> None:
    (statement,) = statements(
        LayerRights.publish("core", account=OTHER, regions=["cn-north-1", "cn-northwest-1"], partition="aws-cn")
    )
    assert statement["Resource"] == [
        arn("core", account=OTHER, partition="aws-cn"),
        arn("core", account=OTHER, partition="aws-cn", region="cn-northwest-1"),
    ]
    (statement,) = statements(LayerRights.publish(prefix="test-", regions=["*"]))
    assert statement["Resource"] == arn("test-*", region="*")


def test_a_place_may_be_known_only_at_deployment() -> None:
    (statement,) = statements(LayerRights.consume_named("core", account=cdk.Aws.ACCOUNT_ID, regions=[cdk.Aws.REGION]))
    assert statement["Resource"] == arn("core:*")


def test_consuming_is_for_exact_versions_of_any_account() -> None:
    theirs = arn("core:3", account=OTHER)
    assert statements(LayerRights.consume(theirs, arn("core:4", account=OTHER), theirs)) == [
        {"Effect": "Allow", "Action": "lambda:GetLayerVersion", "Resource": [theirs, arn("core:4", account=OTHER)]}
    ]


def test_a_layer_of_the_same_app_is_consumed_by_its_own_arn() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    layer = lambda_.CfnLayerVersion(stack, "Layer", content={"s3Bucket": "bucket", "s3Key": "key"})
    iam.ManagedPolicy(stack, "Policy", statements=LayerRights.consume(layer.ref))
    assertions.Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::ManagedPolicy", {"PolicyDocument": {"Statement": [{"Resource": {"Ref": "Layer"}}]}}
    )


@pytest.mark.real
def test_a_publisher_reaches_the_layer_that_is_named_and_no_other() -> None:
    publisher = statements([*LayerRights.publish("core"), *LayerRights.manage("core"), *LayerRights.grant("core")])
    asked = [
        ("PublishLayerVersion", "core"),
        ("GetLayerVersion", "core:12"),
        ("DeleteLayerVersion", "core:12"),
        ("AddLayerVersionPermission", "core:12"),
        ("GetLayerVersionPolicy", "core:12"),
        ("RemoveLayerVersionPermission", "core:12"),
    ]
    own = [(action, arn(layer)) for action, layer in asked]
    others = [
        *((action, arn(layer.replace("core", "corelli"))) for action, layer in asked),
        *((action, arn(layer, region="eu-central-1")) for action, layer in asked),
        *((action, arn(layer, account=OTHER)) for action, layer in asked),
    ]
    assert ends(own, identity=publisher) == ["yes"] * len(own)
    assert ends(others, identity=publisher) == ["no"] * len(others)
    assert ends([("ListLayerVersions", "*"), ("ListLayers", "*")], identity=publisher) == ["yes", "no"]


@pytest.mark.real
def test_one_right_brings_no_other() -> None:
    asked = [
        ("PublishLayerVersion", arn("core")),
        ("DeleteLayerVersion", arn("core:1")),
        ("AddLayerVersionPermission", arn("core:1")),
        ("GetLayerVersion", arn("core:1")),
    ]
    rights = [LayerRights.publish, LayerRights.manage, LayerRights.grant, LayerRights.consume_named]
    assert [ends(asked, identity=statements(right("core"))) for right in rights] == [
        ["yes", "no", "no", "no"],
        ["no", "yes", "no", "yes"],
        ["no", "no", "yes", "no"],
        ["no", "no", "no", "yes"],
    ]


@pytest.mark.real
def test_a_team_reaches_its_own_prefix_only() -> None:
    team = statements([*LayerRights.publish(prefix="team-a-"), *LayerRights.manage(prefix="team-a-")])
    names = ["team-a-core", "team-ab-core", "team-b-core", "team-a", "my-team-a-core"]
    assert ends([("PublishLayerVersion", arn(name)) for name in names], identity=team) == ["yes", *["no"] * 4]
    assert ends([("DeleteLayerVersion", arn(f"{name}:1")) for name in names], identity=team) == ["yes", *["no"] * 4]


@pytest.mark.real
@pytest.mark.parametrize("partition", PARTITIONS)
def test_another_accounts_layer_needs_both_the_right_and_the_share(partition: str) -> None:
    theirs = arn("core:3", account=OTHER, partition=partition)
    shared = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{OWN}:root"},
        "Action": "lambda:GetLayerVersion",
        "Resource": theirs,
    }
    named = statements(LayerRights.consume_named("core", account=OTHER, versions=[3]), partition=partition)
    exact = statements(LayerRights.consume(theirs), partition=partition)
    asked = [("GetLayerVersion", theirs)]

    for right in (named, exact):
        assert ends(asked, identity=right, resource=shared, partition=partition) == ["yes"]
        assert ends(asked, identity=right, partition=partition) == ["no"]
        assert ends([("GetLayerVersion", f"{theirs}0")], identity=right, resource=shared, partition=partition) == ["no"]
    assert ends(asked, identity=[], resource=shared, partition=partition) == ["no"]


@pytest.mark.parametrize(
    ("granted", "says"),
    [
        (LayerRights.publish, "neither a name nor a prefix"),
        (lambda: LayerRights.publish("core", prefix="test-"), "a name and a prefix"),
        (lambda: LayerRights.publish("core*"), "letters, digits, - and _"),
        (lambda: LayerRights.publish("*"), "letters, digits, - and _"),
        (lambda: LayerRights.publish("core:1"), "letters, digits, - and _"),
        (lambda: LayerRights.publish("${aws:PrincipalAccount}"), "letters, digits, - and _"),
        (lambda: LayerRights.publish(""), "1 to 140"),
        (lambda: LayerRights.publish("a" * 141), "1 to 140"),
        (lambda: LayerRights.publish("core\n"), "letters, digits, - and _"),
        (lambda: LayerRights.publish(prefix="test-*"), "letters, digits, - and _"),
        (lambda: LayerRights.publish(prefix="team-a"), "a prefix of team-abc, too"),
        (lambda: LayerRights.publish("core", account="1234"), "12 digits"),
        (lambda: LayerRights.publish("core", account="*"), "12 digits"),
        (lambda: LayerRights.publish("core", regions="eu-west-1"), "must be a list"),
        (lambda: LayerRights.publish("core", regions=[]), "empty"),
        (lambda: LayerRights.publish("core", regions=["eu-west-*"]), "a region such as 'eu-west-1'"),
        (lambda: LayerRights.publish("core", partition="china"), "aws-us-gov"),
        (lambda: LayerRights.publish("core", partition="aws", regions=["cn-north-1"]), "a region of aws-cn"),
        (lambda: LayerRights.publish("core", partition="aws-cn", regions=["eu-west-1"]), "a region of aws, not"),
        (LayerRights.consume, "no ARN"),
        (lambda: LayerRights.consume(arn("core")), "without a version"),
        (lambda: LayerRights.consume(arn("core:*")), "has a wildcard"),
        (lambda: LayerRights.consume(arn("core:0")), "a number from 1 on"),
        (lambda: LayerRights.consume(arn("core:1", region="*")), "has a wildcard"),
        (lambda: LayerRights.consume(arn("core:1", account="1234")), "12 digits"),
        (lambda: LayerRights.consume("core"), "not the ARN of a layer version"),
        (lambda: LayerRights.consume(arn("core:1", partition="aws", region="us-gov-west-1")), "is in aws-us-gov"),
        (lambda: LayerRights.publish("core", account=cast("Any", 123456789012)), "as text"),
        (lambda: LayerRights.consume_named("core", versions=[]), "empty"),
        (lambda: LayerRights.consume_named("core", versions=cast("Any", 3)), "must be a list"),
        (lambda: LayerRights.consume_named("core", versions=[0]), "from 1 on"),
        (lambda: LayerRights.consume_named("core", versions=[True]), "from 1 on"),
        (lambda: LayerRights.consume_named(prefix="test-", versions=[1]), "several layers"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_allowed(granted: Callable[[], object], says: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(says)):
        granted()


def test_a_construct_is_an_error_that_names_its_arn() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    layer: Any = lambda_.LayerVersion.from_layer_version_arn(stack, "Layer", arn("core:1"))
    with pytest.raises(ArgumentError, match="layer_version_arn"):
        LayerRights.consume(layer)


DOCUMENT = (ROOT / "docs" / "rights.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_the_documentations_python_runs(code: str, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CDK_OUTDIR": str(tmp_path / "cdk.out")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    templates = [path.read_text(encoding="utf-8") for path in tmp_path.glob("cdk.out/*.template.json")]
    written = "".join([done.stdout, *templates])
    assert "lambda:GetLayerVersion" in written or "lambda:PublishLayerVersion" in written
    if not templates:
        assert "arn:aws-cn:lambda:cn-north-1:111122223333:layer:test-*" in written
        assert "Token" not in written


def test_the_documentation_names_every_action_that_is_granted() -> None:
    granted = [
        *LayerRights.publish("core"),
        *LayerRights.manage("core"),
        *LayerRights.grant("core"),
        *LayerRights.consume_named("core"),
    ]
    table = DOCUMENT.partition("\n1. ")[0]
    for statement in granted:
        for action in statement.actions:
            assert f"`{action.removeprefix('lambda:')}`" in table
    assert len(BLOCKS) == 4
