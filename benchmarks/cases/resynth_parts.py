"""Where the processor's time of `resynth` goes, part by part: most of a synth is the CDK's, and varies."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks import cells, processes
from benchmarks.case import Unavailable
from benchmarks.cases.first_build import REQUIREMENTS
from benchmarks.cases.synths import DEPS_FRESH, DEPS_KEPT, PLAIN_FRESH, PLAIN_KEPT
from benchmarks.own_table import OwnTable
from benchmarks.pairs import Spread
from benchmarks.workspace import APPS, Workspace

IMPORT, LAYER, SYNTH = "import of PythonDepsLayer", "layer", "synth"
PARTS = ("import of the CDK", IMPORT, "app and stack", LAYER, SYNTH)
_PAIRS = ((DEPS_KEPT, PLAIN_KEPT), (DEPS_FRESH, PLAIN_FRESH))
_LIMIT = 50  # ms

# By part, milliseconds of Python and of Node.
Parts = Mapping[str, tuple[float, float]]


def _table(workspace: Workspace, runs: int) -> Iterator[str]:
    if not processes.KNOWN:
        raise Unavailable("this system doesn't tell which processes one has started")
    subjects = _subjects(workspace)
    line = [*subjects, ""]
    for name in line[:-1]:
        subjects[name]()  # bytecode, the lock and the layer are there from now on
    taken: dict[str, list[Parts]] = {name: [] for name in line}
    order = random.Random(0)  # noqa: S311 - nothing here is secret
    for _ in range(runs):
        for name in order.sample(line, len(line)):
            taken[name].append(subjects[name or PLAIN_KEPT]())
    yield "| ours | over | CPU | target | by CPU |"
    yield "|---|---|---|---|---|"
    for ours, over in _PAIRS:
        spread = _added(taken[ours], taken[over], _ours)
        verdict = cells.verdict(_LIMIT, spread)
        yield f"| {ours} | {over} | {cells.milliseconds(spread)} | +{_LIMIT} ms | {verdict} |"
    noise = _added(taken[""], taken[PLAIN_KEPT], _ours)
    yield f"| {PLAIN_KEPT} | itself (the noise) | {cells.milliseconds(noise)} | | |"
    yield ""
    yield "| added | Python, kept | Node, kept | Python, fresh | Node, fresh |"
    yield "|---|---|---|---|---|"
    for part in PARTS:
        shown = [
            cells.milliseconds(_added(taken[ours], taken[over], partial(_one, part, which)))
            for ours, over in _PAIRS
            for which in (0, 1)
        ]
        yield f"| {part} | {' | '.join(shown)} |"


def _ours(parts: Parts) -> float:
    """What this library adds to, but for Node's share of the synth."""
    return sum(parts[IMPORT]) + sum(parts[LAYER]) + parts[SYNTH][0]


def _one(part: str, which: int, parts: Parts) -> float:
    return parts[part][which]


def _added(ours: list[Parts], over: list[Parts], value: Callable[[Parts], float]) -> Spread:
    return Spread.of([value(a) - value(b) for a, b in zip(ours, over, strict=True)])


def _subjects(workspace: Workspace) -> Mapping[str, Callable[[], Parts]]:
    requirements = workspace.file("resynth", "requirements.txt", text=REQUIREMENTS)
    empty = workspace.place("resynth", "empty")
    empty.mkdir(exist_ok=True)

    def subject(app: str, given: Path, output: str, *, fresh: bool) -> Callable[[], Parts]:
        outdir, clear = workspace.place("resynth-parts", output), workspace.gone("resynth-parts", output)

        def action() -> Parts:
            if fresh:
                clear()
            argv = [sys.executable, *map(str, (APPS / "parts.py", APPS / app, outdir, given))]
            env = workspace.environment
            done = subprocess.run(argv, env=env, cwd=workspace.folder, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"{argv} failed:\n{done.stderr}")
            taken = json.loads(done.stdout.splitlines()[-1])
            assert taken.keys() <= set(PARTS)
            return {part: tuple(each * 1000 for each in taken.get(part, (0, 0))) for part in PARTS}

        return action

    return {
        PLAIN_KEPT: subject("plain.py", empty, "plain-kept", fresh=False),
        PLAIN_FRESH: subject("plain.py", empty, "plain-fresh", fresh=True),
        DEPS_KEPT: subject("deps.py", requirements, "kept", fresh=False),
        DEPS_FRESH: subject("deps.py", requirements, "fresh", fresh=True),
    }


CASE = OwnTable(
    name="resynth-parts",
    about=(
        "The same apps from within: the processor's time of Python, and of Node, for each part of them. The first "
        "table adds up what this library has a part in: its import, the layer, and Python's share of the synth. Node's "
        "share of that takes seconds without any layer and varies by hundreds of milliseconds from run to run; what "
        "it says of this library drowns in that. What is left, by profile: the import of fifty small modules (30 ms: "
        "their files 13, thirty tuple classes 6, six dataclasses 4, OpenSSL for hashlib 3); some twenty calls over "
        "jsii, once in an app (10 ms of Python, 27 of Node), half of Node's for the check of the app's functions, the "
        "rest for the context keys, the folder and whether the stack is bundled; that check (7 ms); and with a fresh "
        "`cdk.out` a copy of the archive (14 ms for 39 MB), never a link, lest an edit reach the cache. To save more, "
        "the modules would have to be fewer and larger."
    ),
    table=lambda workspace, runs: list(_table(workspace, runs)),
)
