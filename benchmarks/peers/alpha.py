"""``alpha.py OUTDIR IMAGE CA_BUNDLE PIP_CACHE ENTRY...``: an app with a layer for each.

A PythonLayerVersion of aws-lambda-python-alpha. Run by the peers' own Python.
"""

import sys

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_python_alpha as alpha

outdir, image, ca_bundle, pip_cache, *entries = sys.argv[1:]
app = cdk.App(outdir=outdir, analytics_reporting=False)
stack = cdk.Stack(app, "Stack")
for number, entry in enumerate(entries):
    alpha.PythonLayerVersion(
        stack,
        f"Layer{number}",
        entry=entry,
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_11],
        compatible_architectures=[lambda_.Architecture.X86_64],
        bundling=alpha.BundlingOptions(
            image=cdk.DockerImage.from_registry(image),
            environment={"PIP_CERT": "/peers/ca.pem", "PIP_CACHE_DIR": "/peers/pip"},
            volumes=[
                cdk.DockerVolume(host_path=ca_bundle, container_path="/peers/ca.pem"),
                cdk.DockerVolume(host_path=pip_cache, container_path="/peers/pip"),
            ],
        ),
    )
app.synth()
