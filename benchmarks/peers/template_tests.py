"""``template_tests.py KIND COUNT OUTDIR ARGUMENT...``: so many tests, each with an app and a template of its own.

KIND is ``ours`` with REQUIREMENTS; ``plain`` with FOLDER; or ``alpha`` with ENTRY IMAGE CA_BUNDLE PIP_CACHE. Without an
OUTDIR, each app has a fresh one, as `App()` in a test has; with ``skip``, it bundles nothing.
"""

import sys
import tempfile

import aws_cdk as cdk
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_

kind, count, outdir, *arguments = sys.argv[1:]


def layer(stack: cdk.Stack) -> None:
    if kind == "ours":
        from layer_constructs import PythonDepsLayer

        PythonDepsLayer(
            stack,
            "Layer",
            requirements=arguments[0],
            runtime=lambda_.Runtime.PYTHON_3_11,
            architecture=lambda_.Architecture.X86_64,
        )
    elif kind == "plain":
        lambda_.LayerVersion(
            stack,
            "Layer",
            code=lambda_.Code.from_asset(arguments[0]),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_11],
            compatible_architectures=[lambda_.Architecture.X86_64],
        )
    else:
        from aws_cdk import aws_lambda_python_alpha as alpha

        entry, image, ca_bundle, pip_cache = arguments
        alpha.PythonLayerVersion(
            stack,
            "Layer",
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


context: dict[str, object] = {"aws:cdk:bundling-stacks": []} if outdir == "skip" else {}
with tempfile.TemporaryDirectory() as folder:
    for number in range(int(count)):
        its = f"{folder}/{number}" if outdir in ("", "skip") else outdir
        stack = cdk.Stack(cdk.App(outdir=its, context=context, analytics_reporting=False), "Stack")
        layer(stack)
        template = assertions.Template.from_stack(stack)
        template.resource_count_is("AWS::Lambda::LayerVersion", 1)
        template.has_resource_properties("AWS::Lambda::LayerVersion", {"CompatibleRuntimes": ["python3.11"]})
