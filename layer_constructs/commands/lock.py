"""`layer-constructs lock`: pins requirements files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from layer_constructs.building.builders import builder_of
from layer_constructs.building.bundling import MODES, Bundling, Mode
from layer_constructs.building.cache import Cache
from layer_constructs.building.contents import Contents
from layer_constructs.building.dependencies import Dependencies, lock_request, to_lock
from layer_constructs.building.locking.freshness import check as check_lock
from layer_constructs.building.locking.freshness import load, lock_name
from layer_constructs.building.locking.lock import Lock
from layer_constructs.building.locking.lock_request import ANY_PATCH
from layer_constructs.building.locking.pins import Upgrade
from layer_constructs.building.locking.relock import relock
from layer_constructs.building.target import (
    ARCHITECTURES,
    DEFAULT_ARCHITECTURE,
    DEFAULT_RUNTIME,
    ArchitectureName,
    Target,
)


@click.command()
@click.argument("requirements", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--runtime", "runtimes", multiple=True, help="A runtime to lock, such as python3.13; may be repeated.")
@click.option("--lock", type=click.Path(path_type=Path), help="Where the lock lies; by default beside the file.")
@click.option("--extra", "extras", multiple=True, help="An extra of a pyproject.toml; may be repeated.")
@click.option("--group", "groups", multiple=True, help="A dependency group of a pyproject.toml; may be repeated.")
@click.option("--upgrade", is_flag=True, help="Let go of every pin and resolve to the newest that fits.")
@click.option("--upgrade-package", multiple=True, metavar="NAME", help="Let go of one package's pin; may be repeated.")
@click.option("--exclude-newer", metavar="DATE",
              help="Consider only files uploaded before this date (UTC) or RFC 3339 time; stays in force.")  # fmt: skip
@click.option("--build-local-projects", is_flag=True, help="Build ./local projects by their own build backend.")
@click.option("--architecture", "architectures", multiple=True, type=click.Choice(ARCHITECTURES),
              help="Build what has no wheel for this one (--check: see that it was); may be repeated.")  # fmt: skip
@click.option("--bundling", type=click.Choice(MODES), default="auto", show_default=True,
              help="What builds packages that have no wheel.")  # fmt: skip
@click.option("--build-sdists", is_flag=True, help="With --bundling local: build them here, which runs their code.")
@click.option("--image", help="The container's image; by default the runtime's bundling image.")
@click.option("--command-hook", "command_hooks", multiple=True, metavar="COMMAND",
              help="Run this in the container before a build; may be repeated.")  # fmt: skip
@click.option("--build-constraint", "build_constraints", multiple=True, metavar="REQUIREMENT",
              help="Hold a build backend, such as 'setuptools<81'; may be repeated.")  # fmt: skip
@click.option("--bytecode", metavar="VERSION",
              help="Name the Python that compiles the modules: 3.13.5, or 'any' that is there.")  # fmt: skip
@click.option("--rebuild", is_flag=True, help="Build anew what was built, and lock what comes of it.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a lock is missing or stale.")
def lock(
    requirements: tuple[Path, ...],
    runtimes: tuple[str, ...],
    lock: Path | None,
    extras: tuple[str, ...],
    groups: tuple[str, ...],
    upgrade: bool,
    upgrade_package: tuple[str, ...],
    exclude_newer: str | None,
    build_local_projects: bool,
    architectures: tuple[ArchitectureName, ...],
    bundling: Mode,
    build_sdists: bool,
    image: str | None,
    command_hooks: tuple[str, ...],
    build_constraints: tuple[str, ...],
    bytecode: str | None,
    rebuild: bool,
    check: bool,
) -> None:
    """Pin REQUIREMENTS in pylock.NAME.toml beside it; nothing changes where nothing changed."""

    if check and (upgrade or upgrade_package or exclude_newer or rebuild):
        raise click.UsageError(
            "--check only looks; it goes with none of --upgrade, --upgrade-package, --exclude-newer, --rebuild"
        )
    if bundling == "local" and (image or command_hooks):
        raise click.UsageError("--bundling local starts no container: it goes with neither --image nor --command-hook")
    if build_sdists and bundling != "local":
        raise click.UsageError("--build-sdists goes with --bundling local")
    made = Bundling.auto(image=image, command_hooks=command_hooks, build_constraints=build_constraints)
    if lock and len(requirements) > 1:
        raise click.UsageError("--lock names one lock, so name one requirements file")
    for path in requirements:
        _lock_one(
            Dependencies(
                requirements=path,
                lock=lock,
                extras=extras,
                groups=groups,
                build_local_projects=build_local_projects,
                bundling=replace(made, mode=bundling, build_sdists=build_sdists),
                contents=Contents(bytecode=bytecode if bytecode != ANY_PATCH else None),
                bytecode=bytecode == ANY_PATCH,
            ),
            runtimes=runtimes,
            upgrade=Upgrade(everything=upgrade, packages=upgrade_package) if upgrade or upgrade_package else None,
            exclude_newer=exclude_newer,
            architectures=architectures,
            rebuild=rebuild,
            check=check,
        )


def _lock_one(
    dependencies: Dependencies,
    *,
    runtimes: tuple[str, ...],
    upgrade: Upgrade | None,
    exclude_newer: str | None,
    architectures: tuple[ArchitectureName, ...],
    rebuild: bool,
    check: bool,
) -> None:

    path = dependencies.requirements
    cache = Cache.default()
    file = to_lock(dependencies, cache=cache)
    if file is None:
        click.echo(f"{path}: is its own lock")
        return
    request = lock_request(dependencies, file, environ=os.environ)
    named = [Target(runtime).runtime for runtime in runtimes]

    def wanted(there: Lock | None) -> list[str]:
        return named or (list(there.runtimes) if there else []) or [DEFAULT_RUNTIME]

    if check:
        check_lock(request, wanted(load(request)), architectures)
        click.echo(f"{request.path}: is fresh")
        return
    with cache.lock(lock_name(request.path)):
        there = load(request)  # here, since another process may have changed it while this one waited
        builder = builder_of(
            request.bundling, cache=cache, indexes=request.indexes, pinned=there.images if there and not rebuild else {}
        )
        changed = relock(
            request,
            wanted(there),
            needed=architectures or _built_for(there),
            lock=there,
            upgrade=upgrade,
            exclude_newer=exclude_newer,
            rebuild=rebuild,
            builder=builder,
            cache=cache,
        )
    if not changed:
        click.echo(f"{request.path}: nothing changed")


def _built_for(lock: Lock | None) -> list[ArchitectureName]:
    """The architectures for which a lock has built wheels; the default one if there are none."""
    return sorted({target.architecture for target in lock.images}) if lock and lock.images else [DEFAULT_ARCHITECTURE]
