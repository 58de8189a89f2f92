"""A lock for several runtimes at once: whatever it lacks is made in one go, and with one version of each package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from layer_constructs.building.cache import Cache
from layer_constructs.building.locking.freshness import load, lock_name, missing_parts
from layer_constructs.building.locking.lock import Lock, MadeFrom
from layer_constructs.building.locking.lock_request import LockRequest
from layer_constructs.building.locking.pins import Upgrade
from layer_constructs.building.locking.policy import Policy
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.reading import seen
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.target import ArchitectureName, Target
from layer_constructs.errors import LayerError, LockMissingError, LockStaleError, ResolutionError, Where

# The command line has no word for it.
_IN_AN_APP = "cdk synth --context layer-constructs:locked=false"

# How often the versions of the runtimes are brought closer; each time one that differs gets lower everywhere.
_MAX_ROUNDS = 12

# A package's version, by the targets that have it.
_Versions = Mapping[str, Sequence[Target]]

# Makes the lock anew within these limits.
_Hold = Callable[[Mapping[str, str]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Together:
    """What a lock is to hold.

    :param architectures: those for which everything must be there, built or not.
    :param same_versions: the same version of each package on all of it.
    """

    request: LockRequest
    runtimes: tuple[str, ...]
    architectures: tuple[ArchitectureName, ...] = ()
    same_versions: bool = False

    def ensure(self, *, policy: Policy, cache: Cache, report: Report = to_stderr, run: Run = run) -> None:
        """See to the lock; it is made or mended only where ``policy`` allows it, and stays as it was if that fails.

        :raises LockMissingError: if it is not there, or lacks a runtime, and may not be made.
        :raises LockStaleError: if it was made from something else and may not be made again.
        :raises ResolutionError: if a package has no version that is the same everywhere.
        """
        if self._is_held(load(self.request)):
            return
        if policy.forbidden_because:
            raise self._refusal(load(self.request), policy.forbidden_because)
        path = self.request.path
        with cache.lock(lock_name(path)):
            before = path.read_text(encoding="utf-8") if path.is_file() else None
            try:
                with seen.watched(None):
                    lock = load(self.request)
                    if not self._has_everything(lock):
                        self._relock(self.request, cache=cache, report=report, run=run)
                    if self.same_versions:
                        self._bring_together(cache=cache, report=report, run=run)
            except BaseException:
                _put_back(path, before)
                raise
            seen.forget(path)

    def _is_held(self, lock: Lock | None) -> bool:
        return self._has_everything(lock) and not (self.same_versions and self._differences(lock))

    def _has_everything(self, lock: Lock | None) -> bool:
        if lock is None or self.request.made_from().changes_since(lock.made_from):
            return False
        return not (self._missing_runtimes(lock) or self._missing_parts(lock))

    def _missing_runtimes(self, lock: Lock | None) -> list[str]:
        return [runtime for runtime in self.runtimes if lock is None or runtime not in lock.runtimes]

    def _missing_parts(self, lock: Lock) -> list[str]:
        """What isn't there of runtimes that are, one line each."""
        if not self.architectures:  # what is built can wait until somebody wants it; a compiler is the runtime's
            wanted = self.request.bytecode
            return [f"no Python for the bytecode of {r}" for r in self.runtimes if wanted and r not in lock.bytecode]
        targets = [Target(runtime, architecture) for runtime in self.runtimes for architecture in self.architectures]
        return list(dict.fromkeys(line for target in targets for line in missing_parts(self.request, lock, target)))

    def _differences(self, lock: Lock | None) -> dict[str, _Versions]:
        """The packages of which there is more than one version."""
        found: dict[str, dict[str, list[Target]]] = {}
        for runtime in self.runtimes if lock else ():
            assert lock is not None  # noqa: S101 - narrowed above
            for architecture, files in lock.pins(runtime).wheels.items():
                for file in files:
                    found.setdefault(file.name, {}).setdefault(file.version, []).append(Target(runtime, architecture))
        return {name: versions for name, versions in sorted(found.items()) if len(versions) > 1}

    def _refusal(self, lock: Lock | None, because: str) -> LockMissingError | LockStaleError:
        lock_path, missing = self.request.path, self._missing_runtimes(lock)
        command = " ".join([self.request.command(), *(f"--runtime {runtime}" for runtime in missing)])
        changes = self.request.made_from().changes_since(lock.made_from) if lock else []
        if lock is None or (missing and not changes):
            names = ", ".join(missing) if lock else None
            return LockMissingError(lock=lock_path, missing=names, because=because, command=command)
        if not changes:
            changes = self._missing_parts(lock)
            words = [f"--runtime {r}" for r in self.runtimes] + [f"--architecture {a}" for a in self.architectures]
            command = " ".join([self.request.command(), *words])
        if not changes:
            changes = ["same_versions=True asks for one version of each package", *_listed(self._differences(lock))]
            command = _IN_AN_APP
        if self.request.bundling.options.only_in_an_app:
            command = _IN_AN_APP
        return LockStaleError(lock=lock_path, changes=changes, because=because, command=command)

    def _relock(
        self, request: LockRequest, *, upgrade: Upgrade | None = None, cache: Cache, report: Report, run: Run
    ) -> None:
        from layer_constructs.building.builders import builder_of
        from layer_constructs.building.locking.relock import relock  # heavy, and seldom needed

        lock = load(request)
        pinned = lock.images if lock else {}
        builder = builder_of(
            request.bundling, cache=cache, indexes=request.indexes, pinned=pinned, report=report, run=run
        )
        relock(
            request,
            self.runtimes,
            needed=self.architectures,
            lock=lock,
            upgrade=upgrade,
            builder=builder,
            cache=cache,
            report=report,
            run=run,
        )

    def _bring_together(self, *, cache: Cache, report: Report, run: Run) -> None:
        """Lower what is higher somewhere, until nothing is."""
        ceilings: dict[str, str] = {}

        def hold(more: Mapping[str, str]) -> None:
            held = _held(self.request, {**ceilings, **more})
            self._relock(held, upgrade=Upgrade(packages=tuple(more)), cache=cache, report=report, run=run)

        for _ in range(_MAX_ROUNDS):
            different = self._differences(load(self.request))
            if not different:
                return
            lower = {name: min(versions, key=Version) for name, versions in different.items()}
            try:
                hold(lower)
            except ResolutionError as error:
                raise self._impossible(_culprits(lower, hold), different) from error
            ceilings |= lower
        raise self._impossible([], self._differences(load(self.request)))

    def _impossible(self, names: Sequence[str], different: Mapping[str, _Versions]) -> ResolutionError:
        shown = {name: versions for name, versions in different.items() if not names or name in names}
        return ResolutionError(
            f"no one version of {', '.join(shown)} is for all of {', '.join(self.runtimes)}",
            where=Where(self.request.file.path),
            details=_listed(shown),
            fix="leave out a runtime, ask for an older or newer version, or let the versions differ: "
            "same_versions=False",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held(LockRequest):
    """A request that is answered within limits which the lock doesn't record: they are no wish of the file's."""

    asked: LockRequest

    def made_from(self) -> MadeFrom:
        return self.asked.made_from()


def _held(request: LockRequest, ceilings: Mapping[str, str]) -> LockRequest:
    limits = tuple(
        RequirementLine(name=name, requirement=Requirement(f"{name}<={version}"), where=Where(request.file.path))
        for name, version in sorted(ceilings.items())
    )
    return _Held(
        asked=request,
        file=replace(request.file, constraints=(*request.file.constraints, *limits)),
        path=request.path,
        indexes=request.indexes,
        extras=request.extras,
        groups=request.groups,
        build_local_projects=request.build_local_projects,
        bundling=request.bundling,
        bytecode=request.bytecode,
    )


def _culprits(lower: Mapping[str, str], hold: _Hold) -> list[str]:
    """Which of several limits is impossible by itself."""
    if len(lower) == 1:
        return list(lower)
    impossible = []
    for name, version in lower.items():
        try:
            hold({name: version})
        except ResolutionError:
            impossible.append(name)
    return impossible


def _listed(different: Mapping[str, _Versions]) -> list[str]:
    return [f"{name}: {in_words(versions)}" for name, versions in different.items()]


def in_words(versions: _Versions) -> str:
    """``1.0 for python3.9, 2.0 for python3.12 and python3.13``; the architecture only where it matters."""
    said = []
    for version in sorted(versions, key=Version):
        targets = versions[version]
        others = {target for other, its in versions.items() if other != version for target in its}
        shared = {target.runtime for target in others}
        names = dict.fromkeys(str(t) if t.runtime in shared else t.runtime for t in targets)
        said.append(f"{version} for {' and '.join(names)}")
    return ", ".join(said)


def _put_back(path: Path, text: str | None) -> None:
    from layer_constructs.building.locking import lock_text  # seldom needed

    try:
        if text is not None:
            lock_text.write(path, text)
        else:
            path.unlink(missing_ok=True)
    except (LayerError, OSError):  # what went wrong first is what the user is to read
        pass
