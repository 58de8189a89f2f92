"""Which licence each locked wheel is under: recorded when it is locked, since a template must not wait for a build."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPResponse
from pathlib import Path

from layer_constructs.building.indexes.download import index_of
from layer_constructs.building.indexes.http import Http, Status
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.inventory.licences import licence_of_metadata
from layer_constructs.building.locking.pins import LockedFile, Pins
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import IndexUnavailableError

_THREADS = 16

# What a page of metadata may have, in bytes: whole manuals stand in some.
_MOST = 4 * 1024 * 1024


def with_licences(
    pins: Pins, before: Iterable[Pins], *, indexes: Indexes, environ: Mapping[str, str] | None = None
) -> Pins:
    """``pins`` with the licence of each wheel, as far as its metadata say one.

    Asked beside the wheel (PEP 658), so that none is fetched for it; an index that has no metadata there leaves the
    licence unknown, as does one that doesn't answer: that must not keep anybody from locking.
    """
    known = {
        file.sha256: file.license
        for answer in before
        for files in answer.wheels.values()
        for file in files
        if isinstance(file, LockedWheel) and file.license
    }
    http = Http(os.environ if environ is None else environ)

    def licence(wheel: LockedWheel) -> str | None:
        if wheel.sha256 in known:
            return known[wheel.sha256]
        if wheel.path:
            return licence_of_file(wheel.path)
        metadata = _of_index(wheel, indexes, http)
        return licence_of_metadata(metadata) if metadata else None

    asked = {file.sha256: file for files in pins.wheels.values() for file in files if isinstance(file, LockedWheel)}
    with ThreadPoolExecutor(_THREADS) as pool:
        found = dict(zip(asked, pool.map(licence, asked.values()), strict=True))

    def licensed(file: LockedFile) -> LockedFile:
        return replace(file, license=found[file.sha256]) if isinstance(file, LockedWheel) else file

    return replace(pins, wheels={a: tuple(map(licensed, files)) for a, files in pins.wheels.items()})


def licence_of_file(wheel: Path) -> str | None:
    """What the metadata in a wheel say; None if they can't be read, which the build will say."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".dist-info/METADATA") and name.count("/") == 1:
                    return licence_of_metadata(archive.read(name))
    except (OSError, zipfile.BadZipFile):
        pass
    return None


def _of_index(wheel: LockedWheel, indexes: Indexes, http: Http) -> bytes | None:
    if wheel.url is None or wheel.project or wheel.built or not wheel.url.startswith("http"):
        return None

    def read(response: HTTPResponse) -> bytes:
        return response.read(_MOST)

    try:
        answer, _ = http.get(
            f"{wheel.url}.metadata", index=index_of(wheel.url, wheel.index, indexes), accept="*/*", read=read
        )
    except IndexUnavailableError:
        return None
    return None if isinstance(answer, Status) else answer
