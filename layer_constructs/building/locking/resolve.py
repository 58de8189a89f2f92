"""Requirements + a runtime -> one version of everything and the exact wheels for each architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from packaging.version import Version

from layer_constructs.building.locking.pins import LockedFile, Pins, Upgrade
from layer_constructs.building.locking.question import Question
from layer_constructs.building.locking.resolve_target import resolve_target
from layer_constructs.building.locking.sources import Sources
from layer_constructs.building.process import Run, run
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName, Target
from layer_constructs.errors import BuildError, ContainerError, HashMismatchError, LayerError, ResolutionError

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
