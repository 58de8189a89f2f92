"""What was built for a runtime, and what still has to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.locking.licences import licence_of_file
from layer_constructs.building.locking.missing import changes
from layer_constructs.building.locking.pins import LockedFile, Pins
from layer_constructs.building.locking.sources import Builder
from layer_constructs.building.sdist import BuildImage, LockedSdist
from layer_constructs.building.target import ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel


def with_known_builds(pins: Pins, before: Pins | None) -> Pins:
    """``pins`` with the wheels that were built of the same source distributions before."""
    if before is None:
        return pins

    def known(architecture: ArchitectureName, file: LockedFile) -> LockedFile:
        if not isinstance(file, LockedSdist):
            return file
        for other in before.wheels.get(architecture, ()):
            if isinstance(other, LockedWheel) and other.built and other.built.sdist.sha256 == file.sha256:
                return replace(other, index=file.index, built=replace(other.built, sdist=file))
        return file

    wheels = {a: tuple(known(a, file) for file in files) for a, files in pins.wheels.items()}
    return replace(pins, wheels=wheels, images=before.images, bytecode=before.bytecode)


def with_builds(
    pins: Pins,
    runtime: str,
    architectures: Iterable[ArchitectureName],
    *,
    builder: Builder,
    bundling: Bundling,
    rebuild: bool = False,
) -> Pins:
    """``pins`` with everything built that ``architectures`` need and that was not built in this image yet.

    A wheel without compiled code serves the other architecture too. An image in which nothing was built is forgotten.

    :param bundling: where it is built; with docker, the image is named also where nothing has to be built.
    :param rebuild: build also what was built in this image.
    :raises LayerError: if something can't be built.
    """
    wheels, images = dict(pins.wheels), dict(pins.images)
    always = bundling.mode == "docker"
    for architecture in architectures:
        files = wheels.get(architecture, ())
        before = images.get(architecture)
        target = Target(runtime, architecture)
        complete = not any(isinstance(file, LockedSdist) for file in files)
        if before and not rebuild and complete and not changes(before, bundling, target):
            continue  # without asking the engine
        sources = [None if before is None and not rebuild and _serves(file) else _sdist(file) for file in files]
        first = next((sdist for sdist in sources if sdist), None)
        if first is None and not (always and files):
            continue
        image = builder.image(target, needed_by=first.label if first else files[0].name)
        same = not rebuild and _same(before, image)
        images[architecture] = before if same and before else image
        done = tuple(
            file
            if sdist is None or (same and isinstance(file, LockedWheel))
            else _without_path(builder, sdist, target, again=rebuild)
            for file, sdist in zip(files, sources, strict=True)
        )
        wheels[architecture] = done
        pure = {w.built.sdist.sha256: w for w in done if isinstance(w, LockedWheel) and w.built and w.is_pure}
        for other in wheels.keys() - {architecture}:
            wheels[other] = tuple(pure.get(f.sha256, f) if isinstance(f, LockedSdist) else f for f in wheels[other])
    used = {a for a, files in wheels.items() if always or any(isinstance(f, LockedWheel) and f.built for f in files)}
    return replace(pins, wheels=wheels, images={a: image for a, image in images.items() if a in used})


def _sdist(file: LockedFile) -> LockedSdist | None:
    if isinstance(file, LockedSdist):
        return file
    return file.built.sdist if file.built else None


def _serves(file: LockedFile) -> bool:
    """Whether it was built for another architecture and is good for this one."""
    return isinstance(file, LockedWheel) and file.built is not None and file.is_pure


def _without_path(builder: Builder, sdist: LockedSdist, target: Target, *, again: bool) -> LockedWheel:
    # Where it lies on this machine is nothing for a lock.
    wheel = builder.wheel(sdist, target, again=again)
    return replace(wheel, path=None, license=licence_of_file(wheel.path) if wheel.path else None)


def _same(before: BuildImage | None, now: BuildImage) -> bool:
    # The id of a local image differs from machine to machine: what is built there is compared by its hash anyway.
    return before is not None and replace(before, id=None) == replace(now, id=None)
