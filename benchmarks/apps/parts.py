"""``parts.py OUTDIR FOLDER`` or ``parts.py OUTDIR FILE``: the app of `plain.py` or of `deps.py`, part by part.

Printed is the processor's time that each part took, in seconds: Python's and Node's.
"""

import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.processes import cpu_seconds, tree

outdir, given = sys.argv[1:]
ours = Path(given).is_file()

_marks = [(time.process_time(), 0.0)]


def done() -> None:
    node = set(tree(os.getpid())) - {os.getpid()}
    _marks.append((time.process_time(), sum(map(cpu_seconds, node))))


import aws_cdk as cdk  # noqa: E402
from aws_cdk import aws_lambda as lambda_  # noqa: E402
from aws_cdk import aws_s3_assets  # noqa: E402, F401 - both apps come to import it

done()
if ours:
    from layer_constructs import PythonDepsLayer

    def add() -> None:
        PythonDepsLayer(
            stack,
            "Layer",
            requirements=given,
            runtime=lambda_.Runtime.PYTHON_3_11,
            architecture=lambda_.Architecture.X86_64,
        )
else:

    def add() -> None:
        lambda_.LayerVersion(
            stack,
            "Layer",
            code=lambda_.Code.from_asset(given),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_11],
            compatible_architectures=[lambda_.Architecture.X86_64],
            description="a layer",
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )


done()
app = cdk.App(outdir=outdir, analytics_reporting=False)
stack = cdk.Stack(app, "Stack")
done()
add()
done()
app.synth()
done()
sys.stdout.write(json.dumps([[b - a for a, b in zip(*pair, strict=True)] for pair in pairwise(_marks)]) + "\n")
