"""Where consumers find the ARN of a layer version: the names of the SSM parameters, which are frozen.

``{prefix}/{library}/{runtime}/{architecture}/{version}`` for each version, ``.../latest`` for the newest.
"""

from __future__ import annotations

import re

from layer_constructs.errors import ArgumentError

DEFAULT_PREFIX = "/layers/deps"
LATEST = "latest"

# Source: Systems Manager, API reference, PutParameter: 1011 characters with the part of the ARN that stands before the
# name, fifteen levels, letters, digits and `_.-`, and no name that begins with `aws` or `ssm` in either case.
_WITH_ARN = 1011
# `arn:aws-us-gov:ssm:us-gov-west-1:111122223333:parameter` has 55; one limit for every region is easier to keep.
_ARN = 64
LONGEST = _WITH_ARN - _ARN
DEEPEST = 15
_LEVEL = re.compile(r"[a-zA-Z0-9_.-]+")
_RESERVED = ("aws", "ssm")

# Room for the version, which only the deployment knows.
_VERSION_DIGITS = 10


def parameter_folder(*, prefix: str, library: str, runtime: str, architecture: str) -> str:
    """The part of the names that all versions share, ``/layers/deps/core/python3.13/x86_64``.

    :param prefix: begins with ``/``.
    :param library: the layer's name, or what a set is called.
    :raises ArgumentError: if SSM would refuse a name in it: it is malformed, reserved, too deep or too long.
    """
    _check_prefix(prefix)
    levels: dict[str, object] = {"library": library, "runtime": runtime, "architecture": architecture}
    for argument, level in levels.items():
        if not isinstance(level, str) or not _LEVEL.fullmatch(level):
            raise ArgumentError(
                f"{argument} is {level!r}, and can't be part of a parameter's name",
                details=["allowed: letters, digits, '_', '.' and '-'"],
            )
    folder = f"{prefix}/{library}/{runtime}/{architecture}"
    longest = len(folder) + 1 + _VERSION_DIGITS
    if longest > LONGEST:
        raise ArgumentError(
            f"the parameter name {folder}/{LATEST} is too long: {longest} characters with room for a version",
            details=[f"allowed: {LONGEST}, since SSM takes {_WITH_ARN} with the part of its ARN before it"],
            fix="write a shorter parameter_prefix",
        )
    return folder


def _check_prefix(prefix: object) -> None:
    """:raises ArgumentError: with what to write instead."""
    fix = f"write parameter_prefix='{DEFAULT_PREFIX}'"
    if not isinstance(prefix, str) or not prefix.startswith("/"):
        raise ArgumentError(f"parameter_prefix is {prefix!r}, and must begin with '/'", fix=fix)
    levels = prefix.split("/")[1:]
    for level in levels:
        if not _LEVEL.fullmatch(level):
            raise ArgumentError(
                f"parameter_prefix is {prefix!r}, where {level!r} can't be a level",
                details=["allowed: letters, digits, '_', '.' and '-' between slashes, none at the end"],
                fix=fix,
            )
    if levels[0].lower().startswith(_RESERVED):
        raise ArgumentError(
            f"parameter_prefix is {prefix!r}, and AWS keeps names that begin with 'aws' or 'ssm'", fix=fix
        )
    if len(levels) + 4 > DEEPEST:
        raise ArgumentError(
            f"parameter_prefix is {prefix!r}, and has {len(levels)} levels",
            details=[f"allowed: {DEEPEST - 4}, since SSM takes {DEEPEST} and the names below it have 4"],
            fix=fix,
        )
