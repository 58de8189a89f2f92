"""Source distribution -> wheel for a target, built at most once and compared when it is built again."""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from packaging.utils import canonicalize_name, parse_wheel_filename

from layer_constructs.building.cache import Cache
from layer_constructs.building.indexes.download import download
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.sdist import BuildImage, Built, LockedSdist
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import BuildError, HashMismatchError

# Moved when the same source and image would give another wheel.
_FORMAT = 1

# What makes two builds of one source the same: no date of today, no order by chance
# (https://reproducible-builds.org/docs/source-date-epoch/, PYTHONHASHSEED).
SAME = {"SOURCE_DATE_EPOCH": "315532800", "PYTHONHASHSEED": "0"}

# Makes uv say which versions it chose for the environment of a build backend.
SAY_CHOSEN = "RUST_LOG=uv_resolver::resolver=debug"
_CHOSEN = re.compile(r"^DEBUG Selecting: (\S+==[^\s\[]+)", re.MULTILINE)


class SdistBuilder(ABC):
    """Keeps what it builds in the cache, by source, image, target and options."""

    def __init__(self, *, cache: Cache, constraints: Sequence[str]) -> None:
        self._cache = cache
        self._constraints = tuple(constraints)
        self._one_at_a_time = Lock()

    @abstractmethod
    def image(self, target: Target, *, needed_by: str) -> BuildImage:
        """In what wheels for ``target`` are built.

        :param needed_by: who asks, for the errors.
        """

    @abstractmethod
    def _build(self, sdist: LockedSdist, target: Target, constraints: Sequence[str], work: Path) -> tuple[Path, str]:
        """The wheel, somewhere in ``work``, and the log."""

    def wheel(self, sdist: LockedSdist, target: Target, *, again: bool = False) -> LockedWheel:
        """The wheel of ``sdist`` with its path.

        :param again: build it also if it was built before.
        :raises LayerError: if it can't be built.
        """
        with self._one_at_a_time:
            key = _key(sdist, target, self.image(target, needed_by=sdist.label))

            def make() -> dict[str, str]:
                with self._cache.scratch(name) as work:
                    path, log = self._build(sdist, target, self._constraints, work)
                    sha256 = _sha256(path)
                    self._cache.file("wheels", sha256, path.name, lambda _: path)
                return {"wheel": path.name, "sha256": sha256, "backend": " ".join(sorted(set(_CHOSEN.findall(log))))}

            name = f"built-{key}"
            with self._cache.lock(name):
                known = make() if again else self._cache.value("built", key, make)
        wheel = _locked(sdist, known["wheel"], known["sha256"], tuple(known["backend"].split()))
        return self.with_file(wheel, target)

    def with_file(self, wheel: LockedWheel, target: Target) -> LockedWheel:
        """A built wheel with its path: from the cache, or built again with the same backend and compared.

        :raises HashMismatchError: if what is built now is not what was locked.
        """
        built = wheel.built
        if built is None:
            return wheel

        def make(work: Path) -> Path:
            path, _ = self._build(built.sdist, target, built.backend, work)
            actual = _sha256(path)
            if actual != wheel.sha256:
                kept = self._cache.file("wheels", actual, path.name, lambda _: path)
                image = self.image(target, needed_by=built.sdist.label)
                raise _differs(wheel, image, actual=actual, kept=kept)
            return path

        return wheel.at(self._cache.file("wheels", wheel.sha256, wheel.filename, make))

    def _fetched(self, sdist: LockedSdist, indexes: Indexes) -> Path:
        """The file of a source distribution, checked against its hash."""

        def make(work: Path) -> Path:
            into = work / sdist.filename
            url = sdist.path.as_uri() if sdist.path else sdist.url or ""
            download(url, sdist.sha256, of=sdist.index, indexes=indexes, into=into)
            return into

        return self._cache.file("sdists", sdist.sha256, sdist.filename, make)


def _key(sdist: LockedSdist, target: Target, image: BuildImage) -> str:
    content = image.digest or image.id or image.reference
    parts = [_FORMAT, sdist.sha256, str(target), content, image.options]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _locked(sdist: LockedSdist, filename: str, sha256: str, backend: tuple[str, ...]) -> LockedWheel:
    name, version = parse_wheel_filename(filename)[:2]
    if canonicalize_name(name) != sdist.name or str(version) != sdist.version:
        raise BuildError(f"{sdist.label} was built, and what came of it is {filename}")
    return LockedWheel(
        name=sdist.name,
        version=sdist.version,
        filename=filename,
        sha256=sha256,
        index=sdist.index,
        built=Built(sdist=sdist, backend=backend),
    )


def _differs(wheel: LockedWheel, image: BuildImage, *, actual: str, kept: Path) -> HashMismatchError:
    return HashMismatchError(
        f"{wheel.name}=={wheel.version} was built again in {image.reference}, and came out different from the wheel "
        "that was locked",
        details=[f"locked sha256: {wheel.sha256}", f"its sha256:    {actual}", f"the new wheel: {kept}"],
        fix="pin the image by digest, and the versions that command_hooks install; then lock again with --rebuild, "
        "or build the wheel once and publish it",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
