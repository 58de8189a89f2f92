"""What users pass for a released layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from layer_constructs.errors import ArgumentError
from layer_constructs.sharing.tokens import is_token

_Value = TypeVar("_Value")


def check_version(version: object) -> None:
    """:raises ArgumentError: for anything but a number from 1 on."""
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:  # tokens of numbers are below
        shown = "a token" if is_token(version) else repr(version)
        raise ArgumentError(
            f"version is {shown}",
            details=["allowed: a number from 1 on, known at synth"],
            fix="write version=7, or for the newest at each deployment ReleasedLayer.from_latest_at_deploy(...)",
        )


def constants_of(values: Sequence[_Value], wanted: type[_Value], argument: str, example: str) -> list[_Value]:
    """:raises ArgumentError: for anything but a list of them that isn't empty."""
    given: object = values
    if isinstance(given, list | tuple) and given and all(isinstance(value, wanted) for value in given):
        return list(values)
    shown = given[0] if argument in {"runtime", "architecture"} and isinstance(given, list) else given
    fix = example if argument in {"runtime", "architecture"} else f"[{example}]"
    raise ArgumentError(f"{argument} is {shown!r}", fix=f"write {argument}={fix}")
