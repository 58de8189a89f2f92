#!/usr/bin/env python3
"""The example: one layer with a compiled package, and a function on arm64 that uses it."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from layer_constructs import PythonDepsLayer

EXAMPLE = Path(__file__).parent / "examples" / "report"


class ReportStack(cdk.Stack):
    """A function that sums up a table with pandas, which comes from a layer."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        deps = PythonDepsLayer(
            self,
            "Deps",
            requirements=EXAMPLE / "requirements.txt",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
        )
        lambda_.Function(
            self,
            "Report",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler="report.handler",
            code=lambda_.Code.from_asset(str(EXAMPLE / "function")),
            layers=[deps],
        )


app = cdk.App()
ReportStack(app, "Report")
app.synth()
