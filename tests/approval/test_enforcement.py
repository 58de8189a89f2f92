"""A catalog holds for every function of an app, wherever it is synthesised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from constructs import Construct, RootConstruct

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.enforcement import enforce
from layer_constructs.errors import ArgumentError
from layer_constructs.sharing.lifecycle import TODAY_CONTEXT
from tests.layers.checks.functions import function, refusal
from tests.layers.checks.test_entry_points import ENTRY_POINTS, Synth

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

ROOT = Path(__file__).parents[2]
CORE = "arn:aws:lambda:eu-west-1:111122223333:layer:core:12"
OLD = "arn:aws:lambda:eu-west-1:111122223333:layer:core:3"
EVIL = "arn:aws:lambda:eu-west-1:444455556666:layer:evil:1"
CATALOG = LayerCatalog(ApprovedLayer.named("core", account="111122223333", min_version=10))
HERE = cdk.Environment(account="999988887777", region="eu-west-1")

Made = Callable[[Path], cdk.Stack]


def imported(scope: Construct, arn: str, name: str = "Layer") -> lambda_.ILayerVersion:
    return lambda_.LayerVersion.from_layer_version_arn(scope, name, arn)


def unknown(scope: Construct) -> lambda_.ILayerVersion:
    """A layer that whoever deploys chooses."""
    return imported(scope, cdk.CfnParameter(scope, "LayerArn").value_as_string)


def plain_layer(scope: Construct, name: str = "Layer", **more: Any) -> lambda_.LayerVersion:
    return lambda_.LayerVersion(scope, name, code=lambda_.Code.from_bucket(_bucket(scope, name), "a.zip"), **more)


def _bucket(scope: Construct, name: str) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(scope, f"{name}Bucket", "a-bucket")


def accept(construct: Construct, rule: str) -> None:
    acknowledgment = cdk.Acknowledgment(id=f"layer-constructs::{rule}", reason="until the end of the month")
    cdk.Validations.of(construct).acknowledge(acknowledgment)


def reported(app: cdk.App) -> list[dict[str, Any]]:
    """What the CDK's own report of a synthesis that passes has of ours."""
    report = Path(app.synth().directory) / "validation-report.json"
    plugins = json.loads(report.read_text())["pluginReports"] if report.exists() else []
    return [one for plugin in plugins if plugin["pluginName"] == "layer-constructs" for one in plugin["violations"]]


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    return cdk.App(outdir=str(tmp_path / "cdk.out"))


@pytest.fixture
def stack(app: cdk.App) -> cdk.Stack:
    return cdk.Stack(app, "Stack", env=HERE)


@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_a_refused_layer_fails_wherever_the_app_is_synthesised(made: Made, synth: Synth, tmp_path: Path) -> None:
    stack = made(tmp_path)
    function(stack, layers=[imported(stack, OLD)])
    enforce(CATALOG, stack)
    with pytest.raises(RuntimeError, match=rf"Function.*{OLD} is not approved"):
        synth(stack)


@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_an_approved_layer_passes(made: Made, synth: Synth, tmp_path: Path) -> None:
    stack = made(tmp_path)
    function(stack, layers=[imported(stack, CORE)])
    function(stack, "Without")
    enforce(CATALOG, stack)
    synth(stack)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_what_is_unknown_passes_unless_strict(made: Made, synth: Synth, tmp_path: Path, strict: bool) -> None:
    stack = made(tmp_path)
    function(stack, layers=[unknown(stack)])
    enforce(CATALOG, stack, strict=strict)
    if strict:
        with pytest.raises(RuntimeError, match="whether its layer LayerArn is approved is not known"):
            synth(stack)
    else:
        synth(stack)


