"""What uv says when it fails -> the error a user can act on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from layer_constructs.building.indexes.failures import describe_uv_failure
from layer_constructs.building.locking import fit
from layer_constructs.building.locking.question import PROJECT, Question
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.target import Target
from layer_constructs.errors import (
    BuildError,
    HashMismatchError,
    LayerError,
    RequirementsError,
    ResolutionError,
    WheelUnavailableError,
    Where,
)

if TYPE_CHECKING:
    from layer_constructs.building.indexes.index import Indexes

# uv 0.13: the hints after a dead end for want of a wheel, and the causes that name the package.
_NO_WHEEL = (
    re.compile(r"Wheels are required for `(?P<name>[^`]+)` because building from source is disabled"),
    re.compile(r"Wheels are available for `(?P<name>[^`]+)` \(v[^)]+\)"),
    re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:[=<>]=?[^\s,]+)? has no (?:usable )?wheels"),
    re.compile(r"all versions of (?P<name>[A-Za-z0-9._-]+) have no usable wheels"),
)
_NOT_FOUND = re.compile(r"Because (?P<name>\S+) was not found in the (?:package registry|provided package locations)")
_LATER_INDEX = re.compile(r"`(?P<name>[^`]+)` was found on (?P<first>\S+), but not at the requested version")
_NO_VERSION = (
    re.compile(r"there (?:is no version|are no versions) of (?P<what>[A-Za-z0-9]\S*?),? "),
    re.compile(
        rf"Because only (?P<there>\S+) is available and {PROJECT} depends on (?P<what>\S+),"
        r" we can conclude that your requirements"
    ),
)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")

# uv's words -> the user's: the project is ours, and so are the paths and the options.
_REWORDED = (
    (re.compile(rf"\b{PROJECT} depends on\b"), "the file asks for"),
    (re.compile(rf"\b{PROJECT}(?:==0)?"), "the file"),
    (re.compile(r"your requirements are unsatisfiable"), "nothing satisfies the file"),
    (re.compile(r"\byour requirements\b"), "the file's requirements"),
    (re.compile(r"`?[^\s`]*[/\\]layer-constructs-[^\s`]*`?"), "the file"),
    (re.compile(r" Consider using `.*"), ""),
    (re.compile(r" \(try: `--.*?`\)"), ""),
)
_SAID_ALREADY = ("No solution found when resolving", "Wheels are required for", "For more information, try")


class Offers(Protocol):
    """Whether a question has an answer for a target: asked to explain a failure."""

    def __call__(self, question: Question, target: Target, /) -> bool: ...


def without_wheel(stderr: str) -> list[str]:
    """The packages that uv says have no wheel for the target, each once: the deepest cause is what it says first."""
    places = sorted((found.start("name"), found["name"]) for p in _NO_WHEEL for found in p.finditer(stderr))
    names = dict.fromkeys(str(canonicalize_name(name.rstrip(".,"))) for _, name in places)
    return [name for name in names if name != PROJECT]


def resolution_failure(
    stderr: str, *, question: Question, target: Target, offers: Offers | None = None, builds: bool = False
) -> LayerError:
    """The error for a failed ``uv pip compile``.

    :param builds: whether source distributions are built.
    :param offers: asks the indexes, to say what a failure means; without, it may be a bare ResolutionError.
    """
    unreachable = describe_uv_failure(stderr, question.indexes)
    if unreachable:
        return unreachable
    if offers is None:
        return ResolutionError(f"nothing fits {target}")
    for pattern in _NO_WHEEL:
        found = pattern.search(stderr)
        if found:
            return _no_wheel(found["name"], stderr, question, target, offers, builds=builds)
    return (
        _not_found(stderr, question)
        or _found_on_another_index(stderr, question)
        or _no_version(stderr, question)
        or _not_understood(stderr, question)
        or _conflict(stderr, question, target)
    )


def installation_failure(stderr: str, *, indexes: Indexes) -> LayerError:
    """The error for a failed ``uv pip install``."""
    unreachable = describe_uv_failure(stderr, indexes)
    if unreachable:
        return unreachable
    if "Hash mismatch" in stderr:
        return HashMismatchError(
            "a downloaded wheel is not the one that was locked",
            details=explanation(stderr),
            fix="find out why the file changed before you lock it again",
        )
    if "No space left" in stderr:
        return BuildError("no space is left on the disk", details=explanation(stderr), fix="free some, then try again")
    return BuildError("the wheels could not be installed", details=explanation(stderr))


def explanation(stderr: str, most: int = 30) -> list[str]:
    """What uv said, in words that mean something to someone who doesn't know that uv is used."""
    lines = []
    for line in stderr.splitlines():
        text = re.sub(r"^(?: {2}cause: | {9}|error: )", "", line.rstrip())
        for pattern, words in _REWORDED:
            text = pattern.sub(words, text)
        if text.strip() and not any(said in text for said in _SAID_ALREADY):
            lines.append(text)
    return lines[-most:]


