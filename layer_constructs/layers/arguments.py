"""Checks of what users pass, with the way from the constructs they may come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs.building.bundling import MODES, Bundling
from layer_constructs.building.target import (
    ARCHITECTURES,
    DEFAULT_ARCHITECTURE,
    DEFAULT_RUNTIME,
    RUNTIMES,
    ArchitectureName,
    Platform,
    Target,
)
from layer_constructs.errors import ArgumentError
from layer_constructs.layers.identity import identity
from layer_constructs.layers.surroundings import BUNDLING_CONTEXT, DISPOSABLE_CONTEXT, LOCKED_CONTEXT, Surroundings

if TYPE_CHECKING:
    from layer_constructs.layers.staging import AssetFormat

# What people who come from `PythonLayerVersion` or `LayerVersion` write, and what it is here.
_INSTEAD: Mapping[str, str] = {
    "entry": "requirements='path/to/requirements.txt', the file itself instead of its folder",
    "code": "requirements='path/to/requirements.txt': the layer is built from it",
    "compatible_runtimes": "runtime=lambda_.Runtime.PYTHON_3_13: a layer is built for one runtime",
    "compatible_architectures": "architecture=lambda_.Architecture.ARM_64: a layer is built for one architecture, "
    "and declares both where their content is the same",
}


def refuse_unknown(given: Mapping[str, object], *, construct: str, instead: Mapping[str, str] = _INSTEAD) -> None:
    """:param instead: what to write in place of what people who come from elsewhere write.
    :raises ArgumentError: for an argument that the construct doesn't take.
    """
    for name in given:
        raise ArgumentError(
            f"{construct} takes no argument {name!r}",
            fix=f"write {instead[name]}" if name in instead else "see the construct's documentation for its arguments",
        )


def path_of(value: object, *, argument: str, example: str = "req.txt", what: str = "a file") -> Path:
    """A path as the user wrote it; relative ones are relative to the working directory, as in the CDK."""
    if isinstance(value, str | Path) and str(value):
        return Path(value)
    raise ArgumentError(f"{argument} is {value!r}, and must be the path of {what}", fix=f"write {argument}={example!r}")


def names_of(value: object, *, argument: str) -> tuple[str, ...]:
    """Several names; a single string is a mistake that Python would take letter by letter."""
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ArgumentError(f"{argument} is {value!r}, and must be a list of names", fix=f"write {argument}=['name']")


def texts_of(value: object, *, argument: str) -> dict[str, str]:
    """Texts by name."""
    if isinstance(value, Mapping) and all(isinstance(each, str) for pair in value.items() for each in pair):
        return dict(value)
    raise ArgumentError(
        f"{argument} is {value!r}, and must be texts by name", fix=f"write {argument}={{'name': 'text'}}"
    )


def release_of(bytecode: object, target: Target) -> str | None:
    """The exact CPython that a user names for the bytecode."""
    if isinstance(bytecode, bool):
        return None
    if isinstance(bytecode, str) and re.fullmatch(rf"{re.escape(target.python)}\.\d{{1,3}}", bytecode):
        return bytecode
    raise ArgumentError(
        f"bytecode is {bytecode!r}",
        details=[f"allowed: True, False, or a release of {target.python}: '{target.python}.1'"],
    )


def target_of(
    around: Surroundings, runtime: lambda_.Runtime | None, architecture: lambda_.Architecture | None
) -> Target:
    """The target that the arguments, the app's context and the defaults give, in this order."""
    if runtime is not None and not isinstance(runtime, lambda_.Runtime):
        raise ArgumentError(
            f"runtime is {runtime!r}", fix="write a lambda_.Runtime, such as lambda_.Runtime.PYTHON_3_13"
        )
    name = _name_of(runtime) if runtime is not None else around.runtime
    return Target(str(name or DEFAULT_RUNTIME), architecture_of(architecture))


def runtimes_given(runtimes: object, *, argument: str) -> list[lambda_.Runtime]:
    """Several runtimes of the CDK, each once.

    :raises ArgumentError: if it is no list of them, or an empty one.
    """
    if isinstance(runtimes, Sequence) and runtimes and all(isinstance(each, lambda_.Runtime) for each in runtimes):
        return list({_name_of(each): each for each in runtimes}.values())
    raise ArgumentError(
        f"{argument} is {runtimes!r}, and must be a list of runtimes",
        fix=f"write {argument}=[lambda_.Runtime.PYTHON_3_13]",
    )


