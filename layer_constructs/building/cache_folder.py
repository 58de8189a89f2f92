"""A folder of the user's own in which processes keep things by kind and key, and never half-made."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from layer_constructs.building import sealed_file
from layer_constructs.errors import CacheError, LayerError

DIRECTORY_VARIABLE = "LAYER_CONSTRUCTS_CACHE_DIR"

# How stale the note of an entry's last use may get: a hit writes nothing more often than that.
_USE_NOTED_AFTER = 24 * 3600.0


class CacheFolder:
    """Locks, folders to work in, and small things that are kept by kind and key.

    :raises CacheError: if the folder can't be made, or others can write to it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        try:
            self.root = root.expanduser().absolute()
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except RuntimeError as error:  # `~name` of a user that isn't there
            raise unusable(self.root, OSError(str(error))) from error
        except OSError as error:
            raise unusable(self.root, error) from error
        _refuse_what_others_can_write(self.root)

    @classmethod
    def default(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The one that ``LAYER_CONSTRUCTS_CACHE_DIR`` names, or the user's own."""
        named = (os.environ if environ is None else environ).get(DIRECTORY_VARIABLE)
        if named:
            return cls(Path(named))
        from platformdirs import user_cache_path

        return cls(user_cache_path("layer-constructs", appauthor=False))

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """One process at a time does what ``name`` stands for."""
        from filelock import FileLock

        try:
            held = FileLock(self.made("locks") / f"{name}.lock")
            held.acquire()
        except OSError as error:
            raise unusable(self.root, error) from error
        try:
            yield
        finally:
            held.release()

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """An empty folder that is gone afterwards, beside the entries so that a rename can move things there.

        What a killed process left under the same name is removed: the caller holds the lock of that name.
        """
        try:
            parent = self.made("tmp")
            for leftover in parent.glob(f"{name}.*"):
                delete(leftover)
            work = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=parent))
        except OSError as error:
            raise unusable(self.root, error) from error
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
            self.made(kind, key[:2])
            sealed_file.note(path, made)
        return made

    def kept_value(self, kind: str, key: str) -> dict[str, Any] | None:
        """What :meth:`keep_value` was given; None if there is nothing, or what is there was damaged."""
        path = self.root / kind / f"{key}.json"
        kept = sealed_file.read(path)
        if kept is not None:
            note_use(path)
        return kept

    def keep_value(self, kind: str, key: str, value: dict[str, Any], *, most: int) -> None:
        """Keep something small by a key, in place of what was kept by it before.

        :param most: of a kind there are no more than about so many; the oldest half goes when there are.
        :raises OSError: if the folder can't be made.
        """
        folder = self.made(kind)
        there = list(folder.iterdir())
        if len(there) >= most:
            for path in sorted(there, key=last_use)[: most // 2]:
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
                    self.made(kind, key)
                    made.replace(path)
        except OSError as error:
            raise unusable(self.root, error) from error
        return path

    def kept_file(self, kind: str, key: str, name: str) -> Path | None:
        """A file that :meth:`file` would give without making it."""
        path = self.root / kind / key / name
        try:
            return path if _is_file_of(path, key) else None
        except OSError as error:
            raise unusable(self.root, error) from error

    def folder(self, kind: str) -> Path:
        """The folder of one kind of thing, made where it is missing."""
        try:
            return self.made(kind)
        except OSError as error:
            raise unusable(self.root, error) from error

    def sweep(self) -> None:
        """Remove the scratch folders whose maker is gone: nobody holds the lock of their name."""
        from filelock import FileLock, Timeout

        for leftover in (self.root / "tmp").glob("*"):
            lock = FileLock(self.made("locks") / f"{leftover.name.rpartition('.')[0]}.lock")
            with suppress(Timeout), lock.acquire(timeout=0):
                delete(leftover)

    def made(self, *parts: str) -> Path:
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


def unusable(root: Path, error: OSError) -> LayerError:
    return CacheError(
        f"the cache folder {root} can't be used: {error.strerror or error}",
        fix=f"make room or give yourself the right to write there, or name another with {DIRECTORY_VARIABLE}",
    )


def note_use(seen: Path) -> None:
    with suppress(OSError):
        if time.time() - seen.stat().st_mtime > _USE_NOTED_AFTER:
            os.utime(seen)


def last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process took it away
        return 0.0


def delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_file_of(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path) == sha256


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
