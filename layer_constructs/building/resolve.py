"""Requirements + a runtime -> one version and the exact wheels for each architecture, by uv."""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.pylock import Package
from packaging.version import Version

from layer_constructs.building import selection, uv, uv_errors
from layer_constructs.building.indexes import Indexes
from layer_constructs.building.plan import Pin
from layer_constructs.building.process import Run, run
from layer_constructs.building.requirements import RequirementLine
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import HashMismatchError, LayerError, RequirementsError, ResolutionError, Where

# How often the versions of two architectures are brought closer before they are allowed to differ.
_MAX_ROUNDS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is to be resolved; local projects are wheels by now.

    :param exclude_newer: an RFC 3339 date; files uploaded later are not considered.
    """

    requirements: tuple[RequirementLine, ...]
    constraints: tuple[RequirementLine, ...] = ()
    indexes: Indexes
    prereleases: bool = False
    exclude_newer: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade:
    """Which of the pins before are let go."""

    everything: bool = False
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """The answer for one runtime.

    :param unavailable: why there is none for an architecture.
    """

    wheels: Mapping[ArchitectureName, tuple[LockedWheel, ...]]
    unavailable: Mapping[ArchitectureName, str] = field(default_factory=dict)

    def differences(self) -> list[str]:
        """Packages whose version is not the same on both architectures, in words."""
        if len(self.wheels) < len(ARCHITECTURES):
            return []
        versions = [{wheel.name: wheel.version for wheel in self.wheels[a]} for a in ARCHITECTURES]
        return [
            f"{name}: " + ", ".join(f"{v[name]} on {a}" for a, v in zip(ARCHITECTURES, versions, strict=True))
            for name in sorted(versions[0].keys() & versions[1].keys())
            if versions[0][name] != versions[1][name]
        ]


def resolve(
    question: Question,
    runtime: str,
    *,
    needed: Iterable[ArchitectureName] = (),
    before: Pins | None = None,
    upgrade: Upgrade | None = None,
    run: Run = run,
) -> Pins:
    """Pin everything for ``runtime``, the same versions on both architectures unless that can't be.

    :param needed: architectures without which the answer is worth nothing; of the others one may fail.
    :param before: pins to stay with wherever the requirements allow it.
    :raises ResolutionError: if a needed architecture, or every one, has no answer.
    """
    upgrade = upgrade or Upgrade()

    def ask(architecture: ArchitectureName, ceilings: Mapping[str, str]) -> tuple[LockedWheel, ...] | LayerError:
        known = before.wheels.get(architecture, ()) if before else ()
        try:
            return resolve_target(
                question, Target(runtime, architecture), known=known, upgrade=upgrade, ceilings=ceilings, run=run
            )
        except ResolutionError as error:
            return error

    needed = set(needed)
    pins = _ask_both(ask, {})
    for architecture, failure in pins[1].items():
        if architecture in needed or not pins[0]:
            raise failure
    ceilings: dict[str, str] = {}
    answer = Pins(wheels=pins[0], unavailable={a: failure.problem for a, failure in pins[1].items()})
    for _ in range(_MAX_ROUNDS):
        lower = _lower_versions(answer)
        if not lower:
            return answer
        ceilings.update(lower)
        wheels, failures = _ask_both(ask, ceilings)
        if failures:
            return answer
        answer = replace(answer, wheels=wheels)
    return answer


def _ask_both(
    ask: Callable[[ArchitectureName, Mapping[str, str]], tuple[LockedWheel, ...] | LayerError],
    ceilings: Mapping[str, str],
) -> tuple[dict[ArchitectureName, tuple[LockedWheel, ...]], dict[ArchitectureName, LayerError]]:
    with ThreadPoolExecutor(len(ARCHITECTURES)) as pool:
        answers = dict(zip(ARCHITECTURES, pool.map(lambda a: ask(a, ceilings), ARCHITECTURES), strict=True))
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
    known: Iterable[LockedWheel] = (),
    upgrade: Upgrade | None = None,
    ceilings: Mapping[str, str] | None = None,
    explain: bool = True,
    run: Run = run,
) -> tuple[LockedWheel, ...]:
    """The exact wheels for one target, sorted by name.

    :param known: versions to stay with where possible.
    :param ceilings: versions that may not be exceeded, by name.
    :param explain: find out what a failure means; without, it is a bare ResolutionError.
    """
    upgrade = upgrade or Upgrade()
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
        work = Path(folder)
        output = work / "pylock.pins.toml"
        project = work / "pyproject.toml"
        project.write_text(_project(question), encoding="utf-8")
        constraints = work / "constraints.txt"
        limits = [str(line.requirement) for line in question.constraints if line.requirement]
        limits += [f"{name}<={version}" for name, version in sorted((ceilings or {}).items())]
        constraints.write_text("\n".join(limits), encoding="utf-8")
        known = tuple(known)
        if known:
            output.write_text(_preferences(known), encoding="utf-8")
        done = uv.call(
            uv.compile_arguments(
                target,
                indexes=question.indexes.uv_arguments(),
                project=project,
                output=output,
                constraints=[constraints],
                exclude_newer=question.exclude_newer,
                prereleases=question.prereleases,
                upgrade=upgrade.everything,
                upgrade_packages=upgrade.packages,
            ),
            run=run,
            environment=question.indexes.uv_environment(),
            secrets=question.indexes.secrets,
            cwd=work,
        )
        if done.returncode != 0 and not explain:
            raise ResolutionError(f"nothing fits {target}")
        if done.returncode != 0:
            raise uv_errors.resolution_failure(done.stderr, question=question, target=target, run=run)
        lock = selection.parse(tomllib.loads(output.read_text(encoding="utf-8")), output)
        return tuple(
            sorted((_pick(p, target, question, output) for p in lock.packages), key=lambda wheel: wheel.name)
        )


def _pick(package: Package, target: Target, question: Question, output: Path) -> LockedWheel:
    """The best wheel of a package among those that the user's own hashes allow."""
    hashes = {h for line in question.requirements if line.name == package.name for h in line.hashes}
    if hashes and package.wheels:
        allowed = [wheel for wheel in package.wheels if f"sha256:{wheel.hashes.get('sha256', '')}" in hashes]
        if not allowed:
            line = next(line for line in question.requirements if line.name == package.name)
            raise HashMismatchError(
                f"no wheel of {package.name}=={package.version} for {target} has a hash that the file allows",
                where=line.where,
                fix="hash the file again for every platform, or remove the hashes and let the lock pin them",
            )
        package = replace(package, wheels=allowed)
    for wheel in package.wheels or ():
        if "sha256" not in wheel.hashes:
            raise ResolutionError(
                f"the index gives no sha256 for {wheel.filename}",
                where=next((line.where for line in question.requirements if line.name == package.name), None),
                fix="use an index that publishes hashes (PEP 503), or pin the wheel with --hash",
            )
    picked = selection.pick(package, target, path=output)
    local = next((r for r in question.requirements if r.name == package.name and r.path), None)
    return replace(picked, path=local.path, url=None) if local else picked


