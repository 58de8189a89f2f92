"""What is in an asset on disk: names and sizes, and the content only where it is asked for."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from layer_constructs.layers.templates import asset_hash

# What stands for a layer that isn't built, see staging.py.
_NOT_BUILT = {"NOT_BUILT.txt"}

# Where Lambda's Python looks below `/opt`, and in a function's own code.
_INFO = re.compile(
    r"(?:python/(?:lib/python3\.\d+/site-packages/)?|)(?P<name>[^/-]+)-(?P<version>[^/-]+)\.dist-info/[^/]+"
)


class Content:
    """The files of a zip or folder.

    :param path: None for code that stands in the template.
    :param size: bytes, unzipped, if they are known already.
    :param packages: versions by normalised name, if they are known already.
    """

    def __init__(
        self, path: Path | None, *, size: int | None = None, packages: Mapping[str, str] | None = None
    ) -> None:
        self.path = path
        self._size = size
        self._packages = packages

    @property
    def size(self) -> int:
        return self._size if self._size is not None else sum(size for size, _ in self.files.values())

    @cached_property
    def packages(self) -> Mapping[str, str]:
        if self._packages is not None:
            return self._packages
        from packaging.utils import canonicalize_name  # what is in our own layers is known

        found = (_INFO.fullmatch(name) for name in self.files)
        return {canonicalize_name(each["name"]): each["version"] for each in found if each}

    @cached_property
    def files(self) -> Mapping[str, tuple[int, int | None]]:
        """Size and checksum of each file; a folder's files have no checksum until one is asked for."""
        if self.path is None:
            return {}
        if self.path.is_dir():
            return {name: (size, None) for name, size in _walk(os.fspath(self.path), "")}
        with zipfile.ZipFile(self.path) as archive:
            return {info.filename: (info.file_size, info.CRC) for info in archive.infolist() if not info.is_dir()}

    def differs(self, name: str, other: Content) -> bool:
        """Whether a file that both have is not the same."""
        return self.files[name][0] != other.files[name][0] or self._checksum(name) != other._checksum(name)

    def _checksum(self, name: str) -> int:
        known = self.files[name][1]
        if known is not None or self.path is None:
            return known or 0
        return zlib.crc32((self.path / name).read_bytes())


def content_of(value: Mapping[str, Any] | None, outdir: Path) -> Content | None:
    """What a function's ``Code`` or a layer's ``Content`` names; None if it isn't on this machine.

    :param outdir: where the app's assets are.
    """
    if not value:
        return None
    inline = value.get("ZipFile")
    if isinstance(inline, str):
        return Content(None, size=len(inline.encode()))
    named = asset_hash(value)
    for path in (outdir / f"asset.{named}.zip", outdir / f"asset.{named}"):
        if named and path.exists():
            content = Content(path)
            try:
                return None if content.files.keys() <= _NOT_BUILT else content
            except (OSError, zipfile.BadZipFile):
                return None
    return None


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/")
            else:
                yield f"{prefix}{entry.name}", entry.stat(follow_symlinks=False).st_size
