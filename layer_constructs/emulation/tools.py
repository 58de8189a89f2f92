"""The emulator and the runtime's packages on this machine: fetched once, checked against their hashes, kept."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from layer_constructs.building import uv
from layer_constructs.building.cache import Cache
from layer_constructs.building.indexes.index import read_indexes
from layer_constructs.building.process import Run, run
from layer_constructs.building.reading.requirements import RequirementsFile
from layer_constructs.building.target import ArchitectureName
from layer_constructs.emulation.pins import EMULATOR, EMULATOR_FILES, Pin, runtime_pins
from layer_constructs.errors import ToolFailedError

_MACHINE = {"x86_64": "x86_64", "arm64": "aarch64"}


def emulator(
    architecture: ArchitectureName, *, cache: Cache, environ: Mapping[str, str] | None = None, run: Run = run
) -> Path:
    """AWS's Runtime Interface Emulator, a Linux program without dependencies.

    :raises ToolFailedError: if it isn't in the cache and can't be fetched.
    """
    folder = _installed(
        "AWS's runtime emulator",
        [EMULATOR],
        python="3.13",
        architecture="x86_64",
        cache=cache,
        environ=environ,
        run=run,
    )
    return folder / EMULATOR_FILES[architecture]


def runtime_packages(
    python: str,
    architecture: ArchitectureName,
    *,
    cache: Cache,
    environ: Mapping[str, str] | None = None,
    run: Run = run,
) -> Path:
    """A folder with AWS's runtime client and SDK.

    :param python: such as ``3.13``, one of :data:`pins.PYTHONS`.
    :raises ToolFailedError: if they aren't in the cache and can't be fetched.
    """
    pins = runtime_pins(python, architecture)
    what = f"AWS's runtime client for Python {python}"
    return _installed(what, pins, python=python, architecture=architecture, cache=cache, environ=environ, run=run)


def _installed(
    what: str,
    pins: Sequence[Pin],
    *,
    python: str,
    architecture: ArchitectureName,
    cache: Cache,
    environ: Mapping[str, str] | None,
    run: Run,
) -> Path:
    wanted = "".join(f"{requirement} --hash=sha256:{sha256}\n" for requirement, sha256 in pins)
    name = f"emulation-{hashlib.sha256(wanted.encode()).hexdigest()}"
    place = cache.folder("tools") / name
    if place.is_dir():
        return place
    indexes = read_indexes(RequirementsFile(path=Path(), requirements=()), os.environ if environ is None else environ)
    with cache.lock(name), cache.scratch(name) as work:
        if place.is_dir():  # another process may have made it meanwhile
            return place
        (work / "pinned.txt").write_text(wanted, encoding="utf-8")
        done = uv.call(
            [
                "pip", "install", "--requirements", str(work / "pinned.txt"), "--target", str(work / "made"),
                "--python", sys.executable, "--python-version", python,
                "--python-platform", f"{_MACHINE[architecture]}-manylinux_2_17",
                "--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-config", "--link-mode", "copy",
                *indexes.uv_arguments(),
            ],
            run=run,
            environment=indexes.uv_environment(),
            secrets=indexes.secrets,
            cwd=work,
        )  # fmt: skip
        if done.returncode != 0:
            raise ToolFailedError(
                f"{what} is not in the cache yet, and can't be fetched",
                details=[
                    f"wanted: {', '.join(requirement for requirement, _ in pins)}",
                    *done.stderr.splitlines()[-5:],
                ],
                fix="run this once with access to a package index that has it (PyPI, or what UV_DEFAULT_INDEX names); "
                f"it is kept in {cache.root / 'tools'}",
            )
        (work / "made").replace(place)
    return place
