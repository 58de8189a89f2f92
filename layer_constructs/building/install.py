"""Exact wheels -> a folder with them unpacked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from layer_constructs.building import uv
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.locking import uv_errors
from layer_constructs.building.process import Completed, Run, run
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
    run: Run = run,
) -> None:
    """Unpack exactly these wheels, each checked against its hash; of one that uv unpacked before, its copy.

    Without network first: where uv has every wheel already, asking an index would cost more than the unpacking.

    :param again: over what is there already.
    :raises HashMismatchError: if a wheel is not the one that was locked.
    :raises BuildError: if a wheel can't be unpacked, or one of its files would leave its folder.
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


def install_anew(
    edited: Mapping[LockedWheel, Sequence[str]],
    target: Target,
    *,
    into: Path,
    work: Path,
    indexes: Indexes,
    run: Run = run,
) -> None:
    """Unpack these wheels over what is there, from their index and not from what uv unpacked before.

    :param edited: why, for the error: the files of each that aren't as recorded.
    :raises BuildError: if one can't be fetched.
    """
    for wheel, paths in edited.items():
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
                details=[f"not as it records: {', '.join(paths[:5])}", *done.stderr.splitlines()[-3:]],
                fix=f"uv cache clean {wheel.name}, and synthesise where its index can be reached",
            )


def forget(name: str, *, work: Path, run: Run = run) -> None:
    """Take a package out of uv's cache."""
    uv.call(["cache", "clean", name, "--quiet"], run=run, environment={}, secrets=(), cwd=work)
