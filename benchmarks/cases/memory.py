"""How much memory a build takes at its peak, over a synth of the CDK's own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import processes
from benchmarks.case import Unavailable
from benchmarks.own_table import OwnTable
from benchmarks.pairs import Spread
from benchmarks.workspace import APPS, Workspace
from layer_constructs.building.build import build_planned
from layer_constructs.building.cache_folder import DIRECTORY_VARIABLE
from layer_constructs.building.contents import Contents
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target

REQUIREMENTS = "numpy==2.2.6\npandas==2.3.2\npyarrow==21.0.0\n"
TARGET = Target("python3.13", "x86_64")
_LEAST = 235_000_000  # bytes
_LIMIT = 300  # MB
_EVERY = 0.004  # seconds

PLAIN, BUILD, CACHED = "plain `LayerVersion`", "PythonDepsLayer, built", "PythonDepsLayer, from the cache"


def _table(workspace: Workspace, runs: int) -> Iterator[str]:
    if not processes.KNOWN:
        raise Unavailable("this system doesn't tell which processes one has started")
    subjects = _subjects(workspace)
    peaks: dict[str, list[float]] = {name: [] for name in [*subjects, ""]}
    for _ in range(runs):
        for name, taken in peaks.items():
            taken.append(subjects[name or PLAIN]())
    noise = peaks.pop("")
    yield "| ours | over | memory | target | |"
    yield "|---|---|---|---|---|"
    for name, limit in ((BUILD, _LIMIT), (CACHED, None)):
        added = [ours - plain for ours, plain in zip(peaks[name], peaks[PLAIN], strict=True)]
        yield f"| {name} | {PLAIN} | {_over(added)} | {f'+{limit} MB' if limit else ''} | {_verdict(added, limit)} |"
    added = [again - plain for again, plain in zip(noise, peaks[PLAIN], strict=True)]
    yield f"| {PLAIN} | itself (the noise) | {_over(added)} | | |"
    yield from ("", "| MB | at the peak |", "|---|---|")
    for name, its in peaks.items():
        spread = Spread.of(its)
        yield f"| {name} | {spread.median:.0f} ({spread.minimum:.0f} to {spread.maximum:.0f}) |"


def _subjects(workspace: Workspace) -> dict[str, Callable[[], float]]:
    """Each gives the MB of its peak."""
    requirements = workspace.file("memory", "requirements.txt", text=REQUIREMENTS)
    wanted = Dependencies(requirements=requirements, locked=False, contents=Contents(slim=True), bytecode=True)
    cache = workspace.cache()
    layer = build_planned(make_plan(wanted, TARGET, cache=cache), cache=cache, label="layer")
    assert layer.facts.unzipped_size >= _LEAST, f"{layer.facts.unzipped_size:,} bytes are not what the target is about"
    empty, outdir, built = (workspace.place("memory", name) for name in ("empty", "cdk.out", "layers"))
    empty.mkdir(exist_ok=True)
    gone = [workspace.gone("memory", name) for name in ("cdk.out", "layers")]

    def subject(*arguments: str | Path, env: Mapping[str, str]) -> Callable[[], float]:
        def action() -> float:
            for clear in gone:
                clear()
            peak = _peak([sys.executable, *arguments], env=env)
            assert any(outdir.glob("asset.*"))
            return peak

        return action

    env = workspace.environment
    return {
        PLAIN: subject(APPS / "plain.py", outdir, empty, env=env),
        BUILD: subject(APPS / "large.py", outdir, requirements, env=env | {DIRECTORY_VARIABLE: str(built)}),
        CACHED: subject(APPS / "large.py", outdir, requirements, env=env),
    }


def _peak(argv: Sequence[str | Path], *, env: Mapping[str, str]) -> float:
    """The most memory that a program and all that it started had at one moment, in MB."""
    most = 0
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(argv, env=dict(env), stdout=output, stderr=subprocess.STDOUT) as process:
            while process.poll() is None:
                most = max(most, sum(map(processes.memory, set(processes.tree(process.pid)))))
                time.sleep(_EVERY)
        if process.returncode != 0:
            output.seek(0)
            raise RuntimeError(f"{list(map(str, argv))} failed:\n{output.read().decode(errors='replace')}")
    return most / 1e6


def _over(added: Sequence[float]) -> str:
    spread = Spread.of(added)
    return f"{spread.median:+.0f} MB ({spread.minimum:+.0f} to {spread.maximum:+.0f})"


def _verdict(added: Sequence[float], limit: float | None) -> str:
    if limit is None:
        return ""
    if max(added) <= limit:
        return "met in each"
    return "**missed** in each" if min(added) > limit else "undecided"


CASE = OwnTable(
    name="memory",
    about=(
        f"The peak of memory of a synth: of Python, Node, and all that they start, added up every {_EVERY * 1000:.0f} "
        f"ms; what several share counts for each. `{REQUIREMENTS.strip().replace(chr(10), ' ')}` for {TARGET} with "
        "`slim=True` and `bytecode=True`, nearly as large as a layer may be, built with its wheels in uv's cache, over "
        "a plain `LayerVersion` over an empty folder."
    ),
    table=lambda workspace, runs: list(_table(workspace, runs)),
    most_runs=3,
)
