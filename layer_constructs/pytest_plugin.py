"""The fixture ``lambda_runtime``: people's own tests run their functions with the layers that will be deployed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from layer_constructs.emulation.runtime import LambdaRuntime


class LambdaRuntimes(Protocol):
    """What the fixture is: a function of an app in, something that runs it out."""

    def __call__(self, app: Any, function: Any, **options: Any) -> LambdaRuntime:
        """See `LambdaRuntime.of` for the options.

        :param app: a synthesised app's folder (``cdk.out``), or an app, stage, stack or any construct in it, which is
            synthesised now.
        :param function: the function's construct, or its path, logical id or name.
        """


@pytest.fixture(scope="session")
def lambda_runtime() -> LambdaRuntimes:
    """``lambda_runtime(app, "Stack/Function").invoke({"a": 1}).response``"""

    def runtime(app: Any, function: Any, **options: Any) -> LambdaRuntime:
        from layer_constructs.emulation.runtime import LambdaRuntime

        name = function if isinstance(function, str) else function.node.path
        return LambdaRuntime.of(_outdir(app), name, **options)

    return runtime


def _outdir(app: Any) -> Path:
    if isinstance(app, str | os.PathLike):
        return Path(app)
    node = getattr(app, "node", None)
    if node is None:
        from layer_constructs.errors import ArgumentError

        raise ArgumentError(
            f"a {type(app).__name__} doesn't say where its assets are",
            details=["allowed: the folder of a synthesised app, or an app, stage, stack or another construct"],
        )
    return Path(node.root.synth().directory)
