"""Exact wheels -> a folder with them unpacked, in a container."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from layer_constructs.building import uv
from layer_constructs.building.cache import Cache
from layer_constructs.building.containers import agent
from layer_constructs.building.containers.engine import Image
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.containers.uv_there import uv_for
from layer_constructs.building.containers.work import Job, work
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.process import Pipe, Run, clean_environment, pipe, run
from layer_constructs.building.target import Target
from layer_constructs.building.unsafe import SAY_SO, pylock_of, refuse_unsafe
from layer_constructs.building.wheel import LockedWheel, check_local
from layer_constructs.errors import ContainerError, LayerError

# Ends the log if the installation itself fails, not the engine or a hook.
_LABEL = "the installation of the wheels"

# The host's cache and keyring are not in the container.
_ONLY_HERE = frozenset({"UV_CACHE_DIR", "UV_KEYRING_PROVIDER"})

# So many packages name a layer in an error.
_MOST_NAMES = 3


def install_there(
    wheels: Sequence[LockedWheel],
    image: Image,
    target: Target,
    options: ContainerOptions,
    *,
    into: Path,
    log: Path,
    cache: Cache,
    indexes: Indexes,
    failure: Callable[[str], LayerError],
    run: Run = run,
    pipe: Pipe = pipe,
) -> None:
    """Unpack exactly these wheels, each checked against its hash; `install.install` does the same on the host.

    Wheels from an index are fetched in the container, local ones are sent along.

    :param log: where everything that was said in the container is kept.
    :param failure: what uv's words mean (`locking.uv_errors.installation_failure`).
    :raises LayerError: of ``failure``, if uv fails.
    :raises HashMismatchError: if a local wheel is not the one that was locked.
    :raises BuildError: if a file of a wheel would leave its folder.
    :raises EngineError: if the engine can't run a container.
    :raises ContainerError: if a hook fails.
    """
    into.mkdir(parents=True, exist_ok=True)
    if not wheels:
        return
    files: dict[str, Path | bytes] = {"bin/uv": uv_for(target, cache=cache, run=run)}
    for number, wheel in enumerate(wheels):
        if wheel.path is not None:
            check_local(wheel)
            files[_place(number, wheel)] = wheel.path
    there = [_there(number, wheel) for number, wheel in enumerate(wheels)]
    files["pylock.layer.toml"] = pylock_of(there).encode()
    command = uv.install_arguments(
        target, pylock="{root}/pylock.layer.toml", into="{root}/out", offline=False, python="{python}"
    )
    asking = {
        name: value
        for name, value in clean_environment().items()
        if name.upper().startswith("UV_") and name.upper() not in _ONLY_HERE
    }
    job = Job(
        files=files,
        commands=[(_LABEL, ["{root}/bin/uv", *command])],
        environment={
            **uv.DEFAULTS, **asking, **indexes.without_folders().uv_environment(), **SAY_SO,
            "UV_CACHE_DIR": "{root}/uv",
        },
    )  # fmt: skip
    try:
        work(
            job, image, target, options,
            into=into, log=log, needed_by=needed_by(wheels), secrets=indexes.secrets, run=run, pipe=pipe,
        )  # fmt: skip
    except ContainerError as error:
        *said, last = log.read_text(encoding="utf-8").splitlines() or [""]
        if last != _LABEL:
            raise
        text = "\n".join(said)
        refuse_unsafe(text, wheels, target, indexes=indexes, run=run)
        raise failure(text) from error
    refuse_unsafe(log.read_text(encoding="utf-8"), wheels, target, indexes=indexes, run=run)


def needed_by(wheels: Sequence[LockedWheel]) -> str:
    """Who asks for the container, for the errors: the first packages, and how many more."""
    names = [f"{wheel.name}=={wheel.version}" for wheel in wheels]
    more = len(names) - _MOST_NAMES
    return ", ".join(names if more <= 0 else [*names[:_MOST_NAMES], f"{more} more"])


def _place(number: int, wheel: LockedWheel) -> str:
    return f"wheels/{number}/{wheel.filename}"


def _there(number: int, wheel: LockedWheel) -> LockedWheel:
    """The wheel as the container finds it: by a URL, since a `Path` of this host may have other separators."""
    if wheel.path is None:
        return wheel
    return replace(wheel, path=None, index=None, url=f"file://{agent.ROOT}/{quote(_place(number, wheel))}")
