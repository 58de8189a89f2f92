"""``functions.py OUTDIR REQUIREMENTS CHECKED STAGED``: fifty functions that use a layer of ours.

Without CHECKED, the layer is not told to watch over them: the rest is the same.
"""

import sys

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs.layers import python_deps

outdir, requirements, checked, staged = sys.argv[1:]
if checked != "yes":
    vars(python_deps)["watch"] = lambda *_, **__: None
app = cdk.App(outdir=outdir, analytics_reporting=False)
stack = cdk.Stack(cdk.Stage(app, "Stage") if staged == "yes" else app, "Stack")
layer = python_deps.PythonDepsLayer(
    stack,
    "Layer",
    requirements=requirements,
    runtime=lambda_.Runtime.PYTHON_3_13,
    architecture=lambda_.Architecture.X86_64,
)
code = lambda_.Code.from_inline("def handler(event, context): ...")
for number in range(50):
    lambda_.Function(
        stack,
        f"Function{number}",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=code,
        layers=[layer],
    )
app.synth()
