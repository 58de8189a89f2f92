"""Requirements + a runtime -> one version and the exact wheels for each architecture, by uv."""

from __future__ import annotations

import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from layer_constructs.building import uv
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.locking import selection, uv_errors
from layer_constructs.building.locking.pins import LockedFile, Pins, Upgrade
from layer_constructs.building.locking.question import Question, write_question
from layer_constructs.building.locking.sources import Metadata, Sources, as_uv_configuration
from layer_constructs.building.plan import Pin
from layer_constructs.building.process import Completed, Run, run
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.sdist import LockedSdist
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName, Target
from layer_constructs.building.unsafe import SAY_SO, refuse_unsafe
from layer_constructs.building.wheel import LockedWheel, filename_of
from layer_constructs.errors import (
    BuildError,
    ContainerError,
    EngineError,
    HashMismatchError,
    LayerError,
    RequirementsError,
    ResolutionError,
    WheelUnavailableError,
    Where,
)

if TYPE_CHECKING:
    from packaging.pylock import Package

# An architecture and versions that may not be exceeded -> its wheels, or why there are none.
_Ask = Callable[[ArchitectureName, Mapping[str, str]], "tuple[LockedFile, ...] | LayerError"]

# How often the versions of two architectures are brought closer before they are allowed to differ.
_MAX_ROUNDS = 12


def resolve(
    question: Question,
    runtime: str,
    *,
    needed: Iterable[ArchitectureName] = (),
    before: Pins | None = None,
    upgrade: Upgrade | None = None,
    sources: Sources | None = None,
    run: Run = run,
) -> Pins:
    """Pin everything for ``runtime``, the same versions on both architectures unless that can't be.

    :param needed: architectures without which the answer is worth nothing; of the others one may fail.
    :param before: pins to stay with wherever the requirements allow it.
    :param sources: gives what packages without wheels need; without, such a package is an error.
    :raises ResolutionError: if a needed architecture, or every one, has no answer.
    """
    upgrade = upgrade or Upgrade()
    needed = set(needed)

    def ask(architecture: ArchitectureName, ceilings: Mapping[str, str]) -> tuple[LockedFile, ...] | LayerError:
        known = before.wheels.get(architecture, ()) if before else ()
        try:
            return resolve_target(
                question,
                Target(runtime, architecture),
                known=known,
                upgrade=upgrade,
                ceilings=ceilings,
                explain=not ceilings,
                sources=sources,
                run=run,
            )
        except (ResolutionError, HashMismatchError) as error:
            return error
        except (BuildError, ContainerError) as error:  # who doesn't need it need not be able to build for it
            if architecture in needed or not needed:
                raise
            return error

    wheels, failures = _ask_both(ask, {}, sources)
    for architecture, failure in failures.items():
        if architecture in needed or not wheels:
            raise failure
    return _aligned(Pins(wheels=wheels, unavailable={a: f.problem for a, f in failures.items()}), ask, sources)


def _aligned(first: Pins, ask: _Ask, sources: Sources | None) -> Pins:
    """The answer with the same versions on both architectures, as far as there are such."""
    answer, ceilings = first, dict[str, str]()
    hopeless: set[str] = set()
    for _ in range(_MAX_ROUNDS):
        lower = {name: version for name, version in _lower_versions(answer).items() if name not in hopeless}
        if not lower:
            return answer
        # All at once, then one at a time: what can't meet must not keep the others apart.
        for attempt in [lower, *({name: version} for name, version in lower.items() if len(lower) > 1)]:
            wheels, failures = _ask_both(ask, ceilings | attempt, sources)
            if not failures:
                answer, ceilings = replace(answer, wheels=wheels), ceilings | attempt
                if attempt is lower:
                    break
            elif len(attempt) == 1:
                hopeless |= attempt.keys()
    return first  # ever lower without meeting: no reason to go back that far


def _ask_both(
    ask: _Ask, ceilings: Mapping[str, str], sources: Sources | None
) -> tuple[dict[ArchitectureName, tuple[LockedFile, ...]], dict[ArchitectureName, LayerError]]:
    with ThreadPoolExecutor(len(ARCHITECTURES)) as pool:
        asked = {a: pool.submit(ask, a, ceilings) for a in ARCHITECTURES}
        if sources:
            sources.serve(asked.values())
        answers = {a: future.result() for a, future in asked.items()}
    wheels = {a: answer for a, answer in answers.items() if not isinstance(answer, LayerError)}
    return wheels, {a: answer for a, answer in answers.items() if isinstance(answer, LayerError)}


