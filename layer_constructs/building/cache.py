"""The content-addressed store of finished layers, in the user's cache folder.

An entry appears by one rename, so a process killed at any point leaves nothing that is served. What is served is
verified: by the file's size, times and inode on every hit, and by its full hash where one of those changed. Only who
holds the lock of a digest takes its entry away, so that nobody's fresh entry goes with somebody's damaged one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layer_constructs.building import sealed_file
from layer_constructs.building.layer_facts import LayerFacts
from layer_constructs.errors import CacheError, LayerError

DIRECTORY_VARIABLE = "LAYER_CONSTRUCTS_CACHE_DIR"

_ARCHIVE = "layer.zip"
_FACTS = "layer.json"
_SEEN = "seen.json"

# How stale the note of an entry's last use may get: a hit writes nothing more often than that.
_USE_NOTED_AFTER = 24 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedLayer:
    """A finished layer whose archive was verified just now."""

    archive: Path
    facts: LayerFacts


class Cache:
    """A folder with finished layers by digest.

    :raises CacheError: if the folder can't be made, or others can write to it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        try:
            self.root = root.expanduser().absolute()
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except RuntimeError as error:  # `~name` of a user that isn't there
            raise _unusable(self.root, OSError(str(error))) from error
        except OSError as error:
            raise _unusable(self.root, error) from error
        _refuse_what_others_can_write(self.root)

    @classmethod
    def default(cls, environ: Mapping[str, str] | None = None) -> Cache:
        """The one that ``LAYER_CONSTRUCTS_CACHE_DIR`` names, or the user's own."""
        named = (os.environ if environ is None else environ).get(DIRECTORY_VARIABLE)
        if named:
            return cls(Path(named))
        from platformdirs import user_cache_path

        return cls(user_cache_path("layer-constructs", appauthor=False))

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
                _note_use(seen)
            elif _sha256(archive) == facts.sha256:
                sealed_file.note(seen, signature)
            else:
                return None
        except OSError:
            return None
        return CachedLayer(archive=archive, facts=facts)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """One process at a time does what ``name`` stands for."""
        from filelock import FileLock

        try:
            held = FileLock(self._made("locks") / f"{name}.lock")
            held.acquire()
        except OSError as error:
            raise _unusable(self.root, error) from error
        try:
            yield
        finally:
            held.release()

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
                _remove(folder, by_way_of=self._made("tmp"))  # damaged, or find would have served it
                with self.scratch(digest) as work:
                    facts = make(work)
                    entry = work / "entry"
                    entry.mkdir(mode=0o700)
                    (work / _ARCHIVE).replace(entry / _ARCHIVE)
                    for extra in work.glob("beside/*"):
                        extra.replace(entry / extra.name)
                    facts.write(entry / _FACTS)
                    sealed_file.write(entry / _SEEN, _signature((entry / _ARCHIVE).lstat()))
                    self._made("layers", digest[:2])
                    entry.replace(folder)
            except OSError as error:
                raise _unusable(self.root, error) from error
        return CachedLayer(archive=folder / _ARCHIVE, facts=facts)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """An empty folder that is gone afterwards, beside the entries so that a rename can move things there.

        What a killed process left under the same name is removed: the caller holds the lock of that name.
        """
        try:
            parent = self._made("tmp")
            for leftover in parent.glob(f"{name}.*"):
                _delete(leftover)
            work = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=parent))
        except OSError as error:
            raise _unusable(self.root, error) from error
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def value(self, kind: str, key: str, make: Callable[[], dict[str, str]]) -> dict[str, str]:
        """Something small that is worth keeping, by the hash of what it was made from."""
        path = self.root / kind / key[:2] / f"{key}.json"
        kept = sealed_file.read(path)
        if kept is not None:
            return kept
        made = make()
        with suppress(OSError):  # a cache that can't be written any more is no reason to fail
            self._made(kind, key[:2])
            sealed_file.note(path, made)
        return made

    def kept_value(self, kind: str, key: str) -> dict[str, Any] | None:
        """What :meth:`keep_value` was given; None if there is nothing, or what is there was damaged."""
        path = self.root / kind / f"{key}.json"
        kept = sealed_file.read(path)
        if kept is not None:
            _note_use(path)
        return kept

    def keep_value(self, kind: str, key: str, value: dict[str, Any], *, most: int) -> None:
        """Keep something small by a key, in place of what was kept by it before.

        :param most: of a kind there are no more than about so many; the oldest half goes when there are.
        :raises OSError: if the folder can't be made.
        """
        folder = self._made(kind)
        there = list(folder.iterdir())
        if len(there) >= most:
            for path in sorted(there, key=_last_use)[: most // 2]:
                path.unlink(missing_ok=True)
        sealed_file.note(folder / f"{key}.json", value)

    def file(self, kind: str, key: str, name: str, make: Callable[[Path], Path]) -> Path:
        """A file whose sha256 is ``key``, made into a scratch folder if it isn't there."""
        path = self.root / kind / key / name
        try:
            if _is_file_of(path, key):
                return path
            with self.lock(key), self.scratch(key) as work:
                if not _is_file_of(path, key):  # another process may have made it meanwhile
                    made = make(work)
                    self._made(kind, key)
                    made.replace(path)
        except OSError as error:
            raise _unusable(self.root, error) from error
        return path

    def kept_file(self, kind: str, key: str, name: str) -> Path | None:
        """A file that :meth:`file` would give without making it."""
        path = self.root / kind / key / name
        try:
            return path if _is_file_of(path, key) else None
        except OSError as error:
            raise _unusable(self.root, error) from error

    def folder(self, kind: str) -> Path:
        """The folder of one kind of thing, made where it is missing."""
        try:
            return self._made(kind)
        except OSError as error:
            raise _unusable(self.root, error) from error

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
                    _remove(folder, by_way_of=self._made("tmp"))
                    count, freed = count + 1, freed + size
            self._sweep()
            for path in (self.root / "plans").glob("*"):
                if everything or _last_use(path) < keep_newer_than:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self.root, error) from error
        if everything:
            for kind in ("wheels", "sdists", "built", "logs", "exports", "projects", "tools"):
                shutil.rmtree(self.root / kind, ignore_errors=True)
        return count, freed

    def _sweep(self) -> None:
        """Remove the scratch folders whose maker is gone: nobody holds the lock of their name."""
        from filelock import FileLock, Timeout

        for leftover in (self.root / "tmp").glob("*"):
            lock = FileLock(self._made("locks") / f"{leftover.name.rpartition('.')[0]}.lock")
            with suppress(Timeout), lock.acquire(timeout=0):
                _delete(leftover)

    def _folder(self, digest: str) -> Path:
        return self.root / "layers" / digest[:2] / digest

    def _made(self, *parts: str) -> Path:
        """A folder below the root, made where it is missing, and for the user alone whatever the umask."""
        folder = self.root
        for part in parts:
            folder /= part
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _refuse_what_others_can_write(root: Path) -> None:
    if os.name != "posix":
        return
    status = root.stat()
    if status.st_uid not in {0, os.geteuid()}:
        problem, fix = "belongs to another user", f"name one of your own with {DIRECTORY_VARIABLE}"
    elif status.st_mode & 0o022:
        problem, fix = "can be written by others", f"chmod go-w {root}, after a look at what is in it"
    else:
        return
    raise CacheError(f"the cache folder {root} {problem}, so nothing in it can be trusted", fix=fix)


def _unusable(root: Path, error: OSError) -> LayerError:
    return CacheError(
        f"the cache folder {root} can't be used: {error.strerror or error}",
        fix=f"make room or give yourself the right to write there, or name another with {DIRECTORY_VARIABLE}",
    )


def _signature(status: os.stat_result) -> dict[str, int]:
    # The change time can't be set back by a program, so an edit that restores size and mtime still shows.
    return {
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
        "inode": status.st_ino,
    }


def _note_use(seen: Path) -> None:
    with suppress(OSError):
        if time.time() - seen.stat().st_mtime > _USE_NOTED_AFTER:
            os.utime(seen)


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process took it away
        return 0.0


def _remove(folder: Path, *, by_way_of: Path) -> None:
    """Take an entry out of sight at once, then delete it."""
    import uuid  # seldom; a cache hit can do without it

    away = by_way_of / f"discarded.{uuid.uuid4().hex}"
    try:
        folder.replace(away)
    except (FileNotFoundError, NotADirectoryError):
        return
    _delete(away)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_file_of(path: Path, sha256: str) -> bool:
    return path.is_file() and _sha256(path) == sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
