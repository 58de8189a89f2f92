"""Source distributions -> wheels, built in a container."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from layer_constructs.building.cache import Cache
from layer_constructs.building.containers.engine import Image
from layer_constructs.building.containers.graft import check_loads, graft_command, graft_files
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.containers.uv_there import uv_for
from layer_constructs.building.containers.work import Job, work
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.process import Pipe, Run, pipe, run
from layer_constructs.building.repack import repacked
from layer_constructs.building.sdist_builder import SAME, SAY_CHOSEN
from layer_constructs.building.target import Target
from layer_constructs.errors import ContainerError


@dataclass(frozen=True, kw_only=True, slots=True)
class Sdist:
    """A source distribution on this machine, verified.

    :param label: what the user calls it, such as ``psycopg2==2.9.11``.
    """

    label: str
    path: Path


def build_wheels(
    sdists: Sequence[Sdist],
    image: Image,
    target: Target,
    options: ContainerOptions,
    *,
    into: Path,
    log: Path,
    cache: Cache,
    indexes: Indexes,
    constraints: Iterable[str] = (),
    run: Run = run,
    pipe: Pipe = pipe,
) -> dict[str, Path]:
    """A wheel of each, by label, in one container, with the shared libraries that Lambda lacks in it.

    :param constraints: requirements that hold build backends and what they need.
    :raises ContainerError: naming the package that can't be built, or doesn't load on the target.
    """
    job = Job(
        files={
            "bin/uv": uv_for(target, cache=cache, run=run),
            "constraints.txt": "\n".join(constraints).encode(),
            **graft_files(target),
            **{f"in/{number}/{sdist.path.name}": sdist.path for number, sdist in enumerate(sdists)},
        },
        commands=[
            (sdist.label, command)
            for number, sdist in enumerate(sdists)
            for command in (
                _unpack(number, sdist),
                _build(number, indexes),
                graft_command(f"{{root}}/out/{number}", target, arguments=indexes.uv_arguments()),
            )
        ],
        environment={
            **SAME,
            **indexes.without_folders().uv_environment(),
            "UV_CACHE_DIR": "{root}/uv",
            "UV_PYTHON_DOWNLOADS": "never",
        },
    )  # fmt: skip
    needed_by = ", ".join(sdist.label for sdist in sdists)
    work(
        job, image, target, options,
        into=into, log=log, needed_by=needed_by, secrets=tuple(indexes.secrets), run=run, pipe=pipe,
    )  # fmt: skip
    wheels = {
        sdist.label: repacked(_only_wheel(into / str(number), sdist), into=into / "repacked" / str(number))
        for number, sdist in enumerate(sdists)
    }
    for label, wheel in wheels.items():
        check_loads(wheel, label, image, target, log=log)
    return wheels


# Into a folder that is the same every time, since compilers write it into what they make.
_UNPACK = """
import os, shutil, sys
archive, into = sys.argv[1:]
shutil.unpack_archive(archive, into + ".unpacked")
[folder] = os.listdir(into + ".unpacked")
os.rename(into + ".unpacked/" + folder, into)
"""


def _unpack(number: int, sdist: Sdist) -> list[str]:
    return ["{python}", "-c", _UNPACK, f"{{root}}/in/{number}/{sdist.path.name}", f"{{root}}/source-{number}"]


def _build(number: int, indexes: Indexes) -> list[str]:
    return [
        "/usr/bin/env", SAY_CHOSEN,
        "{root}/bin/uv", "build", "--wheel",
        "--python", "{python}",
        "--build-constraints", "{root}/constraints.txt",
        "--out-dir", f"{{root}}/out/{number}",
        "--no-config", "--no-create-gitignore", *indexes.uv_arguments(),
        f"{{root}}/source-{number}",
    ]  # fmt: skip


def _only_wheel(folder: Path, sdist: Sdist) -> Path:
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ContainerError(f"{sdist.label} was built, and {len(wheels)} wheels came of it")
    return wheels[0]
