"""uv for a container: the version that is installed here, for the container's architecture."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from pathlib import Path

from layer_constructs.building import uv
from layer_constructs.building.cache import Cache
from layer_constructs.building.process import Run, run
from layer_constructs.building.target import Target
from layer_constructs.errors import ContainerError


def uv_for(target: Target, *, cache: Cache, run: Run = run) -> Path:
    """A uv that runs on any Linux of the target's architecture with glibc 2.17 or newer; fetched once from PyPI.

    :raises ContainerError: if it can't be fetched.
    """
    if sys.platform == "linux" and platform.machine() == target.machine:
        return Path(uv.binary())
    version = importlib.metadata.version("uv")
    name = f"uv-{version}-{target.machine}"
    place = cache.folder("tools") / name
    with cache.lock(name):
        if not place.is_dir():
            with cache.scratch(name) as work:
                arguments = [
                    "pip", "install", f"uv=={version}", "--target", str(work / "uv"),
                    "--python-platform", f"{target.machine}-manylinux_2_17",
                    "--python", sys.executable, "--only-binary", ":all:", "--no-deps", "--no-config",
                ]  # fmt: skip
                done = uv.call(arguments, run=run, environment={}, secrets=(), cwd=work)
                if done.returncode != 0:
                    raise ContainerError(
                        f"uv {version} for {target.machine} can't be fetched", details=done.stderr.splitlines()[-5:]
                    )
                (work / "uv").replace(place)
    return place / "bin" / "uv"
