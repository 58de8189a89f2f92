"""A test suite that looks at templates, over the same one with other people's layers."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.case import Case, Row
from benchmarks.pairs import Subject, process
from benchmarks.peers.bench import Bench, or_missing
from benchmarks.peers.installation import Container, Peers, container, peers
from benchmarks.peers.work import SMALL
from benchmarks.workspace import ROOT, Workspace

_SCRIPT = ROOT / "benchmarks" / "peers" / "template_tests.py"
_COUNT, _FEW = 50, 20

PLAIN, OURS = f"{_COUNT} tests, plain", f"{_COUNT} tests, PythonDepsLayer"
KEPT, SKIPPED = f"{_COUNT} tests, alpha, one cdk.out for all", f"{_COUNT} tests, alpha, bundling nothing"
OURS_FEW, ALPHA_FEW = f"{_FEW} tests, PythonDepsLayer", f"{_FEW} tests, alpha"


def _subjects(workspace: Workspace) -> dict[str, Subject]:
    bench = Bench(workspace, SMALL, warm=True)
    bench.write_inputs()
    bench.pip_cache.mkdir(parents=True, exist_ok=True)
    empty = workspace.place("template-tests", "empty")
    empty.mkdir(exist_ok=True)
    ours = [bench.place("layer0", "requirements.txt")]

    def act(program: Path | str, env: Mapping[str, str], *words: str | Path) -> Subject:
        return Subject(name="", action=process([program, _SCRIPT, *words], env=env, cwd=workspace.folder))

    def alpha(name: str, count: int, outdir: str | Path) -> Subject:
        def make(there: Peers, box: Container) -> Subject:
            words: list[str | Path] = [bench.entries[0], box.image, box.ca_bundle, bench.pip_cache]
            done = act(there.program("python"), bench.theirs, "alpha", str(count), outdir, *words)
            return Subject(name=name, action=done.action, optional=True)

        return or_missing(name, lambda: make(peers(), container()))

    def own(name: str, kind: str, count: int, *words: Path) -> Subject:
        done = act(sys.executable, bench.environment, kind, str(count), "", *words)
        return Subject(name=name, action=done.action)

    return {
        PLAIN: own(PLAIN, "plain", _COUNT, empty),
        OURS: own(OURS, "ours", _COUNT, *ours),
        OURS_FEW: own(OURS_FEW, "ours", _FEW, *ours),
        ALPHA_FEW: alpha(ALPHA_FEW, _FEW, ""),
        KEPT: alpha(KEPT, _COUNT, workspace.place("template-tests", "kept")),
        SKIPPED: alpha(SKIPPED, _COUNT, "skip"),
    }


def _chosen(workspace: Workspace, *, names: Sequence[str]) -> list[Subject]:
    subjects = _subjects(workspace)
    return [subjects[name] for name in names]


_TESTS = "tests with an app, a stack and `Template.from_stack` each, in one process"

CASES = (
    Case(
        name="template-tests",
        about=(
            f"{_COUNT} {_TESTS}: a layer of {SMALL.listed} from the cache, over a plain `LayerVersion` over an empty "
            "folder, in milliseconds a test; and over the alpha module, where the tests share a `cdk.out`, or where "
            "they bundle nothing, which is how it does without a container for each of them."
        ),
        subjects=partial(_chosen, names=[PLAIN, OURS, KEPT, SKIPPED]),
        rows=[
            Row(ours=OURS, over=PLAIN, limit=50, per=_COUNT, by="CPU"),
            Row(ours=OURS, over=KEPT),
            Row(ours=OURS, over=SKIPPED),
        ],
    ),
    Case(
        name="template-tests-alpha",
        about=(
            f"{_FEW} {_TESTS}: the same layer over the alpha module as it is, which starts a container for each app, "
            f"its wheels cached. Of {_COUNT} the ratio is smaller still: the start of Python and Node, the same for "
            "both, counts less."
        ),
        subjects=partial(_chosen, names=[OURS_FEW, ALPHA_FEW]),
        rows=[Row(ours=OURS_FEW, over=ALPHA_FEW, limit=0.2, by="wall")],
        most_runs=2,
    ),
)
