"""``ours.py OUTDIR IMAGE REQUIREMENTS...``: an app with a PythonDepsLayer for each file.

IMAGE builds what has no wheel, if it isn't empty.
"""

import sys

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs import Bundling, PythonDepsLayer

outdir, image, *files = sys.argv[1:]
app = cdk.App(outdir=outdir, analytics_reporting=False)
stack = cdk.Stack(app, "Stack")
for number, file in enumerate(files):
    PythonDepsLayer(
        stack,
        f"Layer{number}",
        requirements=file,
        runtime=lambda_.Runtime.PYTHON_3_11,
        architecture=lambda_.Architecture.X86_64,
        bundling=Bundling.auto(image=image) if image else None,
    )
app.synth()
