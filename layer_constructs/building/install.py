"""Exact wheels -> a folder with them unpacked."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from layer_constructs.building import uv
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.locking import uv_errors
from layer_constructs.building.process import Completed, Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.recorded import changed_files
from layer_constructs.building.target import Target
from layer_constructs.building.unsafe import SAY_SO, pylock_of, refuse_unsafe
from layer_constructs.building.wheel import LockedWheel, check_local
from layer_constructs.errors import BuildError


def install(
    wheels: Sequence[LockedWheel],
    target: Target,
    *,
    into: Path,
    work: Path,
    indexes: Indexes,
    again: bool = False,
    report: Report = to_stderr,
    run: Run = run,
) -> None:
    """Unpack exactly these wheels, each checked against its hash, and what uv unpacked before against its RECORD.

    Without network first: where uv has every wheel already, asking an index would cost more than the unpacking.

    :param again: over what is there already.
    :raises HashMismatchError: if a wheel is not the one that was locked.
    :raises BuildError: if a wheel can't be unpacked, one of its files would leave its folder, or uv's copy of it was
        changed and it can't be fetched anew.
    """
    for wheel in wheels:
        if wheel.path is not None:
            check_local(wheel)
    pylock = work / "pylock.layer.toml"
    pylock.write_text(pylock_of(wheels), encoding="utf-8")

    def attempt(*, offline: bool, show_progress: bool = False) -> Completed:
        into.mkdir(parents=True, exist_ok=True)
        done = uv.call(
            uv.install_arguments(target, pylock=pylock, into=into, offline=offline, again=again),
            run=run,
            environment={**indexes.uv_environment(), **SAY_SO},
            secrets=indexes.secrets,
            cwd=work,
            show_progress=show_progress,
        )
        if done.returncode != 0 and not again:
            shutil.rmtree(into)
        return done

    if attempt(offline=True).returncode != 0:
        done = attempt(offline=False, show_progress=True)
        refuse_unsafe(done.stderr, wheels, target, indexes=indexes, run=run)
        if done.returncode != 0:
            raise uv_errors.installation_failure(done.stderr, indexes=indexes)
    if not again:
        _mend(wheels, target, into=into, work=work, indexes=indexes, report=report, run=run)


def _mend(
    wheels: Sequence[LockedWheel],
    target: Target,
    *,
    into: Path,
    work: Path,
    indexes: Indexes,
    report: Report,
    run: Run,
) -> None:
    """Install anew what isn't what its wheel records: uv's unpacked copy was edited, or the record is careless."""
    differing = changed_files(into)
    for wheel in (wheel for wheel in wheels if wheel.name in differing):
        pylock = work / "pylock.again.toml"
        pylock.write_text(pylock_of([wheel]), encoding="utf-8")
        done = uv.call(
            uv.install_arguments(target, pylock=pylock, into=into, offline=False, again=True),
            run=run,
            environment={**indexes.uv_environment(), "UV_CACHE_DIR": str(work / "again")},
            secrets=indexes.secrets,
            cwd=work,
        )
        if done.returncode != 0:
            raise BuildError(
                f"{wheel.filename} was changed after uv unpacked it, and can't be fetched anew",
                details=[f"not as it records: {', '.join(differing[wheel.name][:5])}", *done.stderr.splitlines()[-3:]],
                fix=f"uv cache clean {wheel.name}, and synthesise where its index can be reached",
            )
    still = changed_files(into) if differing else {}
    for name in differing.keys() - still.keys():
        uv.call(["cache", "clean", name, "--quiet"], run=run, environment={}, secrets=(), cwd=work)
        report(f"{name} in uv's cache had changed files: it was fetched anew ({', '.join(differing[name][:3])})")
