"""From when on a layer is deprecated and refused, and who is told."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from layer_constructs.errors import ArgumentError
from layer_constructs.releasing.release import LayerRelease
from layer_constructs.releasing.released_layer import ReleasedLayer
from layer_constructs.sharing.lifecycle import TODAY_CONTEXT, Lifecycle, today_of
from tests.support.layers import ARN, function, made_layer, messages

PLAN = Lifecycle(
    deprecated=date(2027, 1, 1), refused=date(2027, 6, 30), reason="urllib3 has a hole", successor="core:9"
)
BEFORE, DEPRECATED, REFUSED = "2026-12-31", "2027-01-01", "2027-06-30"
TOLD = "deprecated from 2027-01-01 on, refused from 2027-06-30 on; urllib3 has a hole; use core:9 instead"


def app_on(day: str | None, folder: Path) -> cdk.App:
    return cdk.App(outdir=str(folder / f"cdk.out-{day}"), context={} if day is None else {TODAY_CONTEXT: day})


def pinned(stack: cdk.Stack, lifecycle: Any = PLAN) -> ReleasedLayer:
    return ReleasedLayer.from_arn(
        stack,
        "Core",
        ARN,
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        compatible_architectures=[lambda_.Architecture.X86_64],
        lifecycle=lifecycle,
    )


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (date(2026, 12, 31), "published"),
        (date(2027, 1, 1), "deprecated"),
        (date(2027, 6, 29), "deprecated"),
        (date(2027, 6, 30), "refused"),
    ],
)
def test_a_date_counts_from_its_own_day_on(day: date, state: str) -> None:
    assert PLAN.state(day) == state


def test_what_is_only_refused_is_never_deprecated() -> None:
    plan = Lifecycle(refused=date(2027, 6, 30))
    assert [plan.state(date(2027, 6, day)) for day in (29, 30)] == ["published", "refused"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "a lifecycle has no date"),
        ({"deprecated": "2027-01-01"}, "deprecated is '2027-01-01', and must be a day"),
        ({"refused": datetime(2027, 1, 1, tzinfo=UTC)}, "must be a day"),
        ({"deprecated": date(2027, 2, 1), "refused": date(2027, 1, 1)}, "before it is deprecated on 2027-02-01"),
        ({"refused": date(2027, 1, 1), "reason": "two\nlines"}, "must be one line of text"),
        ({"refused": date(2027, 1, 1), "successor": "x" * 301}, "allowed: 300 characters"),
    ],
)
def test_a_lifecycle_that_makes_no_sense_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        Lifecycle(**given)


def test_a_refusal_is_a_condition_on_the_time_and_one_of_the_layers() -> None:
    (statement,) = PLAN.deny_statements(ARN, "arn:aws:lambda:us-east-1:111122223333:layer:other:*")
    assert statement.to_json() == {
        "Effect": "Deny",
        "Action": ["lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"],
        "Resource": "*",
        "Condition": {
            "ForAnyValue:StringLike": {
                "lambda:Layer": [ARN, "arn:aws:lambda:us-east-1:111122223333:layer:other:*"],
            },
            "DateGreaterThanEquals": {"aws:CurrentTime": "2027-06-30T00:00:00Z"},
        },
    }


def test_what_is_only_deprecated_is_refused_nowhere() -> None:
    assert Lifecycle(deprecated=date(2027, 1, 1)).deny_statements(ARN) == []


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:lambda:us-east-1:111122223333:layer:core",
        "arn:aws:lambda:us-east-1:111122223333:layer:core:1*",
        "arn:aws:lambda:us-east-1:111122223333:layer:core:0",
        "core:7",
        7,
    ],
)
def test_a_pattern_that_would_match_nothing_or_too_much_is_refused(arn: Any) -> None:
    with pytest.raises(ArgumentError, match="is neither a layer version nor all of a layer"):
        PLAN.deny_statements(arn)
    with pytest.raises(ArgumentError, match="there is no ARN to refuse"):
        PLAN.deny_statements()


def test_a_release_refuses_all_its_versions_or_those_that_are_named(tmp_path: Path) -> None:
    stack = cdk.Stack(app_on(None, tmp_path), "Stack", env=cdk.Environment(account="111122223333", region="cn-north-1"))
    layer = made_layer(stack, tmp_path)
    whole = LayerRelease(stack, "Whole", layer=layer, lifecycle=PLAN)
    some = LayerRelease(
        stack,
        "Some",
        layer=layer,
        parameter_prefix="/other",
        lifecycle={3: PLAN, 4: Lifecycle(deprecated=date(2027, 1, 1))},
    )
    own = {"Ref": "AWS::Partition"}
    assert [
        stack.resolve(statement.to_statement_json())["Condition"]["ForAnyValue:StringLike"]["lambda:Layer"]
        for release in (whole, some)
        for statement in release.deny_statements()
    ] == [
        [{"Fn::Join": ["", ["arn:", own, f":lambda:cn-north-1:111122223333:layer:core:{version}"]]}]
        for version in ("*", "3")
    ]
    assert LayerRelease(stack, "None", layer=layer, parameter_prefix="/none").deny_statements() == []


@pytest.mark.parametrize(
    ("day", "warnings", "errors"),
    [(BEFORE, [], []), (DEPRECATED, ["core:7"], []), (REFUSED, [], ["core:7"])],
)
def test_a_consumer_elsewhere_is_told_where_the_layer_is_named(
    day: str, warnings: list[str], errors: list[str], tmp_path: Path
) -> None:
    app = app_on(day, tmp_path)
    stack = cdk.Stack(app, "Stack")
    function(stack, layers=[pinned(stack)])
    app.synth()
    assert messages(app, "warning") == [
        ("/Stack/Core", f"layer {name} is {TOLD} [ack: layer-constructs:deprecated-layer:{name}]") for name in warnings
    ]
    assert messages(app, "error") == [("/Stack/Core", f"layer {name} is {TOLD}") for name in errors]


def test_a_consumer_is_told_of_its_own_version_only(tmp_path: Path) -> None:
    app = app_on(DEPRECATED, tmp_path)
    for version, name in ((6, "Other"), (7, "Same")):
        pinned(cdk.Stack(app, name), {version: PLAN})
    app.synth()
    assert [path for path, _ in messages(app, "warning")] == ["/Same/Core"]


def test_a_deprecation_is_acknowledged_as_the_cdk_does_it(tmp_path: Path) -> None:
    app = app_on(DEPRECATED, tmp_path)
    layer = pinned(cdk.Stack(app, "Stack"))
    cdk.Annotations.of(layer).acknowledge_warning(
        "layer-constructs:deprecated-layer:core:7", "the new one comes in May"
    )
    app.synth()
    assert messages(app, "warning") == []


@pytest.mark.parametrize(("day", "level"), [(DEPRECATED, "warning"), (REFUSED, "error")])
def test_functions_of_the_same_app_are_told_wherever_they_are(day: str, level: str, tmp_path: Path) -> None:
    app = app_on(day, tmp_path)
    stage = cdk.Stage(app, "Prod")
    here, there = cdk.Stack(stage, "Here"), cdk.Stack(stage, "There")
    layer = made_layer(here, tmp_path)
    function(here, "Uses", layers=[layer])
    function(here, "Without")
    function(there, "Uses", layers=[layer])
    function(cdk.NestedStack(here, "Nested"), "Uses", layers=[layer])
    later = function(here, "Later")
    later.add_layers(layer)
    LayerRelease(here, "Release", layer=layer, lifecycle=PLAN)
    app.synth()
    told = messages(app, level)
    assert sorted(path for path, _ in told) == [
        "/Prod/Here/Later",
        "/Prod/Here/Nested/Uses",
        "/Prod/Here/Uses",
        "/Prod/There/Uses",
    ]
    assert all(f"layer core is {TOLD}" in text for _, text in told)


def test_a_stack_of_the_same_class_is_not_told_of_its_siblings_layer(tmp_path: Path) -> None:
    app = app_on(DEPRECATED, tmp_path)
    for name, lifecycle in (("Old", PLAN), ("New", None)):
        stack = cdk.Stack(app, name)
        layer = made_layer(stack, tmp_path)
        function(stack, "Uses", layers=[layer])
        LayerRelease(stack, "Release", layer=layer, lifecycle=lifecycle)
    app.synth()
    assert [path for path, _ in messages(app, "warning")] == ["/Old/Uses"]


def test_no_template_depends_on_today(tmp_path: Path) -> None:
    templates = []
    for day in (BEFORE, DEPRECATED, REFUSED, None):
        app = app_on(day, tmp_path)
        stack = cdk.Stack(app, "Stack")
        layer = made_layer(stack, tmp_path)
        release = LayerRelease(stack, "Release", layer=layer, lifecycle=PLAN)
        cdk.aws_iam.ManagedPolicy(stack, "Guard", statements=release.deny_statements())
        function(stack, layers=[layer, pinned(stack)])
        assembly = app.synth()
        templates.append(Path(assembly.directory, "Stack.template.json").read_bytes())
    assert b"2027-06-30T00:00:00Z" in templates[0]
    assert set(templates) == {templates[0]}


def test_today_is_the_day_in_utc(tmp_path: Path) -> None:
    before = datetime.now(UTC).date()
    assert today_of(app_on(None, tmp_path)) in {before, before + timedelta(days=1)}


@pytest.mark.parametrize("given", ["tomorrow", "2027-13-01", 20270101, ""])
def test_a_day_that_is_none_is_refused(given: Any, tmp_path: Path) -> None:
    stack = cdk.Stack(cdk.App(context={TODAY_CONTEXT: given}), "Stack")
    with pytest.raises(ArgumentError, match="allowed: a day, such as 2027-01-31"):
        pinned(stack)
    assert stack.node.try_find_child("Core") is None


@pytest.mark.parametrize("given", ["soon", {0: PLAN}, {"7": PLAN}, {7: date(2027, 1, 1)}, [PLAN]])
def test_what_is_no_lifecycle_is_refused(given: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"or by version: \{7: Lifecycle\(...\)\}"):
        pinned(cdk.Stack(app_on(None, tmp_path), "Stack"), given)


def test_a_lifecycle_is_a_value_that_needs_no_cdk() -> None:
    code = (
        "import sys; from datetime import date; from layer_constructs.sharing.lifecycle import Lifecycle; "
        "print(Lifecycle(refused=date(2027, 6, 30))); assert 'aws_cdk' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("refused from 2027-06-30 on\n", 0), done.stderr
