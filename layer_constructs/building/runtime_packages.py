"""What Lambda's Python runtimes ship themselves, and what a layer may leave out for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from layer_constructs.building.target import Target
from layer_constructs.errors import LayerError

# boto3 and what it needs. AWS documents the SDK for Python (Boto3) as part of every Python runtime (Lambda developer
# guide, "Building Lambda functions with Python"); the others are its requirements. What else lies there, such as
# simplejson, is the runtime client's own and documented nowhere, so it is not counted on.
PROVIDED: tuple[str, ...] = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A version that was seen in a runtime.

    :param seen: when.
    :param source: where that can be read.
    """

    version: str
    seen: str
    source: str


# AWS publishes no versions any more: "depends on the runtime version and your AWS Region" (the same page), and moves
# them without notice, upwards so far. So this is what was once seen, and most is not known; a test of the deployed
# function is the only proof. Not known is said, never taken for fitting.
_ISSUE = "AWS's table of runtimes as quoted in github.com/aws/aws-lambda-base-images/issues/118"
_SEEN = "a function that printed boto3.__version__, in a public repository; one Region"
_TABLE_2023 = {
    "boto3": Known(version="1.26.90", seen="2023-10", source=_ISSUE),
    "botocore": Known(version="1.29.90", seen="2023-10", source=_ISSUE),
}
KNOWN: Mapping[str, Mapping[str, Known]] = {
    "python3.8": _TABLE_2023,
    "python3.9": _TABLE_2023,
    "python3.10": _TABLE_2023,
    "python3.11": {},
    "python3.12": {"boto3": Known(version="1.40.4", seen="2025-08 or later", source=_SEEN)},
    "python3.13": {},
    "python3.14": {},
}

DRIFT = "AWS updates what a runtime ships without notice, Region by Region: the layer's digest doesn't cover it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    """A locked package, as far as it matters here.

    :param name: canonical.
    :param requires: its ``Requires-Dist``, as they stand in METADATA.
    :param extras: those of it that are installed.
    """

    name: str
    version: str
    requires: Sequence[str] = ()
    extras: Collection[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Provision:
    """What a layer leaves to the runtime.

    :param left_out: names of packages, sorted.
    :param conflicts: why that can't be: a line for each requirement that the runtime doesn't meet.
    :param notes: what can't be known, a line each.
    """

    left_out: tuple[str, ...]
    conflicts: tuple[str, ...]
    notes: tuple[str, ...]


class RuntimePackagesError(LayerError):
    """The runtime's own packages can't take the place of the locked ones."""

    def __init__(self, *, target: Target, conflicts: Sequence[str]) -> None:
        super().__init__(
            f"{target.runtime} does not have what the layer would leave to it",
            details=[*conflicts, DRIFT],
            fix="build without provided_by_runtime, loosen the requirement, or, if the runtime has moved since, say "
            "what it has now: a function that returns boto3.__version__ tells",
        )


def provision(
    packages: Sequence[Locked],
    target: Target,
    *,
    requirements: Sequence[tuple[str, str]] = (),
    versions: Mapping[str, str] | None = None,
) -> Provision:
    """What of the locked packages the runtime ships, and whether it fits what is asked of it.

    All of them are left out or none: the runtime's boto3 with a layer's urllib3 is how ``ImportError`` came about.

    :param requirements: the user's requirements with where each stands: ``("boto3>=1.40", "req.txt:3")``.
    :param versions: what the user knows of the runtime's versions; the rest is what this module knows.
    """
    here = {name: Known(version=version, seen="now", source="the user") for name, version in (versions or {}).items()}
    known = {**KNOWN[target.runtime], **here}
    left_out = sorted({package.name for package in packages} & set(PROVIDED))
    conflicts: dict[str, None] = {}
    unknown: dict[str, None] = {}
    environment = cast("dict[str, str]", target.environment())

    def applies(requirement: Requirement, extras: Collection[str]) -> bool:
        marker = requirement.marker
        return marker is None or any(marker.evaluate({**environment, "extra": each}) for each in ("", *extras))

    def ask(requirement: Requirement, by: str) -> None:
        name = canonicalize_name(requirement.name)
        if name not in left_out or not requirement.specifier:
            return
        if name not in known:
            unknown[
                f"{by} asks for {name}{requirement.specifier}, and which {name} {target.runtime} has is not known"
            ] = None
        elif not requirement.specifier.contains(known[name].version, prereleases=True):
            conflicts[
                f"{by} asks for {name}{requirement.specifier}, and {target.runtime} had {known[name].version} "
                f"({known[name].seen}, {known[name].source})"
            ] = None

    for text, where in requirements:
        requirement = Requirement(text)
        if applies(requirement, ()):
            ask(requirement, where)
    for package in packages:
        if package.name in left_out:
            continue  # the runtime's own fit each other
        for text in package.requires:
            requirement = Requirement(text)
            if applies(requirement, package.extras):
                ask(requirement, f"{package.name} {package.version}")
    notes = [DRIFT, *unknown] if left_out else []
    return Provision(left_out=tuple(left_out), conflicts=tuple(conflicts), notes=tuple(notes))
