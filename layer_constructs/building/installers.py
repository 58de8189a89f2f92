"""Where wheels are installed: on this machine, or in a container."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

from layer_constructs.building import install as local
from layer_constructs.building.cache import Cache
from layer_constructs.building.containers.builder import ContainerBuilder
from layer_constructs.building.containers.installation import install_there, needed_by
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.indexes import keyring
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.locking import uv_errors
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.sdist import BuildImage
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel


class Installer(Protocol):
    """Unpacks exactly these wheels into a folder, each checked against its hash."""

    keeps_unpacked: ClassVar[bool]
    """What was unpacked is kept for the next time, where others can edit it."""

    def install(self, wheels: Sequence[LockedWheel], *, into: Path, again: bool = False) -> None:
        """:param again: over what is there already."""

    def install_anew(self, edited: Mapping[LockedWheel, Sequence[str]], *, into: Path) -> None:
        """The same over what is there already, of nothing that was kept.

        :param edited: the paths of the files of which something else was kept than their wheel has.
        """

    def forget(self, name: str) -> None:
        """Keep nothing of that package any longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalInstaller:
    """On this machine."""

    keeps_unpacked: ClassVar[bool] = True

    target: Target
    work: Path
    indexes: Indexes
    run: Run = run

    def install(self, wheels: Sequence[LockedWheel], *, into: Path, again: bool = False) -> None:
        local.install(
            wheels,
            self.target,
            into=into,
            work=self.work,
            indexes=self.indexes,
            again=again,
            run=self.run,
        )

    def install_anew(self, edited: Mapping[LockedWheel, Sequence[str]], *, into: Path) -> None:
        local.install_anew(edited, self.target, into=into, work=self.work, indexes=self.indexes, run=self.run)

    def forget(self, name: str) -> None:
        local.forget(name, work=self.work, run=self.run)


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerInstaller:
    """In a container of the target's image; what comes out overwrites what is there.

    :param pinned: the image that the lock records.
    """

    keeps_unpacked: ClassVar[bool] = False

    options: ContainerOptions
    pinned: BuildImage | None
    target: Target
    cache: Cache
    indexes: Indexes
    report: Report = to_stderr
    run: Run = run

    def install(self, wheels: Sequence[LockedWheel], *, into: Path, again: bool = False) -> None:  # noqa: ARG002
        pinned = {self.target: self.pinned} if self.pinned else {}
        builder = ContainerBuilder(
            options=self.options,
            cache=self.cache,
            indexes=self.indexes,
            pinned=pinned,
            report=self.report,
            run=self.run,
        )
        image = builder.real_image(self.target, needed_by=needed_by(wheels))
        self.report(f"installing in {image.reference}")
        install_there(
            wheels,
            image,
            self.target,
            self.options,
            into=into,
            log=self.cache.folder("logs") / f"install-{self.target.runtime}-{self.target.architecture}.log",
            cache=self.cache,
            indexes=keyring.resolved(self.indexes, os.environ, self.run),
            failure=partial(uv_errors.installation_failure, indexes=self.indexes),
            run=self.run,
        )

    def install_anew(self, edited: Mapping[LockedWheel, Sequence[str]], *, into: Path) -> None:
        self.install(tuple(edited), into=into)

    def forget(self, name: str) -> None:
        """Nothing was kept: uv's cache goes with the container."""
