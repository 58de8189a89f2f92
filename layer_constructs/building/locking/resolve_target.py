"""Requirements + a target -> the exact wheels, by uv."""

from __future__ import annotations

import tempfile
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path

from layer_constructs.building import uv
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.locking import selection, uv_errors
from layer_constructs.building.locking.allowed import allowed_file
from layer_constructs.building.locking.pins import LockedFile, Upgrade
from layer_constructs.building.locking.question import Question, write_question
from layer_constructs.building.locking.sources import Metadata, Sources, as_uv_configuration
from layer_constructs.building.plan import Pin
from layer_constructs.building.process import Completed, Run, run
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.sdist import LockedSdist
from layer_constructs.building.target import Target
from layer_constructs.building.unsafe import SAY_SO, refuse_unsafe
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import (
    EngineError,
    LayerError,
    RequirementsError,
    ResolutionError,
    WheelUnavailableError,
    Where,
)

# How often what is built may ask for another version of itself.
_MAX_ROUNDS = 12


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
        sorted((allowed_file(p, target, question, files.output) for p in lock.packages), key=lambda file: file.name)
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
