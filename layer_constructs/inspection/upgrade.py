"""A requirements file and another runtime -> which packages load there, before anyone moves."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from layer_constructs.building import uv
from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import Dependencies, lock_request, to_lock
from layer_constructs.building.indexes.failures import describe_uv_failure
from layer_constructs.building.locking import selection
from layer_constructs.building.locking.freshness import load
from layer_constructs.building.locking.pins import LockedFile
from layer_constructs.building.locking.question import Question, write_question
from layer_constructs.building.locking.relock import question_of
from layer_constructs.building.locking.resolve import resolve, resolve_target
from layer_constructs.building.locking.sources import Sources, as_uv_configuration
from layer_constructs.building.planning import make_plan
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.sdist import BuildImage, LockedSdist
from layer_constructs.building.target import ARCHITECTURES, DEFAULT_RUNTIME, RUNTIMES, ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import HashMismatchError, LayerError, ResolutionError, Where

Status = Literal["as-pinned", "newer", "older", "sdist-only", "none", "unneeded"]

# Questions to uv at a time.
_WORKERS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One package on the other runtime.

    :param pinned: its version now.
    :param status: `as-pinned`: that version has a wheel there. `newer`, `older`: another one has, ``version``.
        `sdist-only`: it would have to be built. `none`: nothing is offered. `unneeded`: nothing asks for it there.
    :param built_now: it has no wheel where it is now either, so that building it is nothing new.
    """

    name: str
    pinned: str
    status: Status
    version: str | None = None
    built_now: bool = False

    @property
    def has_wheel(self) -> bool:
        return self.status not in {"sdist-only", "none"}

    @property
    def moves(self) -> bool:
        return self.has_wheel or (self.status == "sdist-only" and self.built_now)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What an architecture of the other runtime has.

    :param added: what is needed there besides, by name.
    :param relaxed: the requirements that have to let a pin go.
    :param problem: why there is no answer for all of it together; None if there is one.
    """

    packages: tuple[Verdict, ...]
    added: Mapping[str, str]
    relaxed: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def can_move(self) -> bool:
        return self.problem is None and all(verdict.moves for verdict in self.packages)


@dataclass(frozen=True, kw_only=True, slots=True)
class UpgradeCheck:
    """A file's way from one runtime to another."""

    label: str
    before: str
    after: str
    architectures: Mapping[ArchitectureName, Check]
    notes: tuple[str, ...] = ()

    @property
    def can_move(self) -> bool:
        return all(check.can_move for check in self.architectures.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Start:
    """Where the way starts: what is asked for, and what is pinned now."""

    runtime: str
    question: Question
    pins: Mapping[ArchitectureName, tuple[LockedFile, ...]]
    notes: tuple[str, ...] = ()


def check_upgrade(
    dependencies: Dependencies,
    *,
    to: str,
    start: str | None = None,
    cache: Cache,
    report: Report = to_stderr,
    run: Run = run,
) -> UpgradeCheck:
    """Ask the file's indexes what there is for another runtime; nothing is written.

    Wheels count, and what they say of themselves: a pure wheel says that it runs on any Python 3, whether it does or
    not.

    :param to: such as ``python3.14``.
    :param start: the runtime that it moves from; by default the lock's newest before ``to``.
    :raises LayerError: if an index doesn't answer, or there is no answer for the runtime it moves from.
    """
    Target(to)
    begin = _start(dependencies, to, start, cache=cache, report=report, run=run)
    with ThreadPoolExecutor(len(ARCHITECTURES)) as pool:
        checks = pool.map(lambda a: _Checker(begin, Target(to, a), run).check(), ARCHITECTURES)
        return UpgradeCheck(
            label=str(dependencies.requirements),
            before=begin.runtime,
            after=to,
            architectures=dict(zip(ARCHITECTURES, checks, strict=True)),
            notes=begin.notes,
        )


def as_json(check: UpgradeCheck) -> str:
    """JSON for other programs; ``schema`` is 1, and keys are only added to it.

    ``path``, ``from``, ``to``, ``can_move``, ``notes``; ``architectures`` by name: ``can_move``, ``packages`` (name,
    pinned, status, version and built_now as :class:`Verdict` has them), ``added`` (version by name), ``relaxed``
    (requirements that pin a version that can't stay), ``problem`` (or null).
    """
    architectures = {
        name: {"can_move": one.can_move, **asdict(one), "packages": [asdict(verdict) for verdict in one.packages]}
        for name, one in check.architectures.items()
    }
    document = {
        "schema": 1,
        "path": check.label,
        "from": check.before,
        "to": check.after,
        "can_move": check.can_move,
        "notes": list(check.notes),
        "architectures": architectures,
    }
    return json.dumps(document, indent=2)


def _start(dependencies: Dependencies, to: str, start: str | None, *, cache: Cache, report: Report, run: Run) -> _Start:
    file = to_lock(dependencies, cache=cache, report=report, run=run)
    if file is None:
        return _start_of_lock(dependencies, start or _usual(to), cache=cache, report=report, run=run)
    request = lock_request(dependencies, file, environ=os.environ)
    lock = load(request)
    question, _ = question_of(request, exclude_newer=lock.exclude_newer if lock else None, cache=cache, run=run)
    notes = []
    if lock and lock.exclude_newer:
        notes.append(f"only what was uploaded before {lock.exclude_newer} counts, as the lock says")
    if lock and not request.made_from().changes_since(lock.made_from):
        known = [runtime for runtime in RUNTIMES if runtime in lock.runtimes]
        runtime = start or _before(to, known)
        if runtime in lock.runtimes:
            return _Start(runtime=runtime, question=question, pins=lock.pins(runtime).wheels, notes=tuple(notes))
        notes.append(f"{request.path.name} does not lock {runtime}: its versions are what would be locked now")
    else:
        runtime = start or _usual(to)
        reason = "is stale" if lock else "is not there"
        notes.append(f"{request.path.name} {reason}: the versions on {runtime} are what would be locked now")
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
        unbuilt = _Unbuilt(Path(folder))
        sources = Sources(builder=unbuilt, target=Target(runtime), cache=cache)
        pins = resolve(question, runtime, sources=sources, run=run).wheels
    built = sorted(file.name for file in next(iter(pins.values())) if _is_built(file))
    if built:
        notes.append(f"what these need is not known without building them, and not looked at: {', '.join(built)}")
    return _Start(runtime=runtime, question=question, pins=pins, notes=tuple(notes))


class _Unbuilt:
    """Says of source distributions that they need nothing, instead of building them: nobody's code is run to look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def image(self, target: Target, *, needed_by: str) -> BuildImage:
        raise NotImplementedError(f"nothing is built for {target}, {needed_by} neither")

    def wheel(self, sdist: LockedSdist, target: Target, *, again: bool = False) -> LockedWheel:
        del target, again
        path = self._folder / f"{sdist.name.replace('-', '_')}-{sdist.version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            text = f"Metadata-Version: 2.1\nName: {sdist.name}\nVersion: {sdist.version}\n"
            wheel.writestr(f"{path.name.partition('-py3')[0]}.dist-info/METADATA", text)
        return LockedWheel(name=sdist.name, version=sdist.version, filename=path.name, sha256="", path=path)


def _is_built(file: LockedFile) -> bool:
    return isinstance(file, LockedSdist) or file.built is not None


def _start_of_lock(dependencies: Dependencies, runtime: str, *, cache: Cache, report: Report, run: Run) -> _Start:
    """A file that is its own lock: what it pins is all that is asked for."""
    path = dependencies.requirements
    pins: dict[ArchitectureName, tuple[LockedFile, ...]] = {}
    question: Question | None = None
    failure: LayerError | None = None
    for architecture in ARCHITECTURES:
        try:
            target = Target(runtime, architecture)
            planned = make_plan(replace(dependencies, locked=True), target, cache=cache, report=report, run=run)
        except ResolutionError as error:
            failure = error
            continue
        plan = planned.plan
        packages = plan.packages.items()
        lines = [
            RequirementLine(name=name, requirement=Requirement(f"{name}=={version}"), where=Where(path))
            for name, version in packages
        ]
        question = question or Question(requirements=tuple(lines), indexes=planned.indexes)
        pins[architecture] = plan.wheels or tuple(
            LockedWheel(name=name, version=version, filename="", sha256="") for name, version in packages
        )
    if question is None:
        assert failure is not None  # noqa: S101 - no architecture had an answer
        raise failure
    return _Start(runtime=runtime, question=question, pins=pins)


def _usual(to: str) -> str:
    return DEFAULT_RUNTIME if to != DEFAULT_RUNTIME else RUNTIMES[RUNTIMES.index(to) - 1]


def _before(to: str, known: list[str]) -> str:
    """The newest runtime of a lock that is older than ``to``, or else the newest other one."""
    older = [runtime for runtime in known if RUNTIMES.index(runtime) < RUNTIMES.index(to)]
    others = [runtime for runtime in known if runtime != to]
    return (older or others or [_usual(to)])[-1]


class _Checker:
    """Asks what one target has."""

    def __init__(self, start: _Start, target: Target, run: Run) -> None:
        self._question = start.question
        self._target = target
        self._run = run
        files = start.pins.get(target.architecture) or next(iter(start.pins.values()))
        self._files = {file.name: file for file in files}
        self._pins = {file.name: file.version for file in files}

    def check(self) -> Check:
        answer = self._resolve(self._question, self._files.values())
        if answer is not None:
            return self._checked(answer, {}, complete=True)
        with ThreadPoolExecutor(_WORKERS) as pool:
            alone = dict(zip(self._pins, pool.map(self._alone, self._pins.values(), self._pins), strict=True))
        blocked = {name for name, verdict in alone.items() if verdict.status != "as-pinned"}
        hopeless = {name for name in blocked if not alone[name].has_wheel}
        kept = [file for name, file in self._files.items() if name not in blocked]
        problem: str | None = None
        relaxed: tuple[str, ...] = ()
        for free in (blocked, set(self._pins)):  # what has to move, then, if that isn't enough, everything
            question, relaxed = self._relaxed(free, hopeless)
            if not question.requirements:
                return self._checked({}, alone, complete=False)
            answer = self._resolve(question, kept)
            if answer is not None:
                return self._checked(answer, alone, complete=not hopeless, relaxed=relaxed)
            problem = problem or self._problem(question)
        return self._checked({}, alone, complete=False, relaxed=relaxed, problem=problem)

    def _checked(
        self,
        answer: Mapping[str, str],
        alone: Mapping[str, Verdict],
        *,
        complete: bool,
        relaxed: tuple[str, ...] = (),
        problem: str | None = None,
    ) -> Check:
        """Verdicts by an answer for all of it, and for what it leaves out by those for each alone.

        :param complete: the answer is for all that was asked, so that what it leaves out isn't needed.
        """
        verdicts = []
        for name, pinned in sorted(self._pins.items()):
            version = answer.get(name)
            if version is not None:
                verdicts.append(_verdict(name, pinned, version))
            elif complete:
                verdicts.append(Verdict(name=name, pinned=pinned, status="unneeded"))
            else:
                verdicts.append(alone[name])
        added = {name: version for name, version in sorted(answer.items()) if name not in self._pins}
        return Check(packages=tuple(verdicts), added=added, relaxed=relaxed, problem=problem)

    def _resolve(self, question: Question, known: Iterable[LockedFile]) -> dict[str, str] | None:
        try:
            files = resolve_target(question, self._target, known=known, explain=False, run=self._run)
        except (ResolutionError, HashMismatchError):
            return None
        return {file.name: file.version for file in files}

    def _problem(self, question: Question) -> str:
        try:
            resolve_target(question, self._target, run=self._run)
        except LayerError as error:
            return "\n".join([error.problem, *error.details])
        return f"nothing fits {self._target}"

    def _relaxed(self, free: set[str], hopeless: set[str]) -> tuple[Question, tuple[str, ...]]:
        """The question with newer versions allowed of some packages, and without those that have none."""
        lines: list[RequirementLine] = []
        changed: list[str] = []
        for line in self._question.requirements:
            requirement = line.requirement
            if line.name in hopeless:
                continue
            if requirement is None or line.name not in free or requirement.url or line.path:
                lines.append(line)
                continue
            pinned = self._pins[line.name]
            if line.hashes or any(specifier.operator in {"==", "===", "<", "<=", "~=", "!="}
                                  for specifier in requirement.specifier):  # fmt: skip
                changed.append(f"{line.where}: {requirement}")
            looser = Requirement(str(requirement))
            looser.specifier = SpecifierSet(f">={pinned}")
            lines.append(replace(line, requirement=looser, hashes=()))
        constraints = tuple(line for line in self._question.constraints if line.name not in free)
        return replace(self._question, requirements=tuple(lines), constraints=constraints), tuple(changed)

    def _alone(self, pinned: str, name: str) -> Verdict:
        """One package without what it needs."""
        file = self._files[name]
        line = self._question.line_of(name)
        fits = isinstance(file, LockedWheel) and bool(file.filename) and self._fits(file.filename)
        if line and line.requirement and (line.path or line.requirement.url):  # no index has another
            return Verdict(name=name, pinned=pinned, status="as-pinned" if fits else "none")
        if self._offered(name, f"=={pinned}") or (fits and file.index is None):
            return Verdict(name=name, pinned=pinned, status="as-pinned")
        newer = self._offered(name, f">={pinned}")
        if newer:
            return _verdict(name, pinned, newer)
        source = self._offered(name, f"=={pinned}", from_source=True)
        source = source or self._offered(name, f">={pinned}", from_source=True)
        return Verdict(
            name=name,
            pinned=pinned,
            status="sdist-only" if source else "none",
            version=source,
            built_now=_is_built(file),
        )

    def _fits(self, filename: str) -> bool:
        return selection.best([("", filename)], self._target) is not None

    def _offered(self, name: str, specifier: str, *, from_source: bool = False) -> str | None:
        """The version that an index offers within a specifier; by wheels, or by source distributions alone."""
        line = self._question.line_of(name)
        where = line.where if line else Where(Path(name))
        requirement = Requirement(f"{name}{specifier}")
        alone = RequirementLine(name=name, requirement=requirement, where=where, index=line.index if line else None)
        question = replace(self._question, requirements=(alone,), constraints=())
        sources = [name] if from_source else []
        with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
            work = Path(folder)
            configuration = as_uv_configuration(sources, {}) if sources else None
            files = write_question(question, work, ceilings={}, preferred=(), configuration=configuration)
            arguments = uv.compile_arguments(
                self._target,
                indexes=question.indexes.uv_arguments(),
                project=files.project,
                output=files.output,
                exclude_newer=question.exclude_newer,
                prereleases=question.prereleases,
                from_source=sources,
                configuration=files.configuration,
            )
            done = uv.call(
                [*arguments, "--no-deps"],
                run=self._run,
                environment=question.indexes.uv_environment(),
                secrets=question.indexes.secrets,
                cwd=work,
            )
            if done.returncode != 0:
                unreachable = describe_uv_failure(done.stderr, question.indexes)
                if unreachable:
                    raise unreachable
                return None
            packages = tomllib.loads(files.output.read_text(encoding="utf-8")).get("packages", [])
        return next((package.get("version") for package in packages if package["name"] == name), None)


def _verdict(name: str, pinned: str, version: str) -> Verdict:
    if version == pinned:
        return Verdict(name=name, pinned=pinned, status="as-pinned")
    status: Status = "newer" if Version(version) > Version(pinned) else "older"
    return Verdict(name=name, pinned=pinned, status=status, version=version)