@pytest.mark.parametrize("rule", [f"unapproved-layer:{OLD}", "unapproved-layer:" + EVIL])
@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_it_is_accepted_layer_by_layer(made: Made, synth: Synth, tmp_path: Path, rule: str) -> None:
    stack = made(tmp_path)
    accept(function(stack, layers=[imported(stack, OLD)]), rule)
    enforce(CATALOG, stack)
    if OLD in rule:
        synth(stack)
    else:
        with pytest.raises(RuntimeError, match="is not approved"):
            synth(stack)


@pytest.mark.parametrize(("made", "synth"), ENTRY_POINTS)
def test_what_is_unknown_is_accepted_where_it_is_refused(made: Made, synth: Synth, tmp_path: Path) -> None:
    stack = made(tmp_path)
    accept(function(stack, layers=[unknown(stack)]), "unknown-layer:LayerArn")
    enforce(CATALOG, stack, strict=True)
    synth(stack)


def test_there_is_one_finding_for_each_function_and_layer(app: cdk.App, snapshot: SnapshotAssertion) -> None:
    stack = cdk.Stack(cdk.Stage(app, "Stage"), "Stack", env=HERE)
    function(stack, layers=[imported(stack, CORE), imported(stack, OLD, "Old"), imported(stack, EVIL, "Evil")])
    enforce(CATALOG, app)
    assert refusal(app) == snapshot


def test_an_unknown_layer_is_a_warning_in_the_report(app: cdk.App, stack: cdk.Stack) -> None:
    function(stack, layers=[unknown(stack)])
    enforce(CATALOG, app)
    (found,) = reported(app)
    assert (found["ruleName"], found["severity"]) == ("unknown-layer:LayerArn", "warning")


def test_a_warning_of_a_stage_stands_at_the_function_and_nowhere_else(app: cdk.App) -> None:
    stack = cdk.Stack(cdk.Stage(app, "Stage"), "Stack")
    function(stack, layers=[unknown(stack)])
    enforce(CATALOG, app)
    assert reported(app) == []
    told = assertions.Match.string_like_regexp("whether its layer LayerArn is approved is not known")
    assertions.Annotations.from_stack(stack).has_warning("/Stage/Stack/Function", told)


def test_an_accepted_warning_is_not_said(app: cdk.App) -> None:
    stack = cdk.Stack(cdk.Stage(app, "Stage"), "Stack")
    accept(function(stack, layers=[unknown(stack)]), "unknown-layer:LayerArn")
    enforce(CATALOG, app)
    assert reported(app) == []
    assertions.Annotations.from_stack(stack).has_no_warning("*", assertions.Match.any_value())


@pytest.mark.parametrize("used", [["Good"], ["Good", "Bad"]])
def test_a_layer_of_the_app_is_approved_and_another_one_is_not(used: list[str], app: cdk.App, stack: cdk.Stack) -> None:
    layers = {name: plain_layer(stack, name) for name in ("Good", "Bad")}
    function(stack, layers=[layers[name] for name in used])
    enforce(LayerCatalog(ApprovedLayer.of(layers["Good"])), app)
    if used == ["Good"]:
        app.synth()
    else:
        with pytest.raises(RuntimeError, match="Stack/Function: its layer Stack/Bad is not approved"):
            app.synth()


def test_another_layer_by_the_name_of_an_approved_one_is_not_approved(app: cdk.App, stack: cdk.Stack) -> None:
    good = plain_layer(stack, "Good", layer_version_name="core")
    function(stack, layers=[plain_layer(stack, "Bad", layer_version_name="core")])
    enforce(LayerCatalog(ApprovedLayer.of(good)), app)
    with pytest.raises(RuntimeError, match="Stack/Bad is not approved"):
        app.synth()


@pytest.mark.parametrize("name", ["core", "other"])
def test_a_layer_of_the_app_may_be_approved_by_name_and_account(name: str, app: cdk.App, stack: cdk.Stack) -> None:
    function(stack, layers=[plain_layer(stack, layer_version_name=name)])
    enforce(LayerCatalog(ApprovedLayer.named("core", account="999988887777")), app)
    if name == "core":
        app.synth()
    else:
        with pytest.raises(RuntimeError, match="Stack/Layer is not approved"):
            app.synth()


