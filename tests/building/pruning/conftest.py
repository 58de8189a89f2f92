"""Real trees: what uv installs, of the index or of small wheels."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from layer_constructs.building import tree
from layer_constructs.building.tree import Tree

Install = Callable[..., tuple[Path, Tree]]


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """``install("numpy", "--no-deps", ...)``: a new layer folder and its tree, for the Python that runs the tests."""

    def install(*arguments: str | Path) -> tuple[Path, Tree]:
        root = tmp_path_factory.mktemp("layer") / "root"
        done = subprocess.run(
            [
                Path(sys.executable).with_name("uv"), "pip", "install", "-q", "--no-config", "--no-build",
                "--link-mode", "copy", "--no-installer-metadata", "--python", sys.executable,
                "--target", root / "python", *arguments,
            ],
            env=os.environ,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return root, tree.normalise(root)

    return install