def _lower_versions(pins: Pins) -> dict[str, str]:
    if len(pins.wheels) < len(ARCHITECTURES):
        return {}
    first, second = ({wheel.name: Version(wheel.version) for wheel in pins.wheels[a]} for a in ARCHITECTURES)
    return {name: str(min(v, second[name])) for name, v in first.items() if name in second and v != second[name]}


def resolve_target(
    question: Question,
    target: Target,
    *,
    known: Iterable[LockedFile] = (),
    upgrade: Upgrade | None = None,
    ceilings: Mapping[str, str] | None = None,
    explain: bool = True,
    sources: Sources | None = None,
    run: Run = run,
) -> tuple[LockedFile, ...]:
    """The exact wheels for one target, sorted by name.

    :param known: versions to stay with where possible.
    :param ceilings: versions that may not be exceeded, by name.
    :param explain: find out what a failure means; without, it is a bare ResolutionError.
    """

    def explained(failed: Completed, *, builds: bool = sources is not None) -> LayerError:
        offers = partial(_has_answer, run=run) if explain else None
        return uv_errors.resolution_failure(
            failed.stderr, question=question, target=target, offers=offers, builds=builds
        )

    # How uv failed for want of a wheel: the last time, and since something was built of which it knows now.
    refused: Completed | None = None
    since: Completed | None = None

    from_source: set[str] = set()
    metadata: dict[tuple[str, str], Metadata] = {}
    while max(Counter(name for name, _ in metadata).values(), default=0) < _MAX_ROUNDS:
        answer = _compile(
            question, target, known=tuple(known), upgrade=upgrade or Upgrade(), ceilings=ceilings or {},
            configuration=as_uv_configuration(from_source, metadata) if from_source else None,
            from_source=from_source, run=run,
        )  # fmt: skip
        if isinstance(answer, Completed):
            lacking = [name for name in uv_errors.without_wheel(answer.stderr) if name not in from_source]
            if not (lacking and sources):
                # If there is nothing to build it from either, what was said first is what the user is to read.
                raise explained(since or answer)
            refused = since = since or answer
            from_source.add(lacking[0])  # the others may have a wheel in a version that is possible then
            continue
        new = [file for file in answer if isinstance(file, LockedSdist) and (file.name, file.version) not in metadata]
        if not new:
            return answer
        assert sources is not None  # noqa: S101 - without, nothing is asked for that has no wheel
        assert refused is not None  # noqa: S101 - nor before it was seen to have none
        try:
            metadata |= {(file.name, file.version): sources.metadata(file) for file in new}
        except EngineError as error:  # whoever has no engine wants to know why one is needed
            why = explained(refused, builds=False).details
            raise type(error)(error.problem, details=[*error.details, *why], fix=error.fix) from error
        since = None
    raise ResolutionError(
        f"what has to be built for {target} asks for other versions of itself, over and over",
        details=sorted(from_source),
        fix="pin the versions of these packages",
    )


def _compile(
    question: Question,
    target: Target,
    *,
    known: Iterable[LockedFile],
    upgrade: Upgrade,
    ceilings: Mapping[str, str],
    from_source: Collection[str],
    configuration: str | None,
    run: Run,
) -> tuple[LockedFile, ...] | Completed:
    """One question to uv: the files, or how it failed."""
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
        work = Path(folder)
        files = write_question(question, work, ceilings=ceilings, preferred=known, configuration=configuration)
        done = uv.call(
            uv.compile_arguments(
                target,
                indexes=question.indexes.uv_arguments(),
                project=files.project,
                output=files.output,
                constraints=[files.constraints],
                exclude_newer=question.exclude_newer,
                prereleases=question.prereleases,
                upgrade=upgrade.everything,
                upgrade_packages=upgrade.packages,
                from_source=from_source,
                configuration=files.configuration,
            ),
            run=run,
            environment={**question.indexes.uv_environment(), **SAY_SO},
            secrets=question.indexes.secrets,
            cwd=work,
        )
        if done.returncode != 0:
            return done
        lock = selection.parse(tomllib.loads(files.output.read_text(encoding="utf-8")), files.output)
    answer = tuple(
        sorted((_pick(p, target, question, files.output) for p in lock.packages), key=lambda file: file.name)
    )
    wheels = [file for file in answer if isinstance(file, LockedWheel)]
    refuse_unsafe(done.stderr, wheels, target, indexes=question.indexes, run=run)
    return answer


