"""``plain_bundled.py OUTDIR ENTRY IMAGE CA_BUNDLE PIP_CACHE``: an app with a plain LayerVersion that Docker bundles."""

import sys

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

outdir, entry, image, ca_bundle, pip_cache = sys.argv[1:]
app = cdk.App(outdir=outdir, analytics_reporting=False)
lambda_.LayerVersion(
    cdk.Stack(app, "Stack"),
    "Layer",
    code=lambda_.Code.from_asset(
        entry,
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry(image),
            command=["bash", "-c", "pip install -r requirements.txt -t /asset-output/python"],
            environment={"PIP_CERT": "/peers/ca.pem", "PIP_CACHE_DIR": "/peers/pip"},
            volumes=[
                cdk.DockerVolume(host_path=ca_bundle, container_path="/peers/ca.pem"),
                cdk.DockerVolume(host_path=pip_cache, container_path="/peers/pip"),
            ],
        ),
    ),
    compatible_runtimes=[lambda_.Runtime.PYTHON_3_11],
    compatible_architectures=[lambda_.Architecture.X86_64],
)
app.synth()
