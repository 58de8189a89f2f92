"""What locking needs of whoever builds wheels from source distributions."""

from __future__ import annotations

import email.parser
import json
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from queue import Queue
from threading import Lock
from typing import Any, Protocol

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from layer_constructs.building.cache import Cache
from layer_constructs.building.sdist import BuildImage, LockedSdist
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import BuildError, LayerError


class Builder(Protocol):
    """The seam at which tests put a fake."""

    def image(self, target: Target, *, needed_by: str) -> BuildImage:
        """In what wheels are built."""

    def wheel(self, sdist: LockedSdist, target: Target, *, again: bool = False) -> LockedWheel:
        """The wheel with its path, and how it was built.

        :param again: build it also if it was built before.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """What a resolver asks of a distribution (core metadata)."""

    name: str
    version: str
    requires: tuple[str, ...]
    requires_python: str | None
    extras: tuple[str, ...]


@dataclass(kw_only=True)
class Sources:
    """Gives a resolver the metadata of packages that have to be built, by building them.

    :param target: for which they are built: what a package needs is the same on every target.
    :param known: wheels that were built before; what of them is in the cache is not built to be read.
    """

    builder: Builder
    target: Target
    cache: Cache
    known: Sequence[LockedWheel] = ()
    _known: dict[str, Metadata] = field(default_factory=dict)
    _asked: Queue[tuple[LockedSdist, Future[Metadata]] | None] = field(default_factory=Queue)
    _stopped: bool = False
    _lock: Lock = field(default_factory=Lock)

    def metadata(self, sdist: LockedSdist) -> Metadata:
        """Ask from one of the threads of :meth:`serve`, and wait.

        :raises LayerError: if it can't be built.
        """
        answer: Future[Metadata] = Future()
        with self._lock:
            if self._stopped:
                raise CancelledError
            self._asked.put((sdist, answer))
        return answer.result()

    def serve(self, askers: Collection[Future[Any]]) -> None:
        """Answer until every asker is done.

        In the thread that calls it, which is the one that Ctrl-C interrupts: a build is stopped there and then.
        """
        for asker in askers:
            asker.add_done_callback(lambda _: self._asked.put(None))
        waiting: Future[Metadata] | None = None
        left = len(askers)
        try:
            while left:
                asked = self._asked.get()
                if asked is None:
                    left -= 1
                    continue
                sdist, waiting = asked
                try:
                    waiting.set_result(self._read(sdist))
                except LayerError as error:
                    waiting.set_exception(error)
        except BaseException:
            self._stop(waiting)
            raise

    def _stop(self, waiting: Future[Metadata] | None) -> None:
        """Let nobody wait for what will not come."""
        with self._lock:
            self._stopped = True
        while waiting or not self._asked.empty():
            if waiting and not waiting.done():
                waiting.set_exception(CancelledError())
            asked = None if self._asked.empty() else self._asked.get()
            waiting = asked[1] if asked else None

    def _read(self, sdist: LockedSdist) -> Metadata:
        known = self._known.get(sdist.sha256)
        if known is None:
            wheel = self._kept(sdist) or self.builder.wheel(sdist, self.target)
            known = self._known[sdist.sha256] = metadata_of(wheel)
        return known

    def _kept(self, sdist: LockedSdist) -> LockedWheel | None:
        for wheel in self.known:
            if wheel.built and wheel.built.sdist.sha256 == sdist.sha256:
                path = self.cache.kept_file("wheels", wheel.sha256, wheel.filename)
                if path:
                    return wheel.at(path)
        return None


def metadata_of(wheel: LockedWheel) -> Metadata:
    """The core metadata in a wheel on this machine.

    :raises BuildError: if there is none.
    """
    assert wheel.path is not None  # noqa: S101 - a built wheel
    try:
        with zipfile.ZipFile(wheel.path) as archive:
            [place] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and "/" in name]
            message = email.parser.BytesParser().parsebytes(archive.read(place))
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise BuildError(f"{wheel.filename} was built, and its metadata can't be read: {error}") from error
    requires, requires_python = message.get_all("Requires-Dist") or [], message.get("Requires-Python")
    try:  # what follows reads all of it at once and couldn't say whose it is
        for requirement in requires:
            Requirement(requirement)
        SpecifierSet(requires_python or "")
    except ValueError as error:
        raise BuildError(
            f"{wheel.filename} was built, and its metadata is not valid: {str(error).splitlines()[0]}",
            fix=f"choose another version of {wheel.name}",
        ) from error
    return Metadata(
        name=wheel.name,
        version=wheel.version,
        requires=tuple(requires),
        requires_python=requires_python,
        extras=tuple(message.get_all("Provides-Extra") or ()),
    )


def as_uv_configuration(names: Iterable[str], known: Mapping[tuple[str, str], Metadata]) -> str:
    """A ``uv.toml`` that answers for these packages, so that uv asks no build backend.

    A version whose metadata isn't known yet needs nothing, as far as uv is told: it is asked again when it is known.
    """
    lines = []
    for metadata in known.values():
        lines += [
            "[[dependency-metadata]]",
            f"name = {json.dumps(metadata.name)}",
            f"version = {json.dumps(metadata.version)}",
            f"requires-dist = {json.dumps(list(metadata.requires))}",
            f"provides-extra = {json.dumps(list(metadata.extras))}",
        ]
        if metadata.requires_python:
            lines.append(f"requires-python = {json.dumps(metadata.requires_python)}")
    for name in sorted(names):
        lines += ["[[dependency-metadata]]", f"name = {json.dumps(name)}"]
    return "\n".join(lines) + "\n"
