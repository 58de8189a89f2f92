"""What a function runs on, where that is known."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs.errors import ArgumentError

# What the CDK calls the runtime of a function whose code is a container image.
_IMAGE = "FROM_IMAGE"


def target_of_function(function: lambda_.IFunction, *, otherwise: str) -> tuple[str, str]:
    """The names of a function's runtime and architecture.

    :param otherwise: what to write instead where the function doesn't tell them.
    :raises ArgumentError: if it isn't known what they are, or it is a function that can't have layers.
    """
    runtime, architecture = getattr(function, "runtime", None), getattr(function, "architecture", None)
    if not isinstance(runtime, lambda_.Runtime):
        raise ArgumentError(
            f"{_path(function)} doesn't tell its runtime: it is imported, an alias or a version, or no function",
            fix=f"name the function itself, or use {otherwise}",
        )
    if runtime.name == _IMAGE:
        raise ArgumentError(
            f"{_path(function)} is a container image, and such a function can't have layers",
            fix="put the packages into the image",
        )
    if not isinstance(architecture, lambda_.Architecture) or any(
        cdk.Token.is_unresolved(one.name) for one in (runtime, architecture)
    ):
        raise ArgumentError(
            f"the runtime or architecture of {_path(function)} is a token, and only known when it is deployed",
            fix=f"use {otherwise}",
        )
    return runtime.name, architecture.name


def _path(function: object) -> str:
    node = getattr(function, "node", None)
    return str(node.path) if node is not None else repr(function)