@pytest.mark.parametrize("env", [HERE, None])
def test_the_functions_own_account_is_that_of_its_stack(app: cdk.App, env: cdk.Environment | None) -> None:
    stack = cdk.Stack(app, "Stack", env=env)
    function(stack, layers=[plain_layer(stack)])
    enforce(LayerCatalog(ApprovedLayer.own_account()), app)
    assert reported(app) == []


def test_a_layer_of_another_account_is_not_of_the_functions_own(app: cdk.App, stack: cdk.Stack) -> None:
    function(stack, layers=[imported(stack, CORE)])
    enforce(LayerCatalog(ApprovedLayer.own_account()), app)
    with pytest.raises(RuntimeError, match="core:12 is not approved"):
        app.synth()


@pytest.mark.parametrize("approved", [True, False])
def test_nested_stacks_and_what_comes_from_other_stacks_count(app: cdk.App, stack: cdk.Stack, approved: bool) -> None:
    layer = plain_layer(stack)
    other = cdk.Stack(app, "Other", env=HERE)
    function(cdk.NestedStack(stack, "Nested"), layers=[layer])
    function(other, layers=[layer])
    enforce(LayerCatalog(*([ApprovedLayer.of(layer)] if approved else [])), app)
    if approved:
        assert reported(app) == []
    else:
        said = refusal(app)
        for path in ("Stack/Nested/Function", "Other/Function"):
            assert said.count(f"{path}: its layer Stack/Layer is not approved") == 1


def test_a_function_that_no_construct_made_counts(app: cdk.App, stack: cdk.Stack) -> None:
    cdk.CfnResource(stack, "Raw", type="AWS::Lambda::Function", properties={"Layers": [EVIL]})
    enforce(CATALOG, app)
    with pytest.raises(RuntimeError, match="evil:1 is not approved"):
        app.synth()


@pytest.mark.parametrize(("version", "passes"), [(12, True), (3, False)])
def test_an_arn_that_is_composed_at_deployment_is_judged_by_what_is_known(
    version: int, passes: bool, app: cdk.App
) -> None:
    stack = cdk.Stack(app, "Stack")
    arn = f"arn:{cdk.Aws.PARTITION}:lambda:{cdk.Aws.REGION}:111122223333:layer:core:{version}"
    function(stack, layers=[imported(stack, arn)])
    enforce(CATALOG, app)
    if passes:
        assert reported(app) == []
    else:
        with pytest.raises(RuntimeError, match=r"Stack/Function: its layer .* is not approved"):
            app.synth()


def test_a_parameter_may_stand_for_name_and_version(app: cdk.App, stack: cdk.Stack) -> None:
    which = cdk.CfnParameter(stack, "Which").value_as_string
    function(stack, layers=[imported(stack, f"arn:aws:lambda:eu-west-1:111122223333:layer:{which}")])
    enforce(CATALOG, app)
    assert [one["severity"] for one in reported(app)] == ["warning"]


