"""``plain.py OUTDIR FOLDER...``: the app as it is without this library, with a LayerVersion for each folder."""

import sys

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

outdir, *folders = sys.argv[1:]
app = cdk.App(outdir=outdir, analytics_reporting=False)
stack = cdk.Stack(app, "Stack")
for number, folder in enumerate(folders):
    lambda_.LayerVersion(
        stack,
        f"Layer{number}",
        code=lambda_.Code.from_asset(folder),
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_11],
        compatible_architectures=[lambda_.Architecture.X86_64],
        description="a layer",
        removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )
app.synth()
