"""What a user says of a layer's dependencies, as it was said: nothing is read yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.contents import Contents


class Dependencies(NamedTuple):
    """What a user says of a layer's dependencies.

    :param requirements: relative to the working directory, as in the CDK.
    :param lock: another place for the lock than beside the file. A file that is its own lock gets one only there: it
        has the same versions, and a place for what a container builds.
    :param locked: never make or change the lock; None means on a CI system.
    :param contents: what of the packages goes in.
    :param runtime_versions: what the user knows of the packages that the runtime ships.
    :param bytecode: compile the modules with the Python that the lock names, if ``contents`` names none.
    """

    requirements: Path
    lock: Path | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    locked: bool | None = None
    build_local_projects: bool = False
    bundling: Bundling = Bundling()
    contents: Contents = Contents()
    bytecode: bool = False
    runtime_versions: Mapping[str, str] = {}
