"""What a lock doesn't name yet of what is built: looked at on every synth, so it imports little and asks nobody."""

from __future__ import annotations

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.containers.image_name import image_name
from layer_constructs.building.locking.lock import Lock
from layer_constructs.building.sdist import HOST, BuildImage, LockedSdist
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel

# Each would undo the other's lock.
_TWO_LAYERS = "if two layers of one file differ in bundling, give one of them a lock of its own with lock="


def missing_builds(lock: Lock, target: Target, bundling: Bundling) -> list[str]:
    """What keeps a lock from being used for ``target`` as it is, one line each; asks no engine."""
    if target.architecture in lock.runtimes[target.runtime] or not bundling.builds:
        return []
    if bundling.mode != "docker" and not any(package.sdist for package in lock.document.packages):
        return []  # nothing to build, as is most often so
    files = lock.select(target)
    missing = [f"no wheel of {file.label} was built for {target}" for file in files if isinstance(file, LockedSdist)]
    compiled = any(isinstance(file, LockedWheel) and file.built and not file.is_pure for file in files)
    if compiled or bundling.mode == "docker":
        missing += changes(lock.images.get(target), bundling, target)
    return missing


def changes(before: BuildImage | None, bundling: Bundling, target: Target) -> list[str]:
    """How what is recorded differs from what is asked for, in words."""
    name = HOST if bundling.mode == "local" else image_name(bundling.options, target)
    if before is None:
        return [f"no image is locked for {target}"]
    if before.reference != name:
        return [f"the image for {target}: {before.reference} became {name}", _TWO_LAYERS]
    if before.options != bundling.options.fingerprint:
        return [f"the options of the container for {target} changed", _TWO_LAYERS]
    return []
