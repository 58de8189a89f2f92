"""Who builds wheels from source distributions, as the user wishes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache
from layer_constructs.building.containers.builder import ContainerBuilder
from layer_constructs.building.host_builder import HostBuilder
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.sdist import BuildImage
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import WheelUnavailableError


def builder_of(
    bundling: Bundling,
    *,
    cache: Cache,
    indexes: Indexes,
    pinned: Mapping[Target, BuildImage],
    report: Report = to_stderr,
    run: Run = run,
) -> ContainerBuilder | HostBuilder | None:
    """:param pinned: the images that a lock records.
    :returns: None if nothing may be built.
    """
    if not bundling.builds:
        return None
    if bundling.mode == "local":
        return HostBuilder(options=bundling.options, cache=cache, indexes=indexes, report=report, run=run)
    return ContainerBuilder(
        options=bundling.options, cache=cache, indexes=indexes, pinned=pinned, report=report, run=run
    )


def with_cached_file(wheel: LockedWheel, target: Target, *, cache: Cache) -> LockedWheel:
    """A built wheel with its path, where nothing may be built.

    :raises WheelUnavailableError: if it isn't in the cache.
    """

    def make(_: Path) -> Path:
        raise WheelUnavailableError(
            package=f"{wheel.name}=={wheel.version}",
            target=str(target),
            reason="there is only a source distribution, and bundling=Bundling.local() never starts a container",
            fix="let a container build it with bundling=Bundling.auto(), or pin a version that has a wheel",
        )

    return wheel.at(cache.file("wheels", wheel.sha256, wheel.filename, make))
