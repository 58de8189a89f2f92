"""``growth.py FOLDER TARGETS REQUIREMENTS...``: what layers take, built and then from the cache.

Each file becomes a PythonDepsLayer, or with TARGETS a set for so many of its targets. Printed are seconds, of the clock
and of all processors, over an app without layers: of the first synth, and of the fastest of some from the cache.
"""

import json
import os
import sys
import time
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from benchmarks.processes import cpu_seconds, tree
from layer_constructs import PythonDepsLayer, PythonDepsLayerSet
from layer_constructs.building.target import RUNTIMES

ARCHITECTURES = [lambda_.Architecture.X86_64, lambda_.Architecture.ARM_64]

folder, targets, *files = sys.argv[1:]


def clocks() -> tuple[float, float]:
    return time.perf_counter(), sum(map(cpu_seconds, set(tree(os.getpid()))))


def synth(number: int, files: list[str]) -> tuple[float, float]:
    app = cdk.App(outdir=str(Path(folder) / f"cdk.out{number}"), analytics_reporting=False)
    stack = cdk.Stack(app, "Stack")
    cdk.CfnWaitConditionHandle(stack, "Nothing")  # the CDK warns of a stack without resources
    os.sync()  # else the disk still writes for the synth before
    before = clocks()
    for each, file in enumerate(files):
        if targets == "0":
            PythonDepsLayer(stack, f"Layer{each}", requirements=file, runtime=lambda_.Runtime.PYTHON_3_13)
        else:
            count = int(targets)
            architectures = ARCHITECTURES[: min(count, 2)]
            runtimes = [lambda_.Runtime(name) for name in RUNTIMES[-(count // len(architectures)) :]]
            layers = PythonDepsLayerSet(
                stack, f"Set{each}", requirements=file, runtimes=runtimes, architectures=architectures
            ).layers
            assert len(layers) == count
    app.synth()
    wall, cpu = (after - start for after, start in zip(clocks(), before, strict=True))
    return wall, cpu


synth(0, [])  # jsii and its modules are loaded
base = min(synth(number, []) for number in range(1, 4))
first = synth(4, files)
cached = min(synth(number, files) for number in range(5, 9))
print(json.dumps([[ours - empty for ours, empty in zip(each, base, strict=True)] for each in (first, cached)]))
