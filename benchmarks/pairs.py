"""Measuring things in turn, so that what the machine does meanwhile hits all of them alike."""

from __future__ import annotations

import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class CannotRun(Exception):  # noqa: N818 - no error, the report says it
    """A subject can't run on this machine; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One measured run, in seconds.

    :param cpu: user and system time of this process and of every process it started and waited for.
    """

    wall: float
    cpu: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Something to measure.

    :param action: what is timed, or tells a `Sample` itself; it raises if it didn't do its work.
    :param prepare: what must be so before each run; not timed.
    :param optional: one of other people's, which may not work here: then the report says why, and has the rest.
    """

    name: str
    action: Callable[[], object]
    prepare: Callable[[], object] = lambda: None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """What repeated runs gave.

    :param low: with ``high``, where the true median lies with 95 % confidence, whatever the distribution (sign test).
    """

    minimum: float
    low: float
    median: float
    high: float
    maximum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        ordered = sorted(values)
        cut = _outside(len(ordered))
        low, high = (-math.inf, math.inf) if cut is None else (ordered[cut], ordered[-1 - cut])
        return cls(ordered[0], low, statistics.median(ordered), high, ordered[-1])


@dataclass(frozen=True, slots=True)
class Measured:
    """Samples by subject; those at one position were taken in one round.

    :param again: the first subject measured a second time in each round: what differs is noise.
    :param missing: why others have no samples.
    """

    samples: Mapping[str, Sequence[Sample]]
    first: str
    again: Sequence[Sample]
    missing: Mapping[str, str] = field(default_factory=dict)

    def ratio(self, ours: str, over: str, clock: Callable[[Sample], float]) -> Spread:
        """Ours by theirs, round by round."""
        return _pairwise(self.samples[ours], self.samples[over], lambda a, b: clock(a) / clock(b))

    def ratio_beyond(self, ours: str, over: str, clock: Callable[[Sample], float], *, beyond: str) -> Spread:
        """What ours takes longer than a third, by what theirs takes longer than it; infinite where theirs doesn't."""
        thirds = zip(self.samples[ours], self.samples[over], self.samples[beyond], strict=True)
        more = [(clock(a) - clock(c), clock(b) - clock(c)) for a, b, c in thirds]
        return Spread.of([a / b if b > 0 else math.inf for a, b in more])

    def added(self, ours: str, over: str, clock: Callable[[Sample], float], *, per: int) -> Spread:
        """Ours less theirs in milliseconds, for each of ``per`` things."""
        return _pairwise(self.samples[ours], self.samples[over], lambda a, b: (clock(a) - clock(b)) * 1000 / per)

    def noise(self, clock: Callable[[Sample], float]) -> Spread:
        """The ratio of a subject to itself."""
        return _pairwise(self.again, self.samples[self.first], lambda a, b: clock(a) / clock(b))

    def noise_added(self, clock: Callable[[Sample], float], *, per: int) -> Spread:
        """The milliseconds between a subject and itself, for each of ``per`` things."""
        return _pairwise(self.again, self.samples[self.first], lambda a, b: (clock(a) - clock(b)) * 1000 / per)


def wall(sample: Sample) -> float:
    """The clock on the wall."""
    return sample.wall


def cpu(sample: Sample) -> float:
    """The processor's time, which other programs disturb less."""
    return sample.cpu


def measure(subjects: Sequence[Subject], *, runs: int, warm_up: bool = True) -> Measured:
    """Run each subject once to warm up, then all of them ``runs`` times in turn.

    Each round has another order, the same in every benchmark, so that none always runs after the same one.

    :param warm_up: whether there is something that the first run would leave warm for the others.
    """
    missing: dict[str, str] = {}
    if warm_up:
        _say("warming up")
        for subject in subjects:
            _try(subject, missing)
    again = Subject(name="", action=subjects[0].action, prepare=subjects[0].prepare)
    line = [*subjects, again]
    order = random.Random(0)  # noqa: S311 - nothing here is secret
    taken: dict[str, list[Sample]] = {subject.name: [] for subject in line}
    for number in range(runs):
        _say(f"round {number + 1} of {runs}")
        for subject in order.sample(line, len(line)):
            if subject.name not in missing and (sample := _try(subject, missing)):
                taken[subject.name].append(sample)
    noise = taken.pop(again.name)
    samples = {name: its for name, its in taken.items() if name not in missing}
    return Measured(samples=samples, first=subjects[0].name, again=noise, missing=missing)


def process(argv: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None) -> Callable[[], None]:
    """An action that runs a program to its end; what it printed is in the error if it fails."""

    def action() -> None:
        # A file, not a pipe: reading a pipe would be work of ours in the time of theirs.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(argv, env=dict(env), cwd=cwd, stdout=output, stderr=subprocess.STDOUT, check=False)
            if done.returncode != 0:
                output.seek(0)
                raise RuntimeError(f"{list(map(str, argv))} failed:\n{output.read().decode(errors='replace')}")

    return action


def _try(subject: Subject, missing: dict[str, str]) -> Sample | None:
    try:
        return _once(subject)
    except (CannotRun, RuntimeError) as error:
        if not subject.optional:
            raise
        missing[subject.name] = str(error).strip().splitlines()[-1]
        _say(f"{subject.name} can't run: {error}")
        return None


def _once(subject: Subject) -> Sample:
    subject.prepare()
    os.sync()  # else the disk still writes or deletes for the run before
    before, started = _cpu_seconds(), time.perf_counter()
    told = subject.action()
    ended, after = time.perf_counter(), _cpu_seconds()
    return told if isinstance(told, Sample) else Sample(wall=ended - started, cpu=after - before)


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _outside(count: int) -> int | None:
    """How many of ``count`` ordered values may be left out at each end for the median to stay inside at 95 %.

    None if not even all of them say that much: of fewer than six.
    """
    cut, tail = 0, 1.0
    if tail / 2**count > 0.025:
        return None
    while (tail + math.comb(count, cut + 1)) / 2**count <= 0.025:
        cut += 1
        tail += math.comb(count, cut)
    return cut


def _pairwise(ours: Sequence[Sample], theirs: Sequence[Sample], value: Callable[[Sample, Sample], float]) -> Spread:
    return Spread.of([value(a, b) for a, b in zip(ours, theirs, strict=True)])


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