def platform_of(runtime: lambda_.Runtime, architecture: ArchitectureName) -> Platform:
    """Any runtime on an architecture.

    :raises UnsupportedTargetError: for a runtime of which nothing is known.
    """
    name = _name_of(runtime)
    return Target(name, architecture) if name in RUNTIMES else Platform(name, architecture)


def architecture_of(architecture: lambda_.Architecture | None) -> ArchitectureName:
    """The name of an architecture, by default x86_64.

    :raises ArgumentError: for what is none.
    """
    if architecture is None:
        return DEFAULT_ARCHITECTURE
    if not isinstance(architecture, lambda_.Architecture):
        raise ArgumentError(
            f"architecture is {architecture!r}",
            fix="write lambda_.Architecture.X86_64 or lambda_.Architecture.ARM_64",
        )
    return cast("ArchitectureName", _name_of(architecture))


# By identity: most layers of an app name the same constants, and each question goes over jsii.
_NAMES: dict[str, str] = {}


def _name_of(constant: lambda_.Runtime | lambda_.Architecture) -> str:
    key = identity(constant)
    if key not in _NAMES:
        _NAMES[key] = constant.name
    return _NAMES[key]


def bundling_of(around: Surroundings, bundling: object) -> Bundling:
    """Where a layer is made: the argument, else the app's context, else auto."""
    if isinstance(bundling, Bundling):
        return bundling
    if bundling is not None:
        raise ArgumentError(
            f"bundling is {bundling!r}", fix="write Bundling.auto(), Bundling.docker(...) or Bundling.local()"
        )
    for mode in MODES:
        if around.bundling in (mode, None):
            return Bundling(mode=mode)
    raise ArgumentError(
        f"the context key {BUNDLING_CONTEXT} is {around.bundling!r}", details=[f"allowed: {', '.join(MODES)}"]
    )


def locked_of(around: Surroundings, locked: bool | None) -> bool | None:
    """Whether the lock must be used as it is: the argument, else the app's context, else undecided."""
    return flag(around.locked, key=LOCKED_CONTEXT) if locked is None else switch_of(locked, argument="locked")


def asset_format_of(around: Surroundings, asset_format: str | None) -> AssetFormat:
    """``zip`` or ``directory``: the argument, else the app's context, else ``zip``."""
    chosen = asset_format if asset_format is not None else around.asset_format or "zip"
    if chosen not in {"zip", "directory"}:
        raise ArgumentError(f"asset_format is {chosen!r}", details=["allowed: 'zip', 'directory'"])
    return chosen


def removal_policy_of(around: Surroundings, removal_policy: cdk.RemovalPolicy | None) -> cdk.RemovalPolicy:
    """What becomes of a version that nothing declares any more: the argument, else what the app's context says, else
    it is kept unless its first creation failed."""
    disposable = flag(around.disposable, key=DISPOSABLE_CONTEXT)
    if removal_policy is not None:
        return removal_policy
    return cdk.RemovalPolicy.DESTROY if disposable else cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def switch_of(value: object, *, argument: str) -> bool:
    """A yes or no; anything else would count as yes."""
    if not isinstance(value, bool):
        raise ArgumentError(f"{argument} is {value!r}", details=["allowed: True, False"])
    return value


def text_of(value: object, *, argument: str) -> str | None:
    """A text, or none."""
    if value is not None and not isinstance(value, str):
        raise ArgumentError(f"{argument} is {value!r}, and must be a text")
    return value


def flag(value: object, *, key: str) -> bool | None:
    """A yes or no from the context, where the command line makes every value a string."""
    if value is None or isinstance(value, bool):
        return value
    if str(value).lower() in {"true", "false"}:
        return str(value).lower() == "true"
    raise ArgumentError(f"the context key {key} is {value!r}", details=["allowed: true, false"])


@cache
def _runtime(name: str) -> lambda_.Runtime:
    return cast("lambda_.Runtime", getattr(lambda_.Runtime, f"PYTHON_{name.removeprefix('python').replace('.', '_')}"))


@cache
def _architecture(name: ArchitectureName) -> lambda_.Architecture:
    return lambda_.Architecture.ARM_64 if name == "arm64" else lambda_.Architecture.X86_64


def runtimes_of(names: Sequence[str]) -> list[lambda_.Runtime]:
    """The CDK's own constants: a function's runtime must equal one in every property, not only in name."""
    return [_runtime(name) for name in names]


def architectures_of(names: Sequence[ArchitectureName]) -> list[lambda_.Architecture]:
    return [_architecture(name) for name in ARCHITECTURES if name in names]