@pytest.mark.parametrize(
    ("arn", "said"),
    [("{{resolve:ssm:/layers/core}}", "is not known"), ("arn:aws:lambda:eu-west-1:111122223333:layer:core", "version")],
)
def test_what_is_no_arn_is_unknown_or_refused(arn: str, said: str, app: cdk.App, stack: cdk.Stack) -> None:
    cdk.CfnResource(stack, "Raw", type="AWS::Lambda::Function", properties={"Layers": [arn]})
    enforce(CATALOG, app, strict=True)
    with pytest.raises(RuntimeError, match=said):
        app.synth()


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1"])
def test_the_layers_that_the_cdk_attaches_pass_with_the_presets(app: cdk.App, region: str, approved: bool) -> None:
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="999988887777", region=region))
    bucket = s3.Bucket(stack, "Bucket", auto_delete_objects=True, removal_policy=cdk.RemovalPolicy.DESTROY)
    deployment.BucketDeployment(
        stack, "Deployment", destination_bucket=bucket, sources=[deployment.Source.data("a.txt", "a")]
    )
    function(stack, "Insights", insights_version=lambda_.LambdaInsightsVersion.VERSION_1_0_229_0)
    presets = ["cdk", "lambda-insights"]
    if region == "eu-west-1":
        presets += ["adot", "parameters-and-secrets"]
        secrets = lambda_.ParamsAndSecretsVersions.V1_0_103
        function(stack, "Secrets", params_and_secrets=lambda_.ParamsAndSecretsLayerVersion.from_version(secrets))
        adot = lambda_.AdotLambdaLayerPythonSdkVersion.LATEST
        instrumentation = lambda_.AdotInstrumentationConfig(
            layer_version=lambda_.AdotLayerVersion.from_python_sdk_layer_version(adot),
            exec_wrapper=lambda_.AdotLambdaExecWrapper.INSTRUMENT_HANDLER,
        )
        function(stack, "Adot", adot_instrumentation=instrumentation)
    enforce(LayerCatalog(*(ApprovedLayer.preset(name) for name in presets if approved)), app, strict=True)
    if approved:
        app.synth()
    else:
        with pytest.raises(RuntimeError, match=r"CDKBucketDeployment.*AwsCliLayer is not approved"):
            app.synth()


@pytest.mark.parametrize(
    ("regions", "said"), [([], None), (["eu-west-1"], "in some regions"), (None, "nothing in the catalog approves it")]
)
def test_a_layer_that_is_looked_up_by_region_is_judged_for_each(
    regions: list[str] | None, said: str | None, app: cdk.App
) -> None:
    stack = cdk.Stack(app, "Stack")
    function(stack, insights_version=lambda_.LambdaInsightsVersion.VERSION_1_0_229_0)
    approved = [] if regions is None else [ApprovedLayer.preset("lambda-insights", regions=regions)]
    enforce(LayerCatalog(*approved), app, strict=True)
    if said is None:
        app.synth()
    else:
        assert said in refusal(app)


@pytest.mark.parametrize(("arn", "passes"), [(CORE, True), (EVIL, False)])
def test_a_required_layer_must_be_there(arn: str, passes: bool, app: cdk.App, stack: cdk.Stack) -> None:
    catalog = LayerCatalog(ApprovedLayer.arn(CORE, required_as="observability"), ApprovedLayer.account("444455556666"))
    function(stack, layers=[imported(stack, arn)])
    accept(function(stack, "Accepted"), "required-layer:observability")
    enforce(catalog, app)
    if passes:
        app.synth()
    else:
        with pytest.raises(RuntimeError, match="Stack/Function: it has no layer of 'observability'"):
            app.synth()


def test_whether_a_required_layer_is_there_may_be_unknown(app: cdk.App, stack: cdk.Stack) -> None:
    function(stack, layers=[unknown(stack)])
    enforce(LayerCatalog(ApprovedLayer.arn(CORE, required_as="base")), app)
    assert [(one["ruleName"], one["severity"]) for one in reported(app)] == [
        ("unknown-layer:LayerArn", "warning"),
        ("required-layer:base", "warning"),
    ]


@pytest.mark.parametrize(("today", "passes"), [("2027-01-30", True), ("2027-01-31", False)])
def test_an_approval_ends_on_its_day_and_no_template_knows_it(tmp_path: Path, today: str, passes: bool) -> None:
    app = cdk.App(outdir=str(tmp_path), context={TODAY_CONTEXT: today})
    stack = cdk.Stack(app, "Stack")
    function(stack, layers=[imported(stack, CORE)])
    enforce(LayerCatalog(ApprovedLayer.arn(CORE, expires=date(2027, 1, 31))), app)
    if passes:
        assert "2027" not in json.dumps(assertions.Template.from_stack(stack).to_json())
    else:
        with pytest.raises(RuntimeError, match="its approval ended on 2027-01-31"):
            app.synth()


