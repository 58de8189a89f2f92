"""Several targets of one file: its lock is made once for all, and with the same versions if that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from layer_constructs.building import process
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.naming import naming
from layer_constructs.building.planning import Planned, make_plan
from layer_constructs.building.plans import make_plans
from layer_constructs.building.process import Completed
from layer_constructs.building.target import Target
from layer_constructs.errors import BuildError, LockMissingError, LockStaleError, ResolutionError, WheelUnavailableError
from tests.building.test_host_builder import HERE, pure_sdist
from tests.support.desk import Desk, make_desk
from tests.support.wheels import make_wheel

OLD, NEW = Target("python3.12", "x86_64"), Target("python3.13", "x86_64")
OLD_ARM, NEW_ARM = Target("python3.12", "arm64"), Target("python3.13", "arm64")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = make_desk(tmp_path)
    desk.write("--no-index", "--find-links files", "alpha")
    return desk


def offer(desk: Desk, name: str, version: str, *tags: str, **more: Any) -> None:
    for tag in tags or ("py3-none-any",):
        make_wheel(desk.folder / "files", name, version, tag=tag, **more)


def plans(desk: Desk, *targets: Target, **more: Any) -> dict[Target, Planned]:
    dependencies = Dependencies(requirements=desk.file, bundling=Bundling.local(), locked=more.pop("locked", None))
    more.setdefault("environ", {})
    return make_plans(dependencies, targets, cache=Cache(desk.cache.root), report=desk.said.append, **more)


def versions(planned: Mapping[Target, Planned]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for each in planned.values():
        for name, version in each.plan.packages.items():
            found.setdefault(name, set()).add(version)
    return {name: sorted(each) for name, each in found.items()}


class Recorder:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        self.calls += 1
        return process.run(argv, env=env, cwd=cwd, secrets=secrets)


def test_one_lock_holds_all_runtimes_and_is_written_once(desk: Desk) -> None:
    offer(desk, "alpha", "1.0")

    plans(desk, OLD, NEW)

    assert list(desk.document()["tool"]["layer-constructs"]["runtimes"]) == ["python3.12", "python3.13"]
    assert len([line for line in desk.said if line.startswith("locked")]) == 1


def test_a_lock_that_holds_them_all_starts_no_process(desk: Desk) -> None:
    offer(desk, "alpha", "1.0")
    plans(desk, OLD, NEW)
    before, recorder = desk.state(), Recorder()

    plans(desk, NEW, OLD, run=recorder, same_versions=True)

    assert (desk.state(), recorder.calls) == (before, 0)


def test_a_new_runtime_changes_nothing_for_those_that_are_locked(desk: Desk) -> None:
    offer(desk, "alpha", "1.0")
    plans(desk, OLD)
    offer(desk, "alpha", "2.0")

    planned = plans(desk, OLD, NEW)

    assert [each.plan.packages["alpha"] for each in planned.values()] == ["1.0", "2.0"]


def test_where_no_lock_may_be_made_one_command_names_every_runtime(desk: Desk) -> None:
    offer(desk, "alpha", "1.0")

    with pytest.raises(LockMissingError, match=r"the lock is missing.*CI(?s:.*)--runtime python3.12 --runtime python3"):
        plans(desk, OLD, NEW, environ={"CI": "true"})
    plans(desk, OLD)
    with pytest.raises(LockMissingError, match=r"does not lock python3.13(?s:.*)lock .* --runtime python3.13`"):
        plans(desk, OLD, NEW, locked=True)
    desk.write("--no-index", "--find-links files", "alpha<9")
    with pytest.raises(LockStaleError, match=r"stale(?s:.*) --runtime python3.13`"):
        plans(desk, OLD, NEW, locked=True)


def test_a_target_without_a_wheel_is_an_error_that_names_it_and_leaves_no_lock(desk: Desk) -> None:
    offer(desk, "alpha", "1.0", "cp312-cp312-manylinux_2_17_x86_64")

    with pytest.raises(WheelUnavailableError, match=r"python3.13/x86_64"):
        plans(desk, OLD, NEW)

    assert not desk.lock.exists()


def test_a_lock_that_was_there_stays_as_it_was_if_it_can_not_be_mended(desk: Desk) -> None:
    offer(desk, "alpha", "1.0", "cp312-cp312-manylinux_2_17_x86_64")
    plans(desk, OLD)
    before = desk.lock.read_bytes()

    with pytest.raises(WheelUnavailableError):
        plans(desk, OLD, NEW)

    assert desk.lock.read_bytes() == before


def test_on_demand_a_target_without_an_answer_is_left_out(desk: Desk) -> None:
    offer(desk, "alpha", "1.0", "cp312-cp312-manylinux_2_17_x86_64")

    assert list(plans(desk, OLD, OLD_ARM, on_demand=True)) == [OLD]
    with pytest.raises(ResolutionError, match=r"no wheel of alpha runs on python3\.12/arm64"):
        plans(desk, OLD, OLD_ARM)


def test_versions_differ_if_nobody_asks_that_they_do_not(desk: Desk) -> None:
    offer(desk, "alpha", "1.0")
    offer(desk, "alpha", "2.0", requires_python=">=3.13")

    assert versions(plans(desk, OLD, NEW)) == {"alpha": ["1.0", "2.0"]}


def test_same_versions_stays_with_what_every_runtime_can_have(desk: Desk) -> None:
    offer(desk, "alpha", "1.0", requires=["beta"])
    offer(desk, "alpha", "2.0", requires=["beta"], requires_python=">=3.13")
    offer(desk, "beta", "1.0", "cp312-cp312-manylinux_2_17_x86_64", "cp313-cp313-manylinux_2_17_x86_64",
          "cp313-cp313-manylinux_2_17_aarch64", "cp312-cp312-manylinux_2_17_aarch64")  # fmt: skip
    offer(desk, "beta", "1.5", "cp313-cp313-manylinux_2_17_x86_64", "cp313-cp313-manylinux_2_17_aarch64")

    planned = plans(desk, OLD, OLD_ARM, NEW, NEW_ARM, same_versions=True)

    assert versions(planned) == {"alpha": ["1.0"], "beta": ["1.0"]}
    assert "alpha<=1.0" not in desk.lock.read_text(encoding="utf-8")
    assert versions(plans(desk, OLD, NEW, locked=True)) == {"alpha": ["1.0"], "beta": ["1.0"]}


def test_same_versions_brings_a_lock_together_whose_versions_differ(desk: Desk) -> None:
    offer(desk, "alpha", "1.0")
    offer(desk, "alpha", "2.0", requires_python=">=3.13")
    plans(desk, OLD, NEW)

    with pytest.raises(LockStaleError, match=r"alpha: 1.0 for python3.12, 2.0 for python3.13(?s:.*)locked=false"):
        plans(desk, OLD, NEW, same_versions=True, locked=True)

    assert versions(plans(desk, OLD, NEW, same_versions=True)) == {"alpha": ["1.0"]}


def test_a_package_without_a_version_for_all_is_an_error_that_names_only_it(desk: Desk) -> None:
    desk.write("--no-index", "--find-links files", "alpha", "beta")
    offer(desk, "alpha", "1.0", "cp312-cp312-manylinux_2_17_x86_64")
    offer(desk, "alpha", "2.0", "cp313-cp313-manylinux_2_17_x86_64")
    offer(desk, "beta", "1.0")
    offer(desk, "beta", "2.0", requires_python=">=3.13")

    with pytest.raises(ResolutionError) as caught:
        plans(desk, OLD, NEW, same_versions=True)

    text = str(caught.value)
    assert "no one version of alpha is for all of python3.12, python3.13" in text
    assert "alpha: 1.0 for python3.12, 2.0 for python3.13" in text
    assert "beta" not in text
    assert not desk.lock.exists()


def test_same_versions_of_a_lock_that_another_tool_made_is_looked_at(desk: Desk) -> None:
    offer(desk, "alpha", "1.0")
    offer(desk, "alpha", "2.0", requires_python=">=3.13")
    plans(desk, OLD, NEW)
    dependencies = Dependencies(requirements=desk.lock, bundling=Bundling.local())

    with pytest.raises(ResolutionError, match=r"alpha: 1.0 for python3.12, 2.0 for python3.13"):
        make_plans(dependencies, [OLD, NEW], same_versions=True, cache=desk.cache, environ={})


def test_the_architecture_is_named_where_it_makes_the_difference(desk: Desk) -> None:
    offer(desk, "alpha", "1.0", "cp313-cp313-manylinux_2_17_x86_64")
    offer(desk, "alpha", "2.0", "cp313-cp313-manylinux_2_17_aarch64")

    with pytest.raises(ResolutionError, match=r"alpha: 1.0 for python3.13/x86_64, 2.0 for python3.13/arm64"):
        plans(desk, NEW, NEW_ARM, same_versions=True)


def test_an_error_that_does_not_name_its_target_gets_a_note() -> None:
    with pytest.raises(BuildError) as caught, naming(OLD):
        raise BuildError("no room")
    assert caught.value.__notes__ == ["this was for python3.12/x86_64"]

    with pytest.raises(BuildError) as caught, naming(OLD):
        raise BuildError("no room for python3.12/x86_64")
    assert not hasattr(caught.value, "__notes__")


def test_on_demand_nothing_is_built_from_source_for_a_target_that_nobody_asked_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, pythons: Mapping[str, Path]
) -> None:
    if "3.13" not in pythons:
        pytest.skip("no Python 3.13 on this machine")
    monkeypatch.setenv("PATH", f"{pythons['3.13'].parent}:/usr/bin:/bin")
    pure_sdist(desk.folder / "files", "alpha")
    here = Target("python3.13", HERE.architecture)
    dependencies = Dependencies(requirements=desk.file, bundling=Bundling.local(build_sdists=True))

    def again() -> dict[Target, Planned]:
        return make_plans(dependencies, [here], on_demand=True, cache=desk.cache, environ={}, report=desk.said.append)

    assert again() == {}
    asked = make_plan(dependencies, here, cache=desk.cache, environ={}, report=desk.said.append)
    before = desk.state()
    assert [planned.plan.digest for planned in again().values()] == [asked.plan.digest]
    assert desk.state() == before