def _no_wheel(
    name: str, stderr: str, question: Question, target: Target, offers: Offers, *, builds: bool
) -> WheelUnavailableError:
    line = question.line_of(name)
    reason = (
        "there is no source distribution either that could be built"
        if builds
        else "nothing of a dependency is run on this machine, so source distributions are not built"
    )
    if line is None:
        line = RequirementLine(name=name, requirement=Requirement(name), where=Where(Path("requirements")))
        where = _first_where(stderr, question)
        reason = "\n".join([*explanation(stderr), reason])
    else:
        where = line.where
    specifier = line.requirement.specifier if line.requirement else ""
    offered = _targets_with_a_wheel(line, question, target, offers)
    fix = (
        "pin a version that has a wheel for this target, or choose a runtime or architecture listed above"
        if offered
        else "choose another version or package, or build a wheel of it and name the wheel's path"
    )
    return WheelUnavailableError(
        package=f"{name}{specifier}",
        target=str(target),
        where=where,
        offered=offered,
        reason=reason,
        fix=fix if builds else f"{fix}; or let a container build it with bundling=Bundling.auto()",
    )


def _targets_with_a_wheel(line: RequirementLine, question: Question, target: Target, offers: Offers) -> list[str]:
    """Asks the index about every other target: only when an error has to be explained."""
    if line.requirement is None:
        return []
    requirement = Requirement(f"{line.requirement.name}{line.requirement.specifier}")
    requirement.url = line.requirement.url
    alone = replace(question, requirements=(replace(line, requirement=requirement, hashes=()),), constraints=())

    others = [other for other in fit.all_targets() if other != target]
    with ThreadPoolExecutor(4) as pool:
        return [
            str(other)
            for other, there in zip(others, pool.map(lambda other: offers(alone, other), others), strict=True)
            if there
        ]


def _not_found(stderr: str, question: Question) -> ResolutionError | None:
    found = _NOT_FOUND.search(stderr)
    if not found:
        return None
    name = found["name"]
    line = question.line_of(name)
    places = [index.url for index in question.indexes.indexes] + [page.url for page in question.indexes.find_links]
    return ResolutionError(
        f"{name} is not on {', '.join(places) or 'any index'}",
        where=line.where if line else _first_where(stderr, question),
        details=[] if line else explanation(stderr),
        fix="check the spelling and the URL of the index, or name the index that has it with --extra-index-url",
    )


def _found_on_another_index(stderr: str, question: Question) -> ResolutionError | None:
    found = _LATER_INDEX.search(stderr)
    if not found:
        return None
    name, first = found["name"], found["first"].rstrip(",")
    others = [index.url for index in question.indexes.indexes if index.url != first.rstrip("/")]
    line = question.line_of(name)
    return ResolutionError(
        f"{name} comes from {first}, the first index that offers it, and not in a version that is asked for",
        where=line.where if line else _first_where(stderr, question),
        details=[f"other indexes: {', '.join(others)}"],
        fix=f"say which index is meant, '{name}  # index: {others[0] if others else 'URL'}', or list only one index",
    )


def _no_version(stderr: str, question: Question) -> ResolutionError | None:
    found = next(filter(None, (pattern.search(stderr) for pattern in _NO_VERSION)), None)
    name = _NAME.match(found["what"]) if found else None
    line = question.line_of(name[0]) if name else None
    if found is None or line is None or len(_involved(stderr, question)) > 1:
        return None  # it is the sum of several lines
    there = found.groupdict().get("there")
    fix = "choose a version that was released"
    if question.exclude_newer:
        fix += f"; only what was uploaded before {question.exclude_newer} counts, on an index that says when that was"
    return ResolutionError(
        f"there is no version {found['what']}",
        where=line.where,
        details=[f"there is only {there}"] if there else [],
        fix=fix,
    )


def _not_understood(stderr: str, question: Question) -> RequirementsError | None:
    """uv can't read the question itself, and would ask a build backend what the project needs."""
    if "Building source distributions is disabled" not in stderr:
        return None
    odd = [line for line in question.requirements if line.requirement and "===" in str(line.requirement.specifier)]
    return RequirementsError(
        f"{odd[0].requirement} can't be resolved: what follows === is not a version"
        if odd
        else "one of the requirements can't be resolved",
        where=odd[0].where if odd else None,
        fix="write a version as PEP 440 defines it",
    )


def _conflict(stderr: str, question: Question, target: Target) -> ResolutionError:
    involved = _involved(stderr, question)
    return ResolutionError(
        f"no set of versions satisfies the requirements on {target}",
        where=involved[0].where if involved else None,
        details=[*explanation(stderr), *(f"{line.where}: {line.requirement}" for line in involved)],
        fix="loosen one of the requirements named above",
    )


def _first_where(stderr: str, question: Question) -> Where | None:
    return next((line.where for line in _involved(stderr, question)), None)


def _involved(stderr: str, question: Question) -> list[RequirementLine]:
    """The lines whose names uv mentions, in the order of the files."""
    words = {word.lower() for word in _NAME.findall(stderr)}
    lines: Iterable[RequirementLine] = (*question.requirements, *question.constraints)
    named = [line for line in lines if line.name in words]
    return sorted(named, key=lambda line: (str(line.where.path), line.where.line or 0))
