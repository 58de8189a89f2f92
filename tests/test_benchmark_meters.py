"""What measures memory, CPU time and growth: a meter that sees too little would let every target be met."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks import processes
from benchmarks.cases.growth import CACHED, FIRST, LAYERS, _line
from benchmarks.cases.memory import _peak, _verdict
from benchmarks.pairs import Sample

pytestmark = pytest.mark.skipif(not processes.KNOWN, reason="this system doesn't tell which processes one has started")

MEGABYTES = 150
GRANDCHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"


def test_the_peak_of_memory_is_also_that_of_what_was_started() -> None:
    much = f"kept = bytearray({MEGABYTES} << 20); import time; time.sleep(0.3)"
    peak = _peak([sys.executable, "-c", GRANDCHILD, much], env=os.environ)
    assert MEGABYTES < peak < 2 * MEGABYTES


def test_a_program_that_fails_has_no_peak() -> None:
    with pytest.raises(RuntimeError, match="failed"):
        _peak([sys.executable, "-c", "raise SystemExit(1)"], env=os.environ)


def test_cpu_time_is_of_a_process_and_of_those_that_it_waited_for() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    before = processes.cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", GRANDCHILD, busy], check=True)
    assert 0.25 < processes.cpu_seconds(os.getpid()) - before < 3


def test_a_tree_has_the_children_of_children() -> None:
    with subprocess.Popen([sys.executable, "-c", GRANDCHILD, "input()"], stdin=subprocess.PIPE) as process:
        assert process.stdin
        while len(set(processes.tree(process.pid))) < 2:
            assert process.poll() is None
        process.stdin.write(b"\n")


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        ([1.0, 10.0, 100.0], "met"),
        ([5.0, 5.1, 6.0], "met"),
        ([1.0, 1.0, 100.0], "**missed**"),
        ([1.0, 100.0, 10_000.0], "**missed**"),
        ([-0.1, 1.0, 10.0], "undecided"),
    ],
)
def test_what_grows_more_than_linearly_as_a_whole_or_at_the_end_is_missed(seconds: list[float], verdict: str) -> None:
    samples = [[Sample(wall=each, cpu=each)] for each in seconds]
    assert _line(LAYERS, FIRST, (1, 10, 100), samples).endswith(f"| {verdict} |")


def test_the_exponents_are_the_slopes_of_the_logarithms() -> None:
    samples = [[Sample(wall=each, cpu=each**2)] for each in (1.0, 10.0, 100.0)]
    cells = [cell.strip() for cell in _line(LAYERS, CACHED, (1, 10, 100), samples).split("|")]
    assert cells[5:7] == ["1.00, at the end 1.00", "2.00, at the end 2.00"]


@pytest.mark.parametrize(
    ("added", "verdict"), [([10, 299], "met in each"), ([301, 400], "**missed** in each"), ([299, 301], "undecided")]
)
def test_memory_is_judged_by_every_round(added: list[float], verdict: str) -> None:
    assert _verdict(added, 300) == verdict