def _has_answer(question: Question, target: Target, *, run: Run) -> bool:
    try:
        resolve_target(question, target, explain=False, run=run)
    except LayerError:
        return False
    return True


def _pick(package: Package, target: Target, question: Question, output: Path) -> LockedFile:
    """The best wheel of a package among those that the user's own hashes allow."""
    lines = [line for line in question.requirements if line.name == package.name]
    allowed = {h.removeprefix("sha256:") for line in lines for h in line.hashes if h.startswith("sha256:")}
    if any(line.hashes for line in lines) and not allowed:
        raise RequirementsError(
            f"the hashes of {package.name} are none that an index publishes",
            where=lines[0].where,
            fix="give its sha256, or take the hashes out: the lock has them anyway",
        )
    if package.sdist and not package.wheels:
        sdist = selection.sdist_of(package, output)
        if allowed and sdist.sha256 not in allowed:
            raise _not_allowed(package, target, lines[0], found=sdist.sha256, kind="source distribution")
        return sdist
    if allowed and package.wheels:
        package = replace(package, wheels=[w for w in package.wheels if w.hashes.get("sha256") in allowed])
        if not package.wheels:
            raise _not_allowed(package, target, lines[0], found=None)
    for wheel in package.wheels or ():
        if "sha256" not in wheel.hashes:
            raise ResolutionError(
                f"the index gives no sha256 for {wheel.filename}",
                where=lines[0].where if lines else None,
                fix="use an index that publishes hashes (PEP 503), or pin the wheel with --hash",
            )
    names = [w.filename for w in package.wheels or ()] or _archive_name(package)
    if selection.best([("", name) for name in names], target) is None:  # uv takes a wheel that is named as it is
        raise WheelUnavailableError(
            package=f"{package.name} ({', '.join(names)})",
            target=str(target),
            where=lines[0].where if lines else None,
            offered=selection.offered(names),
        )
    picked = selection.pick(package, target, path=output)
    if allowed and picked.sha256 not in allowed:  # a URL or a local file: there was nothing to choose from
        raise _not_allowed(package, target, lines[0], found=picked.sha256)
    local = next((line.path for line in lines if line.path), None)
    return replace(picked, path=local, url=None) if local else picked


def _archive_name(package: Package) -> list[str]:
    archive = package.archive
    return [filename_of(archive.url or archive.path or "")] if archive else []


def _not_allowed(
    package: Package, target: Target, line: RequirementLine, *, found: str | None, kind: str = "wheel"
) -> HashMismatchError:
    if found:
        return HashMismatchError(
            f"the {kind} of {package.name} is not the one whose hash the file gives",
            where=line.where,
            details=[f"allowed:    {', '.join(line.hashes)}", f"its sha256: {found}"],
            fix=f"find out why the {kind} changed; if it is the one you mean, write its hash",
        )
    return HashMismatchError(
        f"no wheel of {package.name}=={package.version} for {target} has a hash that the file allows",
        where=line.where,
        fix="hash the file again for every platform, or take the hashes out and let the lock pin them",
    )


def resolve_pins(
    pins: Iterable[Pin],
    target: Target,
    *,
    requirements: Iterable[RequirementLine],
    indexes: Indexes,
    run: Run = run,
) -> tuple[LockedWheel, ...]:
    """The wheels behind a user's own hashed pins: of the files that the hashes allow, the one that fits best.

    :raises RequirementsError: if a pinned package needs one that is not pinned.
    """
    requirements = tuple(requirements)
    try:
        answer = resolve_target(Question(requirements=requirements, indexes=indexes), target, run=run)
    except WheelUnavailableError as error:
        raise WheelUnavailableError(
            package=error.package,
            target=str(target),
            where=error.where,
            offered=error.offered,
            reason="there is only a source distribution, and a file that pins and hashes everything is its own "
            "lock, with no place for what is built",
            fix="name a lock that has one, with the same versions: lock='pylock.built.toml' (--lock for a command)",
        ) from error
    wheels = tuple(file for file in answer if isinstance(file, LockedWheel))  # without sources, there is nothing else
    unpinned = {wheel.name for wheel in wheels} - {pin.name for pin in pins}
    if unpinned:
        raise RequirementsError(
            f"everything in it is pinned and hashed, but what that needs is not: {', '.join(sorted(unpinned))}",
            where=Where(requirements[0].where.path),
            fix="add it with its hashes, for example with `uv pip compile --generate-hashes`",
        )
    return wheels
