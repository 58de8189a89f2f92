"""BuildPlan -> finished layer: the one place that strings install, normalise, archive and cache together."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from layer_constructs.building import archive, projects, tree, uv
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.layer_facts import LayerFacts, Package
from layer_constructs.building.locking import resolve, uv_errors
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.process import Completed, Run, run
from layer_constructs.building.progress import Report, megabytes, to_stderr
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel, check_local
from layer_constructs.errors import BuildError

# Where Lambda's Python looks in a layer: `/opt/python`.
SITE = "python"


def build(
    plan: BuildPlan,
    *,
    cache: Cache,
    indexes: Indexes,
    label: str,
    requirements: Sequence[RequirementLine] = (),
    report: Report = to_stderr,
    run: Run = run,
) -> CachedLayer:
    """The finished layer of ``plan``: from the cache if it is there, and built into it otherwise.

    A cache hit starts no process and touches no network.

    :param label: what the user calls the layer, for the two lines that are said while it works.
    :param requirements: where the plan's pins stand, if it has pins.
    """

    def make(work: Path) -> LayerFacts:
        started = time.monotonic()
        count = len(plan.packages)
        report(f"{label}: building {count} {'package' if count == 1 else 'packages'} for {plan.target}")
        wheels = plan.wheels or resolve.resolve_pins(
            plan.pins, plan.target, requirements=requirements, indexes=indexes, run=run
        )
        wheels = tuple(projects.with_file(wheel, cache=cache, indexes=indexes, run=run) for wheel in wheels)
        root = work / "root"
        install(wheels, plan.target, into=root / SITE, work=work, indexes=indexes, run=run)
        finished = tree.normalise(root, site=SITE)
        if finished.contested:
            finished = _settle(finished, wheels, plan.target, root=root, work=work, indexes=indexes, run=run)
        written = archive.write_zip(root, finished, work / "layer.zip")
        shutil.rmtree(root)
        missing = {wheel.name for wheel in wheels} - finished.sizes.keys()
        if missing:
            raise BuildError(f"uv installed nothing for {', '.join(sorted(missing))}")
        report(
            f"{label}: {count} {'package' if count == 1 else 'packages'}, "
            f"{megabytes(finished.unzipped_size)} of 250 MB, {time.monotonic() - started:.1f} s"
        )
        return LayerFacts(
            digest=plan.digest,
            sha256=written.sha256,
            size=written.size,
            unzipped_size=finished.unzipped_size,
            packages={w.name: Package(version=w.version, size=finished.sizes[w.name]) for w in wheels},
        )

    return cache.obtain(plan.digest, make)


def install(
    wheels: Sequence[LockedWheel],
    target: Target,
    *,
    into: Path,
    work: Path,
    indexes: Indexes,
    again: bool = False,
    run: Run = run,
) -> None:
    """Unpack exactly these wheels, each checked against its hash.

    Without network first: where uv has every wheel already, asking an index would cost more than the unpacking.

    :param again: over what is there already.
    :raises HashMismatchError: if a wheel is not the one that was locked.
    :raises BuildError: if a wheel can't be unpacked, or one of its files would leave its folder.
    """
    for wheel in wheels:
        if wheel.path is not None:
            check_local(wheel)
    pylock = work / "pylock.layer.toml"
    pylock.write_text(_pylock(wheels), encoding="utf-8")

    def attempt(*, offline: bool, show_progress: bool = False) -> Completed:
        into.mkdir(parents=True, exist_ok=True)
        done = uv.call(
            uv.install_arguments(target, pylock=pylock, into=into, offline=offline, again=again),
            run=run,
            environment=indexes.uv_environment(),
            secrets=indexes.secrets,
            cwd=work,
            show_progress=show_progress,
        )
        if done.returncode != 0 and not again:
            shutil.rmtree(into)
        return done

    if attempt(offline=True).returncode == 0:
        return
    done = attempt(offline=False, show_progress=True)
    if done.returncode == 0:
        return
    if not done.stderr:  # once more, to have what uv says as text: on a terminal it went to the screen
        done = attempt(offline=False)
    if done.returncode != 0:
        raise uv_errors.installation_failure(done.stderr, indexes=indexes)


def _settle(
    contested: tree.Tree,
    wheels: Sequence[LockedWheel],
    target: Target,
    *,
    root: Path,
    work: Path,
    indexes: Indexes,
    run: Run,
) -> tree.Tree:
    """Where several wheels bring one path, the last by name wins: uv installs side by side, so chance would decide."""
    rivals = {name for names in contested.contested.values() for name in names}
    for wheel in sorted((wheel for wheel in wheels if wheel.name in rivals), key=lambda wheel: wheel.name):
        install([wheel], target, into=root / SITE, work=work, indexes=indexes, again=True, run=run)
    return tree.normalise(root, site=SITE)


def _pylock(wheels: Sequence[LockedWheel]) -> str:
    """A lock for uv with one wheel a package: nothing is left to choose."""
    lines = ['lock-version = "1.0"', 'created-by = "layer-constructs"']
    for wheel in wheels:
        lines += ["[[packages]]", f"name = {json.dumps(wheel.name)}", f"version = {json.dumps(wheel.version)}"]
        if wheel.index and wheel.url:
            lines.append(f"index = {json.dumps(wheel.index)}")
        place = f"path = {json.dumps(str(wheel.path))}" if wheel.path else f"url = {json.dumps(wheel.url)}"
        name = json.dumps(wheel.filename)
        lines.append(f'wheels = [{{ name = {name}, {place}, hashes = {{ sha256 = "{wheel.sha256}" }} }}]')
    return "\n".join(lines) + "\n"
