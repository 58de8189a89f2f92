"""``deployed.py OUTDIR STACK SOURCE``: one layer version, of a folder by the CDK or of a requirements file by ours."""

import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

outdir, name, source = sys.argv[1:]
app = cdk.App(outdir=outdir, analytics_reporting=False)
stack = cdk.Stack(app, name)
if Path(source).is_dir():
    lambda_.LayerVersion(
        stack,
        "Layer",
        code=lambda_.Code.from_asset(source),
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_11],
        compatible_architectures=[lambda_.Architecture.X86_64],
        description="a layer",
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
else:
    from layer_constructs import PythonDepsLayer

    PythonDepsLayer(
        stack,
        "Layer",
        requirements=source,
        runtime=lambda_.Runtime.PYTHON_3_11,
        architecture=lambda_.Architecture.X86_64,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
app.synth()
