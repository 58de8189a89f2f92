"""A real container engine with the images of `tests/engine/prepare`."""

from __future__ import annotations

import shutil
import subprocess

import pytest

ENGINE = "podman"


def is_there(image: str) -> bool:
    return subprocess.run([ENGINE, "image", "exists", image], check=False).returncode == 0


def needs_images(*images: str) -> None:
    """Skip the test where one of them is missing, and say how to have it."""
    if not shutil.which(ENGINE):
        pytest.skip("no container engine here: tests/engine/prepare installs one")
    for image in images:
        if not is_there(image):
            pytest.skip(f"no image {image} here: tests/engine/prepare makes it")
