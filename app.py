#!/usr/bin/env python3
"""The example: a layer that is built, shared, released and approved, and a function on arm64 that uses it."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from layer_constructs import (
    ApprovedLayer,
    ApprovedLayersBoundary,
    LayerCatalog,
    LayerRelease,
    PythonDepsLayer,
    Share,
)

EXAMPLE = Path(__file__).parent / "examples" / "report"


class ReportStack(cdk.Stack):
    """A function that sums up a table with pandas, which comes from a layer."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        # Build: the locked packages, for the function's runtime and architecture.
        deps = PythonDepsLayer(
            self,
            "Deps",
            requirements=EXAMPLE / "requirements.txt",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            layer_version_name="report-deps",
            # Share: another account may use it, and every version that follows.
            share_with=[Share.account("111122223333")],
        )
        # Release: consumers find each version, and the latest, by a parameter.
        LayerRelease(self, "Release", layer=deps)
        # Approve: whoever deploys with this boundary can give functions no other layer.
        catalog = LayerCatalog(ApprovedLayer.of(deps, reason="built and audited here"), ApprovedLayer.preset("cdk"))
        ApprovedLayersBoundary(self, "OnlyApprovedLayers", catalog=catalog)
        # Use.
        lambda_.Function(
            self,
            "Report",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler="report.handler",
            code=lambda_.Code.from_asset(str(EXAMPLE / "function")),
            layers=[deps],
        )
        # The same catalog while the app synthesises: another layer fails it, with the construct that has it.
        catalog.enforce(self)


app = cdk.App()
ReportStack(app, "Report")
app.synth()
