from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from layer_constructs.building import process
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.plans import make_plans
from layer_constructs.building.process import Completed
from layer_constructs.building.side_by_side import side_by_side
from layer_constructs.building.target import ARCHITECTURES, RUNTIMES, Target
from layer_constructs.layers.layer_content import contents_of, in_order, make_content
from layer_constructs.layers.verdicts import Conditions
from tests.support.desk import Desk, make_desk
from tests.support.wheels import make_wheel

PATIENCE = 60.0


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


class Meeting:
    """A way to start programs in which nobody starts the first before as many as are expected want to."""

    def __init__(self, expected: int) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._barrier = threading.Barrier(expected)
        self._met = threading.local()

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        if not hasattr(self._met, "once"):
            self._met.once = True
            self._barrier.wait(PATIENCE)
        done = process.run(argv, env=env, cwd=cwd, secrets=secrets)
        with self._lock:
            self._now -= 1
        return done


def test_builds_overlap_and_no_more_of_them_than_are_allowed(desk: Desk) -> None:
    for python in ("312", "313"):
        for linux in ("x86_64", "aarch64"):
            tag = f"cp{python}-cp{python}-manylinux_2_17_{linux}"
            make_wheel(desk.folder / "files", "native", "1.0", tag=tag)
    file = desk.write("--no-index", "--find-links files", "native")
    targets = [Target(f"python3.{minor}", architecture) for minor in (12, 13) for architecture in ARCHITECTURES]
    dependencies = Dependencies(requirements=file, bundling=Bundling.local())
    plans = make_plans(dependencies, targets, cache=desk.cache, environ={}, report=desk.said.append)
    meeting = Meeting(2)

    made = side_by_side(
        {
            str(content.target): partial(make_content, content, Conditions(), cache=desk.cache, label="Deps")
            for content in contents_of(plans)
        },
        label="Deps",
        at_once=2,
        report=desk.said.append,
        run=meeting,
    )

    assert meeting.most == 2
    assert list(made) == [str(target) for target in targets]
    assert len(desk.cache.layers()) == len(targets)


def test_the_oldest_runtime_is_first_and_x86_64_before_arm64() -> None:
    every = [Target(runtime, architecture) for runtime in RUNTIMES for architecture in ARCHITECTURES]

    assert in_order([*reversed(every), *every]) == every
    assert every[0] == Target("python3.8", "x86_64")
