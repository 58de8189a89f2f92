"""How what a layer costs grows with the layers, their files and bytes, and their targets."""

from __future__ import annotations

import json
import math
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes
from benchmarks.case import Unavailable
from benchmarks.own_table import OwnTable
from benchmarks.pairs import Sample, cpu, wall
from benchmarks.workspace import APPS, Workspace
from layer_constructs.building.cache_folder import DIRECTORY_VARIABLE
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.plans import make_plans
from layer_constructs.building.target import ARCHITECTURES, RUNTIMES, Target
from tests.support.wheels import make_wheel

PICTURE = "growth.svg"

# What is linear has an exponent of 1; what is n log n, here between 1.1 and 1.3; what is quadratic, 2.
_MOST = 1.1

_LEAST = 1e-3  # seconds: what is less is noise, and has no place on a logarithmic axis

FIRST, CACHED = "first build", "from the cache"
LAYERS, FILES, MEGABYTES, TARGETS = "layers", "files in a layer", "MB in a layer", "targets of a set"
SIZES = {
    LAYERS: (1, 10, 100),
    FILES: (10, 100, 1000),
    MEGABYTES: (10, 100, 250),
    TARGETS: (1, 4, len(RUNTIMES) * len(ARCHITECTURES)),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Point:
    """One synth: so many of what grows."""

    grows: str
    size: int
    files: Sequence[Path]

    @property
    def targets(self) -> int:
        """0: no set."""
        return self.size if self.grows == TARGETS else 0


def _table(workspace: Workspace, runs: int) -> Iterator[str]:
    if not processes.KNOWN:
        raise Unavailable("this system doesn't tell which processes one has started")
    try:
        from benchmarks.plots import draw
    except ImportError as error:
        raise Unavailable("there is no matplotlib, which the dependency group `bench` has") from error
    points = [_point(workspace, grows, size) for grows, sizes in SIZES.items() for size in sizes]
    taken: dict[tuple[str, str, int], list[Sample]] = {}
    for number in range(runs + 1):
        print(f"  round {number} of {runs}" if number else "  warming up", file=sys.stderr, flush=True)
        for point in points:
            for moment, sample in _measure(workspace, point).items():
                if number:
                    taken.setdefault((point.grows, moment, point.size), []).append(sample)
    panels = {
        grows: {
            moment: [(size, max(_median(taken[grows, moment, size], wall), _LEAST)) for size in sizes]
            for moment in (FIRST, CACHED)
        }
        for grows, sizes in SIZES.items()
    }
    draw(panels, workspace.place("growth", PICTURE), unit="seconds")
    yield f"![Seconds by layers, files, megabytes and targets, on logarithmic axes]({PICTURE})"
    yield ""
    yield "| of | seconds of | wall | CPU | exponent by wall | exponent by CPU | target | by CPU |"
    yield "|---|---|---|---|---|---|---|---|"
    for grows, sizes in SIZES.items():
        for moment in (FIRST, CACHED):
            yield _line(grows, moment, sizes, [taken[grows, moment, size] for size in sizes])
    yield ""
    yield f"{runs} rounds."


def _line(grows: str, moment: str, sizes: Sequence[int], samples: Sequence[Sequence[Sample]]) -> str:
    shown, exponents, verdict = [], [], "met"
    for clock in (wall, cpu):
        values = [_median(its, clock) for its in samples]
        shown.append(", ".join(f"{value:.3f}" for value in values))
        if min(values) <= 0:  # the app without layers took longer: other programs were in the way
            exponents.append("unknown")
            verdict = "undecided"
            continue
        whole, end = _exponent(sizes, values), _exponent(sizes[-2:], values[-2:])
        exponents.append(f"{whole:.2f}, at the end {end:.2f}")
        if clock is cpu and max(whole, end) > _MOST:
            verdict = "**missed**"
    of = f"{', '.join(f'{size:,}' for size in sizes)} {grows}"
    return f"| {' | '.join([of, moment, *shown, *exponents, f'exponent {_MOST}', verdict])} |"


def _median(samples: Sequence[Sample], clock: Callable[[Sample], float]) -> float:
    return statistics.median(clock(sample) for sample in samples)


def _exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The slope of a straight line through the logarithms."""
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in values]
    return statistics.linear_regression(xs, ys).slope


def _measure(workspace: Workspace, point: _Point) -> dict[str, Sample]:
    scratch = workspace.place("growth", "scratch")
    workspace.gone("growth", "scratch")()
    scratch.mkdir()
    argv: list[str | Path] = [sys.executable, APPS / "growth.py", scratch, str(point.targets), *point.files]
    env = workspace.environment | {DIRECTORY_VARIABLE: str(scratch / "layers")}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{list(map(str, argv[:4]))} failed:\n{done.stderr}")
    times = json.loads(done.stdout.splitlines()[-1])
    first, cached = (Sample(wall=seconds[0], cpu=seconds[1]) for seconds in times)
    return {FIRST: first, CACHED: cached}


def _point(workspace: Workspace, grows: str, size: int) -> _Point:
    """Its requirements files, locked, with wheels that are made once."""
    if grows == LAYERS:
        return _Point(grows=grows, size=size, files=[_requirements(workspace, f"tiny{n}") for n in range(size)])
    if grows == FILES:
        return _Point(grows=grows, size=size, files=[_requirements(workspace, f"files{size}", files=size)])
    if grows == MEGABYTES:
        name = f"megabytes{size}"
        return _Point(grows=grows, size=size, files=[_requirements(workspace, name, files=100, megabytes=size)])
    return _Point(grows=grows, size=size, files=[_requirements(workspace, "compiled", compiled=True)])


def _requirements(
    workspace: Workspace, name: str, *, files: int = 10, megabytes: float = 0.1, compiled: bool = False
) -> Path:
    wheels, file = workspace.place("growth", name, "wheels"), workspace.place("growth", name, "requirements.txt")
    if not wheels.exists():
        making = wheels.with_name("making")
        shutil.rmtree(making, ignore_errors=True)
        size = int(megabytes * 1e6 / files)
        content = {f"{name}/file{n}.bin": _content(f"{name} {n}", size) for n in range(files)}
        pythons = [f"cp{runtime.removeprefix('python').replace('.', '')}" for runtime in RUNTIMES]
        tags = [f"{python}-{python}-manylinux2014_{machine}" for python in pythons for machine in _MACHINES]
        for tag in tags if compiled else ["py3-none-any"]:
            make_wheel(making, name, "1.0", tag=tag, files={**content, f"{name}/tag.txt": tag.encode()})
        making.rename(wheels)
    workspace.file("growth", name, "requirements.txt", text=f"--no-index\n--find-links {wheels}\n{name}==1.0\n")
    targets = [Target(r, a) for r in RUNTIMES for a in ARCHITECTURES] if compiled else [Target("python3.13", "x86_64")]
    make_plans(Dependencies(requirements=file, locked=False), targets, cache=workspace.cache())
    return file


_MACHINES = ("x86_64", "aarch64")


def _content(name: str, size: int) -> bytes:
    """Half of it compresses, as that of compiled files does."""
    noise = random.Random(name).randbytes((size + 1) // 2)  # noqa: S311 - nothing here is secret
    return (noise + bytes(len(noise)))[:size]


CASE = OwnTable(
    name="growth",
    about=(
        "Made-up wheels, and an app with one stack: seconds over the same app without layers, in a process that has "
        "imported everything; built into an empty cache, the wheels in uv's, and then from the cache into a fresh "
        "`cdk.out`. Layers have 10 files and 0.1 MB, those with more files 0.1 MB, those with more MB 100 files, and "
        f"those of a set 10 files for each target, of which there are {SIZES[TARGETS][-1]}: all runtimes on both "
        "architectures. The "
        "exponent is the slope of the logarithms, 1 for what is linear: over all three, and over the last two. Met is "
        f"one of at most {_MOST} by CPU time."
    ),
    table=lambda workspace, runs: list(_table(workspace, runs)),
    pictures=[PICTURE],
    most_runs=6,
)
