"""``parts.py APP ARGUMENTS...``: another app of this folder, statement by statement.

Printed is the processor's time that each part of it took, in seconds: Python's and Node's.
"""

import ast
import json
import os
import sys
import time
from pathlib import Path

from benchmarks.processes import cpu_seconds, tree

sys.argv = sys.argv[1:]
app = Path(sys.argv[0])


def part_of(statement: ast.stmt) -> str:
    match statement:
        case ast.ImportFrom(module="layer_constructs"):
            return "import of PythonDepsLayer"
        case ast.Import() | ast.ImportFrom():
            return "import of the CDK"
        case ast.For():
            return "layer"
        case ast.Expr(value=ast.Call()):
            return "synth"
    return "app and stack"


def clocks() -> tuple[float, float]:
    node = set(tree(os.getpid())) - {os.getpid()}
    return time.process_time(), sum(map(cpu_seconds, node))


taken: dict[str, tuple[float, float]] = {}
names = {"__name__": "__main__"}
for statement in ast.parse(app.read_bytes()).body:
    part, before = part_of(statement), clocks()
    exec(compile(ast.Module([statement], []), app, "exec"), names)  # noqa: S102 - what is measured
    after = clocks()
    python, node = taken.get(part, (0.0, 0.0))
    taken[part] = python + after[0] - before[0], node + after[1] - before[1]
sys.stdout.write(json.dumps(taken) + "\n")
