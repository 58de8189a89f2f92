"""One library in more and more regions: what each of them adds to a synth of the example's pipeline."""

from __future__ import annotations

import json
import sys

from benchmarks.case import Case, Row
from benchmarks.pairs import Subject, process
from benchmarks.workspace import ROOT, Workspace

_EXAMPLE = ROOT / "examples" / "many_regions"

_REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-2", "eu-central-1", "us-west-2", "ap-northeast-1")
_COUNTS = (1, 2, 3, 6)


def _name(count: int) -> str:
    return f"{count} {'region' if count == 1 else 'regions'}"


def _subjects(workspace: Workspace) -> list[Subject]:
    return [_subject(workspace, count) for count in _COUNTS]


def _subject(workspace: Workspace, count: int) -> Subject:
    outdir = workspace.place("regions", str(count))
    env = {
        **workspace.environment,
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps({"regions": _REGIONS[:count]}),
    }
    synth = process([sys.executable, "app.py"], env=env, cwd=_EXAMPLE)

    def action() -> None:
        synth()
        stacks = len(list(outdir.glob("assembly-Library-*/*.template.json")))
        assert stacks == 2 * count, "each region of both accounts has the library"

    return Subject(name=_name(count), action=action)


CASE = Case(
    name="regions",
    about=(
        "`examples/many_regions`, as a whole process with `cdk.out` kept: one library that a pipeline releases to two "
        "accounts, in 1 to 6 regions, its layer in the cache. In milliseconds for each added region: two stacks, their "
        "steps in the pipeline, and the pipeline's own stack for artifacts there. The first row is the slope."
    ),
    subjects=_subjects,
    rows=[Row(ours=_name(count), over=_name(1), per=count - 1) for count in reversed(_COUNTS[1:])],
)
