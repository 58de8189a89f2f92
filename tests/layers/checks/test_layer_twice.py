"""A function that has one layer twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from tests.layers.checks.functions import function, refusal

if TYPE_CHECKING:
    from tests.layers.checks.conftest import MakeLayer

ARN = "arn:aws:lambda:eu-west-1:111122223333:layer:other"


def test_a_layer_that_came_in_two_ways(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    layer = make_layer(stack, "Deps")
    function(stack, layers=[layer]).add_layers(layer)
    said = refusal(app)
    assert "it has Stack/Deps (" in said
    assert ") twice" in said
    assert "layer-twice:Stack/Deps" in said


@pytest.mark.parametrize(("other", "refused"), [(f"{ARN}:8", True), (f"{ARN}s:8", False)])
def test_two_versions_of_a_layer_that_is_known_by_its_arn(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer, other: str, refused: bool
) -> None:
    arns = {"One": f"{ARN}:7", "Other": other}
    named = [lambda_.LayerVersion.from_layer_version_arn(stack, name, arn) for name, arn in arns.items()]
    function(stack, layers=[make_layer(stack, "Deps"), *named])
    if refused:
        assert f"it has two versions of one layer: {ARN}:7, {ARN}:8" in refusal(app)
    else:
        app.synth()
