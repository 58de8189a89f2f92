"""The content-addressed store of finished layers, in the user's cache folder.

An entry appears by one rename, so a process killed at any point leaves nothing that is served. What is served is
verified: by the file's size, times and inode on every hit, and by its full hash where one of those changed. Only who
holds the lock of a digest takes its entry away, so that nobody's fresh entry goes with somebody's damaged one.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from layer_constructs.building import sealed_file
from layer_constructs.building.cache_folder import CacheFolder, delete, last_use, note_use, sha256_of, unusable
from layer_constructs.building.layer_facts import LayerFacts

_ARCHIVE = "layer.zip"
_FACTS = "layer.json"
_SEEN = "seen.json"


class CachedLayer(NamedTuple):
    """A finished layer whose archive was verified just now."""

    archive: Path
    facts: LayerFacts


class Cache(CacheFolder):
    """A folder with finished layers by digest.

    :raises CacheError: if the folder can't be made, or others can write to it.
    """

    def find(self, digest: str) -> CachedLayer | None:
        """A verified layer, or None if there is none or it is damaged."""
        folder = self._folder(digest)
        archive, seen = folder / _ARCHIVE, folder / _SEEN
        facts = LayerFacts.read(folder / _FACTS, digest=digest)
        if facts is None:
            return None
        try:
            status = archive.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_size != facts.size:
                return None
            signature = _signature(status)
            if sealed_file.read(seen) == signature:
                note_use(seen)
            elif sha256_of(archive) == facts.sha256:
                sealed_file.note(seen, signature)
            else:
                return None
        except OSError:
            return None
        return CachedLayer(archive=archive, facts=facts)

    def obtain(self, digest: str, make: Callable[[Path], LayerFacts]) -> CachedLayer:
        """The layer of ``digest``, made at most once however many processes ask.

        :param make: writes ``layer.zip`` into the folder it is given, which is thrown away if it fails, and into
            ``beside`` there what is to be kept beside it.
        """
        found = self.find(digest)
        if found:
            return found
        with self.lock(digest):
            found = self.find(digest)  # another process may have made it meanwhile
            if found:
                return found
            folder = self._folder(digest)
            try:
                _remove(folder, by_way_of=self.made("tmp"))  # damaged, or find would have served it
                with self.scratch(digest) as work:
                    facts = make(work)
                    entry = work / "entry"
                    entry.mkdir(mode=0o700)
                    (work / _ARCHIVE).replace(entry / _ARCHIVE)
                    for extra in work.glob("beside/*"):
                        extra.replace(entry / extra.name)
                    facts.write(entry / _FACTS)
                    sealed_file.write(entry / _SEEN, _signature((entry / _ARCHIVE).lstat()))
                    self.made("layers", digest[:2])
                    entry.replace(folder)
            except OSError as error:
                raise unusable(self.root, error) from error
        return CachedLayer(archive=folder / _ARCHIVE, facts=facts)

    def layers(self) -> list[tuple[Path, int, float]]:
        """Every entry's folder, its size in bytes and when it was last used (to the day), oldest first."""
        found = []
        for folder in (self.root / "layers").glob("*/*"):
            try:
                files = [file.stat() for file in folder.iterdir()]
            except OSError:
                continue
            used = max((file.st_mtime for file in files), default=0.0)
            found.append((folder, sum(file.st_size for file in files), used))
        return sorted(found, key=lambda entry: entry[2])

    def prune(self, *, keep_newer_than: float, everything: bool = False) -> tuple[int, int]:
        """Remove entries last used before a time (seconds since the epoch); how many, and their bytes.

        What killed processes left goes too; what a running one works on stays.
        """
        count = freed = 0
        try:
            for folder, size, used in self.layers():
                if everything or used < keep_newer_than:
                    _remove(folder, by_way_of=self.made("tmp"))
                    count, freed = count + 1, freed + size
            self.sweep()
            for path in (self.root / "plans").glob("*"):
                if everything or last_use(path) < keep_newer_than:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise unusable(self.root, error) from error
        if everything:
            for kind in ("wheels", "sdists", "built", "logs", "exports", "projects", "tools"):
                shutil.rmtree(self.root / kind, ignore_errors=True)
        return count, freed

    def _folder(self, digest: str) -> Path:
        return self.root / "layers" / digest[:2] / digest


def _signature(status: os.stat_result) -> dict[str, int]:
    # The change time can't be set back by a program, so an edit that restores size and mtime still shows.
    return {
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
        "inode": status.st_ino,
    }


def _remove(folder: Path, *, by_way_of: Path) -> None:
    """Take an entry out of sight at once, then delete it."""
    import uuid  # seldom; a cache hit can do without it

    away = by_way_of / f"discarded.{uuid.uuid4().hex}"
    try:
        folder.replace(away)
    except (FileNotFoundError, NotADirectoryError):
        return
    delete(away)