def _project(question: Question) -> str:
    """A pyproject.toml that asks uv for the requirements, each from the index that the user named for it."""
    names = {index.url: index.name for index in question.indexes.indexes}
    lines = ["[project]", 'name = "layer"', 'version = "0"', "dependencies = ["]
    for line in question.requirements:
        if line.requirement is not None:
            lines.append(f"  {json.dumps(_requirement(line))},")
    lines.append("]")
    named = {line.name: line.index for line in question.requirements if line.name and line.index}
    if named:
        lines.append("[tool.uv.sources]")
        lines += [f"{name} = {{ index = {json.dumps(names[url])} }}" for name, url in sorted(named.items())]
        for url in sorted(set(named.values())):
            lines += ["[[tool.uv.index]]", f"name = {json.dumps(names[url])}", f"url = {json.dumps(url)}"]
            lines.append("explicit = true")
    return "\n".join(lines) + "\n"


def _requirement(line: RequirementLine) -> str:
    requirement = line.requirement
    assert requirement is not None  # noqa: S101 - narrowed by the caller
    if line.path is None:
        return str(requirement)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras} @ {line.path.as_uri()}{marker}"


def _preferences(known: Iterable[LockedWheel]) -> str:
    lines = ['lock-version = "1.0"', 'created-by = "layer-constructs"']
    for wheel in known:
        lines += ["[[packages]]", f"name = {json.dumps(wheel.name)}", f"version = {json.dumps(wheel.version)}"]
    return "\n".join(lines) + "\n"


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
    wheels = resolve_target(Question(requirements=requirements, indexes=indexes), target, run=run)
    unpinned = {wheel.name for wheel in wheels} - {pin.name for pin in pins}
    if unpinned:
        raise RequirementsError(
            f"everything in it is pinned and hashed, but what that needs is not: {', '.join(sorted(unpinned))}",
            where=Where(requirements[0].where.path),
            fix="add it with its hashes, for example with `uv pip compile --generate-hashes`",
        )
    return wheels
