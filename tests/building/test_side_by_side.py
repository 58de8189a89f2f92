from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from layer_constructs.building import side_by_side as module
from layer_constructs.building.process import Completed, Run
from layer_constructs.building.progress import Report
from layer_constructs.building.side_by_side import Job, side_by_side
from layer_constructs.errors import BuildError

PATIENCE = 20.0


class Counting:
    """Jobs that know how many of them work at the same time."""

    def __init__(self, *, together: int = 1) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._barrier = threading.Barrier(together)

    def job(self, *, report: Report, run: Run) -> int:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._barrier.wait(PATIENCE)  # none goes on before as many as are to work together are here
        with self._lock:
            self._now -= 1
        return threading.get_ident()


def named(count: int, job: Job[int]) -> dict[str, Job[int]]:
    return {f"Deps/{number}": job for number in range(count)}


def test_jobs_work_at_the_same_time() -> None:
    counting = Counting(together=3)

    side_by_side(named(3, counting.job), label="Deps", at_once=3, report=lambda _: None)

    assert counting.most == 3


def test_no_more_jobs_work_at_a_time_than_the_machine_has_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_at_once", lambda: 2)
    counting = Counting(together=2)

    made = side_by_side(named(8, counting.job), label="Deps", report=lambda _: None)

    assert (counting.most, len(made)) == (2, 8)


@pytest.mark.parametrize(("cores", "gigabytes", "expected"), [(8, 64, 8), (8, 3, 3), (1, 64, 1), (4, 0, 1)])
def test_the_machine_bounds_them_by_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, cores: int, gigabytes: int, expected: int
) -> None:
    sizes = {"SC_PHYS_PAGES": gigabytes << 20, "SC_PAGE_SIZE": 1 << 10}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)

    assert module._at_once() == expected


def test_a_machine_that_does_not_tell_its_memory_is_bounded_by_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.delattr(os, "sysconf")

    assert module._at_once() == 3


def test_what_was_made_is_in_the_order_of_the_jobs() -> None:
    first_may_end = threading.Event()

    def slow(*, report: Report, run: Run) -> str:
        assert first_may_end.wait(PATIENCE)
        return "slow"

    def quick(*, report: Report, run: Run) -> str:
        first_may_end.set()
        return "quick"

    made = side_by_side({"a": slow, "b": quick}, label="Deps", at_once=2, report=lambda _: None)

    assert list(made.items()) == [("a", "slow"), ("b", "quick")]


def test_a_single_job_works_in_the_thread_that_asks_and_may_draw() -> None:
    drawn: list[bool] = []

    def run(
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        drawn.append(show_progress)
        return Completed(0, "", "")

    def job(*, report: Report, run: Run) -> int:
        run(["uv"], env={}, show_progress=True)
        return threading.get_ident()

    said: list[str] = []
    made = side_by_side({"Deps/0": job}, label="Deps", report=said.append, run=run)
    side_by_side(named(2, job), label="Deps", at_once=2, report=said.append, run=run)

    assert made == {"Deps/0": threading.get_ident()}
    assert drawn == [True, False, False]


def test_every_line_names_its_layer_and_two_lines_are_about_all() -> None:
    def job(*, report: Report, run: Run) -> None:
        report("installing in an image")

    def own(*, report: Report, run: Run) -> None:
        report("Deps/Own: building")

    said: list[str] = []
    side_by_side({"Deps/A": job, "Deps/Own": own}, label="Deps", at_once=2, report=said.append)

    assert said[0] == "Deps: building 2 layers, 2 at a time"
    assert sorted(said[1:3]) == ["Deps/A: installing in an image", "Deps/Own: building"]
    assert said[3].startswith("Deps: 2 layers, ")


def test_no_jobs_say_nothing() -> None:
    said: list[str] = []

    assert side_by_side({}, label="Deps", report=said.append) == {}
    assert said == []


def test_after_a_failure_none_is_begun_and_those_that_run_are_waited_for() -> None:
    failed, begun, ended = threading.Event(), list[str](), list[str]()

    def failing(*, report: Report, run: Run) -> None:
        failed.set()
        raise BuildError("no room")

    def running(*, report: Report, run: Run) -> None:
        begun.append("running")
        assert failed.wait(PATIENCE)
        ended.append("running")

    def later(*, report: Report, run: Run) -> None:
        begun.append("later")

    jobs: dict[str, Job[None]] = {"a": running, "b": failing} | {f"later {n}": later for n in range(50)}
    with pytest.raises(BuildError, match="no room"):
        side_by_side(jobs, label="Deps", at_once=2, report=lambda _: None)

    assert ended == ["running"]
    assert begun.count("later") < 50


def test_of_several_failures_the_first_in_order_is_raised_and_notes_the_others() -> None:
    both = threading.Barrier(2)

    def failing(problem: str) -> Job[None]:
        def job(*, report: Report, run: Run) -> None:
            both.wait(PATIENCE)
            raise BuildError(problem)

        return job

    with pytest.raises(BuildError) as caught:
        side_by_side({"a": failing("one"), "b": failing("two")}, label="Deps", at_once=2, report=lambda _: None)

    assert (str(caught.value), caught.value.__notes__) == ("one", ["b failed too: two"])


def test_ctrl_c_begins_no_more_and_waits_for_what_runs() -> None:
    interrupted, begun, ended = threading.Event(), list[str](), list[str]()

    def interrupting(*, report: Report, run: Run) -> None:
        time.sleep(0.2)  # all of them are waiting by then
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        interrupted.set()

    def running(*, report: Report, run: Run) -> None:
        assert interrupted.wait(PATIENCE)
        ended.append("running")

    def later(*, report: Report, run: Run) -> None:
        begun.append("later")
        time.sleep(0.05)

    jobs: dict[str, Job[None]] = {"a": running, "b": interrupting} | {f"later {n}": later for n in range(100)}
    with pytest.raises(KeyboardInterrupt):
        side_by_side(jobs, label="Deps", at_once=2, report=lambda _: None)

    assert ended == ["running"]
    assert len(begun) < 100