def test_a_revoked_version_is_refused(app: cdk.App, stack: cdk.Stack) -> None:
    function(stack, layers=[imported(stack, CORE)])
    enforce(CATALOG.revoke(CORE, reason="it logs secrets"), app)
    with pytest.raises(RuntimeError, match=r"it was revoked: it logs secrets\s+the nearest approved version is .*:13"):
        app.synth()


def test_a_layer_of_aws_itself_can_be_accepted(app: cdk.App, stack: cdk.Stack) -> None:
    function_ = function(stack, layers=[imported(stack, "arn:aws:lambda:::awslayer:AmazonLinux1803")])
    accept(function_, "unapproved-layer:arn:aws:lambda:awslayer:AmazonLinux1803")
    enforce(CATALOG, app)
    app.synth()


def test_several_catalogs_hold_at_once(app: cdk.App, stack: cdk.Stack) -> None:
    function(stack, layers=[imported(stack, CORE)])
    enforce(CATALOG, app)
    enforce(LayerCatalog(), app)
    with pytest.raises(RuntimeError, match="core:12 is not approved"):
        app.synth()


def test_what_two_catalogs_say_alike_is_said_once(app: cdk.App) -> None:
    stack = cdk.Stack(cdk.Stage(app, "Stage"), "Stack")
    function(stack, layers=[imported(stack, EVIL)])
    enforce(CATALOG, stack)
    enforce(LayerCatalog(), app)
    assert refusal(app).count("is not approved") == 1


def test_each_stage_may_enforce_a_catalog_of_its_own_layers(app: cdk.App) -> None:
    for name in ("Test", "Production", "Pro"):
        stage = cdk.Stage(app, name)
        stack = cdk.Stack(stage, "Stack")
        layer = plain_layer(stack)
        function(cdk.NestedStack(stack, "Nested"), layers=[layer])
        function(cdk.Stack(stage, "Other"), layers=[layer])
        enforce(LayerCatalog(ApprovedLayer.of(layer)), stage)
    app.synth()


def test_a_stack_that_enforces_says_nothing_of_another(app: cdk.App, stack: cdk.Stack) -> None:
    beside = cdk.Stack(app, "Stack2")
    function(beside, layers=[imported(beside, EVIL)])
    enforce(CATALOG, stack)
    app.synth()


def test_a_stage_that_is_made_later_is_refused_with_its_app(app: cdk.App) -> None:
    enforce(CATALOG, app)
    stack = cdk.Stack(cdk.Stage(app, "Stage"), "Stack")
    function(stack, layers=[imported(stack, EVIL)])
    with pytest.raises(RuntimeError, match=r"Stage/Stack/Function: its layer .*evil:1 is not approved"):
        app.synth()


APP = """
import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.enforcement import enforce

app = cdk.App()
enforce(LayerCatalog(), app)
stack = cdk.Stack({scope}, "Mine")
layer = lambda_.LayerVersion.from_layer_version_arn(stack, "Layer", "{arn}")
lambda_.Function(stack, "Function", runtime=lambda_.Runtime.PYTHON_3_13, handler="index.handler",
                 code=lambda_.Code.from_inline("x"), layers=[layer])
app.synth()
"""


@pytest.mark.parametrize("scope", ["app", "cdk.Stage(app, 'Stage')"])
def test_cdk_synth_refuses_too(tmp_path: Path, scope: str) -> None:
    (tmp_path / "app.py").write_text(APP.format(scope=scope, arn=EVIL), encoding="utf-8")
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [str(ROOT / "node_modules" / ".bin" / "cdk"), "synth", "--quiet", "--app", f"{sys.executable} app.py"],
        cwd=tmp_path,
        env={**mine, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{mine['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "evil:1 is not approved" in done.stdout + done.stderr


def test_what_is_in_no_app_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="is in no app"):
        enforce(CATALOG, RootConstruct("Root"))
