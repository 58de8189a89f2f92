"""``deps.py OUTDIR REQUIREMENTS...``: the same app as ``plain.py``, with a PythonDepsLayer for each file."""

import sys

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs import PythonDepsLayer

outdir, *files = sys.argv[1:]
app = cdk.App(outdir=outdir, analytics_reporting=False)
stack = cdk.Stack(app, "Stack")
for number, file in enumerate(files):
    PythonDepsLayer(
        stack,
        f"Layer{number}",
        requirements=file,
        runtime=lambda_.Runtime.PYTHON_3_11,
        architecture=lambda_.Architecture.X86_64,
    )
app.synth()
