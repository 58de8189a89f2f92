"""Linters of others find nothing in the templates of the constructs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.config_rule import ApprovedLayersConfigRule
from layer_constructs.approval.policies import ApprovedLayersBoundary, ApprovedLayersPolicy, ApprovedLayersScp

ROOT = Path(__file__).parents[2]
TOOLS = os.environ.get("LAYER_CONSTRUCTS_TOOLS_DIR") or str(ROOT / ".tools" / "bin")
PUBLISHERS = ["arn:aws:iam::*:role/layer-pipeline"]


@pytest.fixture(scope="module", params=["eu-west-1", "cn-north-1"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack with each construct, of a catalog with each kind of entry."""
    region: str = request.param
    catalog = LayerCatalog(
        ApprovedLayer.own_account(required_as="Observability"),
        ApprovedLayer.named("core", account="111122223333", min_version=12, expires=date(2027, 1, 31)),
        ApprovedLayer.with_prefix("shared-", account="111122223333", regions=[region]),
        ApprovedLayer.preset("cdk"),
        ApprovedLayer.preset("lambda-insights", regions=[region]),
    ).revoke("arn:aws:lambda:eu-west-1:111122223333:layer:core:13", since=date(2027, 1, 1))
    app = cdk.App(outdir=str(tmp_path_factory.mktemp("app")), analytics_reporting=False)
    stack = cdk.Stack(
        app,
        "Approval",
        env=cdk.Environment(account="999988887777", region=region),
        synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
    role = iam.Role(stack, "Deployer", assumed_by=iam.AccountRootPrincipal())
    ApprovedLayersPolicy(stack, "Policy", catalog=catalog, publishers=PUBLISHERS, roles=[role])
    boundary = ApprovedLayersBoundary(stack, "Boundary", catalog=catalog, publishers=PUBLISHERS)
    iam.PermissionsBoundary.of(role).apply(boundary)
    ApprovedLayersConfigRule(stack, "Rule", catalog=catalog, on=date(2026, 6, 1))
    if region == "eu-west-1":  # CloudFormation has no organisations in China
        ApprovedLayersScp(stack, "Scp", catalog=catalog, targets=["r-ab12"], publishers=PUBLISHERS)
    return Path(app.synth().get_stack_by_name("Approval").template_full_path)


def documents(template: Path) -> list[dict[str, Any]]:
    resources = json.loads(template.read_text())["Resources"].values()
    found = [one["Properties"].get("PolicyDocument") or one["Properties"].get("Content") for one in resources]
    return [document for document in found if document]


def test_cfn_lint_finds_nothing(template: Path) -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([str(linter), str(template)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def parliament(document: dict[str, Any]) -> list[str]:
    """What it finds in a policy."""
    linter = shutil.which("parliament", path=TOOLS)
    if linter is None:
        pytest.skip("parliament is not installed: make test installs it into .tools")
    done = subprocess.run(
        [linter, "--json"], input=json.dumps(document), capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    return [json.loads(line)["issue"] for line in done.stdout.splitlines()]


def test_parliament_finds_nothing(template: Path) -> None:
    written = documents(template)
    assert len(written) >= 2
    assert [parliament(document) for document in written] == [[] for _ in written]


def test_parliament_finds_what_is_wrong() -> None:
    """So that its silence means something."""
    statement = {"Effect": "Deny", "Action": "lambda:CreateFunctions", "Resource": "*"}
    assert "UNKNOWN_ACTION" in parliament({"Version": "2012-10-17", "Statement": [statement]})
