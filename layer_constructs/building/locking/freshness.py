"""Whether a lock may be used as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from layer_constructs.building.cache import Cache
from layer_constructs.building.locking import lock as lock_file
from layer_constructs.building.locking.lock import Lock
from layer_constructs.building.locking.lock_request import LockRequest
from layer_constructs.building.locking.missing import missing_builds
from layer_constructs.building.locking.policy import Policy
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.reading import seen
from layer_constructs.building.target import ArchitectureName, Target
from layer_constructs.errors import LockMissingError, LockStaleError

# Each would undo the other's lock.
_TWO_LAYERS = "if two layers of one file differ in bytecode, give one of them a lock of its own with lock="


def missing_parts(request: LockRequest, lock: Lock, target: Target) -> list[str]:
    """What a lock that was made from this doesn't name yet, one line each; no process and no network."""
    return missing_builds(lock, target, request.bundling) + _missing_bytecode(request, lock, target.runtime)


def _missing_bytecode(request: LockRequest, lock: Lock, runtime: str) -> list[str]:
    named, wanted = lock.bytecode.get(runtime), request.bytecode
    if wanted and (named is None or (isinstance(wanted, str) and named != wanted)):
        now = "one that is there" if wanted is True else wanted
        lines = [f"the Python that makes the bytecode: {named or 'none'} became {now}"]
        return [*lines, _TWO_LAYERS] if named else lines
    return []


def ensure(
    request: LockRequest,
    target: Target,
    *,
    policy: Policy,
    cache: Cache,
    report: Report = to_stderr,
    run: Run = run,
) -> Lock:
    """A lock that is fresh and has ``target``'s runtime; made or mended only where ``policy`` allows it.

    :raises LockMissingError: if it is not there, or lacks the runtime, and may not be made.
    :raises LockStaleError: if it was made from something else and may not be made again.
    """
    lock = load(request)
    if lock and is_fresh(request, lock, target.runtime) and not missing_parts(request, lock, target):
        return lock
    if policy.forbidden_because:
        raise _refusal(request, lock, target, policy.forbidden_because)
    with cache.lock(lock_name(request.path)):
        seen.forget(request.path)
        lock = load(request)
        if lock and is_fresh(request, lock, target.runtime) and not missing_parts(request, lock, target):
            return lock  # another process made it while this one waited
        from layer_constructs.building.builders import builder_of
        from layer_constructs.building.locking.relock import relock  # heavy, and seldom needed

        with seen.watched(None):
            relock(
                request,
                [target.runtime],
                needed=[target.architecture],
                lock=lock,
                builder=builder_of(
                    request.bundling,
                    cache=cache,
                    indexes=request.indexes,
                    pinned=lock.images if lock else {},
                    report=report,
                    run=run,
                ),
                cache=cache,
                report=report,
                run=run,
            )
        seen.forget(request.path)
    fresh = load(request)
    assert fresh is not None  # noqa: S101 - it was written just now
    return fresh


def load(request: LockRequest) -> Lock | None:
    """The lock of a request; None if there is none.

    :raises LockInvalidError: if it is not one that this library made.
    :raises LockError: if it is the lock of another file.
    """
    lock = lock_file.load(request.path)
    if lock:
        request.refuse_foreign(lock)
    return lock


def is_fresh(request: LockRequest, lock: Lock, runtime: str) -> bool:
    """Whether a lock was made from exactly this, for this runtime too."""
    return runtime in lock.runtimes and not request.made_from().changes_since(lock.made_from)


def check(request: LockRequest, runtimes: Iterable[str], architectures: Iterable[ArchitectureName] = ()) -> None:
    """Raise what :func:`ensure` would raise where locking is forbidden.

    :param architectures: look also whether everything was built for these.
    """
    lock, because = load(request), "--check only looks"
    architectures = tuple(architectures)
    for runtime in runtimes:
        if lock is None or not is_fresh(request, lock, runtime) or _missing_bytecode(request, lock, runtime):
            raise _refusal(request, lock, Target(runtime), because)
        for target in (Target(runtime, architecture) for architecture in architectures):
            if missing_parts(request, lock, target):
                raise _refusal(request, lock, target, because)


def _refusal(
    request: LockRequest, lock: Lock | None, target: Target, because: str
) -> LockMissingError | LockStaleError:
    runtime = target.runtime
    if lock is None:
        return LockMissingError(
            lock=request.path, missing=None, because=because, command=request.command(runtime=runtime)
        )
    changes = request.made_from().changes_since(lock.made_from)
    if changes:
        command = request.command(runtime=None if runtime in lock.runtimes else runtime)
        return LockStaleError(lock=request.path, changes=changes, because=because, command=command)
    if runtime in lock.runtimes:
        changes = missing_parts(request, lock, target)
        command = request.command(runtime=runtime, architecture=target.architecture)
        unsaid = request.bundling.options.only_in_an_app
        if unsaid:
            command = "cdk synth --context layer-constructs:locked=false"
            changes.append(f"the command line has no word for the container's {', '.join(unsaid)}, the app has")
        return LockStaleError(lock=request.path, changes=changes, because=because, command=command)
    return LockMissingError(
        lock=request.path, missing=runtime, because=because, command=request.command(runtime=runtime)
    )


def lock_name(path: Path) -> str:
    """Under which two processes that write one lock exclude each other."""
    return "pylock-" + hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]
