"""Several pieces of work at once, as many as the machine can do, with one progress display for all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeVar

from layer_constructs.building import process
from layer_constructs.building.process import Completed, Run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.errors import LayerError

# What one build may take, in bytes: a layer of 250 MB is deflated, compiled and looked through, with room for uv.
_MEMORY_EACH = 1 << 30

Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)


class Job(Protocol[Made_co]):
    """One piece of work."""

    def __call__(self, *, report: Report, run: Run) -> Made_co:
        """:param report: for the lines that are said while it works.
        :param run: for what it starts.
        """


def side_by_side(
    jobs: Mapping[str, Job[Made]],
    *,
    label: str,
    at_once: int | None = None,
    report: Report = to_stderr,
    run: Run = process.run,
) -> dict[str, Made]:
    """What each job made, by its name and in the jobs' order.

    If one fails, none is begun any more, and those that run are waited for.

    :param jobs: by the name with which each starts its lines.
    :param label: with which the lines about all of them start.
    :param at_once: by default as many as there are cores and gigabytes of memory.
    :raises LayerError: that of the first in order that failed; how others failed is in its notes.
    """
    at_once = min(at_once or _at_once(), len(jobs))
    if at_once <= 1:  # in this thread: what is started may draw its own progress
        return {name: job(report=report, run=run) for name, job in jobs.items()}
    started = time.monotonic()
    speaking = Lock()

    def say(line: str) -> None:
        with speaking:
            report(line)

    say(f"{label}: building {len(jobs)} layers, {at_once} at a time")
    pool = ThreadPoolExecutor(at_once)
    try:
        futures = {name: pool.submit(job, report=_named(name, say), run=_undrawn(run)) for name, job in jobs.items()}
        wait(futures.values(), return_when=FIRST_EXCEPTION)
    finally:  # also for Ctrl-C, which what was started hears too
        pool.shutdown(cancel_futures=True)
    failures = {n: f.exception() for n, f in futures.items() if not f.cancelled() and f.exception() is not None}
    if failures:
        raise _first(failures)
    say(f"{label}: {len(jobs)} layers, {time.monotonic() - started:.1f} s")
    return {name: future.result() for name, future in futures.items()}


def _at_once() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows doesn't tell
        return cores
    return max(1, min(cores, memory // _MEMORY_EACH))


def _named(name: str, say: Report) -> Report:
    """Lines that start with the name of who says them."""
    return lambda line: say(line if line.startswith(f"{name}: ") else f"{name}: {line}")


def _undrawn(run: Run) -> Run:
    """Several programs that draw on one terminal would draw over each other."""

    def quietly(
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,  # noqa: ARG001 - a part of the seam
    ) -> Completed:
        return run(argv, env=env, cwd=cwd, secrets=secrets, show_progress=False)

    return quietly


def _first(failures: Mapping[str, BaseException | None]) -> BaseException:
    (_, first), *others = ((name, error) for name, error in failures.items() if error is not None)
    for name, error in others:
        first.add_note(f"{name} failed too: {error.problem if isinstance(error, LayerError) else error}")
    return first
