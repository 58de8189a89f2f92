"""Small layers of made-up packages, quickly built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from layer_constructs import PythonDepsLayer
from tests.support.wheels import make_wheel

if TYPE_CHECKING:
    from constructs import Construct

PYTHON = lambda_.Runtime.PYTHON_3_13


class MakeLayer(Protocol):
    def __call__(
        self, scope: Construct, name: str, packages: Mapping[str, str] = ..., **more: Any
    ) -> PythonDepsLayer: ...


@pytest.fixture
def make_layer(tmp_path: Path) -> MakeLayer:
    """A layer of wheels whose content follows from name and version: ``{"alpha": "1.0"}``.

    ``extra`` are files that go into the first of them.
    """

    def make(
        scope: Construct,
        name: str,
        packages: Mapping[str, str] | None = None,
        extra: Mapping[str, bytes] | None = None,
        tag: str = "py3-none-any",
        **more: Any,
    ) -> PythonDepsLayer:
        folder = tmp_path / f"wheels-{name}"
        for package, version in (packages or {"alpha": "1.0"}).items():
            files = {f"{package}/__init__.py": f"__version__ = '{version}'\n".encode(), **(extra or {})}
            make_wheel(folder, package, version, files=files, tag=tag)
        requirements = tmp_path / f"{name}.txt"
        wheels = sorted(folder.glob("*.whl"))
        requirements.write_text("".join(f"./wheels-{name}/{wheel.name}\n" for wheel in wheels), encoding="utf-8")
        return PythonDepsLayer(scope, name, requirements=requirements, runtime=more.pop("runtime", PYTHON), **more)

    return make


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    return cdk.App(outdir=str(tmp_path / "cdk.out"))


@pytest.fixture
def stack(app: cdk.App) -> cdk.Stack:
    return cdk.Stack(app, "Stack")
