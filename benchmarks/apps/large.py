"""``large.py OUTDIR REQUIREMENTS``: as ``deps.py``, with what takes the most memory: a lean layer with bytecode."""

import sys

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs import PythonDepsLayer

outdir, file = sys.argv[1:]
app = cdk.App(outdir=outdir, analytics_reporting=False)
PythonDepsLayer(
    cdk.Stack(app, "Stack"),
    "Layer",
    requirements=file,
    runtime=lambda_.Runtime.PYTHON_3_13,
    architecture=lambda_.Architecture.X86_64,
    slim=True,
    bytecode=True,
)
app.synth()
