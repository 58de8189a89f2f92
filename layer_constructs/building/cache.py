"""The content-addressed store of finished layers, in the user's cache folder.

An entry appears by one rename, so a process killed at any point leaves nothing that is served. What is served is
verified: by the file's size, times and inode on every hit, and by its full hash where one of those changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from layer_constructs.errors import CacheError, LayerError

DIRECTORY_VARIABLE = "LAYER_CONSTRUCTS_CACHE_DIR"

_ARCHIVE = "layer.zip"
_FACTS = "layer.json"
_SEEN = "seen.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One distribution in a layer; ``size`` in bytes, unzipped."""

    version: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerFacts:
    """What is known of a finished layer; sizes in bytes."""

    digest: str
    sha256: str
    size: int
    unzipped_size: int
    packages: Mapping[str, Package]


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
        self.root = root.expanduser().absolute()
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        """A verified layer, or None; a damaged entry is taken out of the way."""
        folder = self._folder(digest)
        archive = folder / _ARCHIVE
        try:
            status = archive.lstat()
        except OSError:
            if folder.exists():  # half an entry would be in the way of a whole one
                self._discard(folder)
            return None
        facts = _read_facts(folder / _FACTS, digest)
        if facts is not None and stat.S_ISREG(status.st_mode) and status.st_size == facts.size:
            signature = _signature(status)
            if _read(folder / _SEEN) == signature:
                return CachedLayer(archive=archive, facts=facts)
            if _sha256(archive) == facts.sha256:
                _note(folder / _SEEN, signature)
                return CachedLayer(archive=archive, facts=facts)
        self._discard(folder)
        return None

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """One process at a time does what ``name`` stands for."""
        from filelock import FileLock

        path = self.root / "locks" / f"{name}.lock"
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            held = FileLock(path)
            held.acquire()
        except OSError as error:
            raise _unusable(self.root, error) from error
        try:
            yield
        finally:
            held.release()

    def obtain(self, digest: str, make: Callable[[Path], LayerFacts]) -> CachedLayer:
        """The layer of ``digest``, made at most once however many processes ask.

        :param make: writes ``layer.zip`` into the folder it is given, which is thrown away if it fails.
        """
        found = self.find(digest)
        if found:
            return found
        with self.lock(digest):
            found = self.find(digest)  # another process may have made it meanwhile
            if found:
                return found
            try:
                with self.scratch(digest) as work:
                    facts = make(work)
                    entry = work / "entry"
                    entry.mkdir(mode=0o700)
                    os.replace(work / _ARCHIVE, entry / _ARCHIVE)
                    (entry / _FACTS).write_text(json.dumps(asdict(facts), indent=1), encoding="utf-8")
                    folder = self._folder(digest)
                    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    os.replace(entry, folder)
                    _note(folder / _SEEN, _signature((folder / _ARCHIVE).lstat()))
            except OSError as error:
                raise _unusable(self.root, error) from error
        return CachedLayer(archive=folder / _ARCHIVE, facts=facts)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """An empty folder that is gone afterwards, beside the entries so that a rename can move things there.

        What a killed process left under the same name is removed: the caller holds the lock of that name.
        """
        parent = self.root / "tmp"
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in parent.glob(f"{name}.*"):
            shutil.rmtree(leftover, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=parent))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def value(self, kind: str, key: str, make: Callable[[], dict[str, str]]) -> dict[str, str]:
        """Something small that is worth keeping, by the hash of what it was made from."""
        path = self.root / kind / key[:2] / f"{key}.json"
        kept = _read(path)
        if isinstance(kept, dict):
            return kept
        made = make()
        _note(path, made)
        return made

    def file(self, kind: str, key: str, name: str, make: Callable[[Path], Path]) -> Path:
        """A file whose sha256 is ``key``, made into a scratch folder if it isn't there."""
        path = self.root / kind / key / name
        if path.is_file() and _sha256(path) == key:
            return path
        with self.lock(key), self.scratch(key) as work:
            made = make(work)
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.replace(made, path)
            except OSError as error:
                raise _unusable(self.root, error) from error
        return path

    def layers(self) -> list[tuple[Path, int, float]]:
        """Every entry's folder, its size in bytes and when it was last made or verified, oldest first."""
        found = []
        for archive in (self.root / "layers").glob(f"*/*/{_ARCHIVE}"):
            folder = archive.parent
            try:
                size = sum(file.stat().st_size for file in folder.iterdir())
                used = max(file.stat().st_mtime for file in folder.iterdir())
            except OSError:
                continue
            found.append((folder, size, used))
        return sorted(found, key=lambda entry: entry[2])

    def prune(self, *, keep_newer_than: float, everything: bool = False) -> tuple[int, int]:
        """Remove entries last used before a time (seconds since the epoch); how many, and their bytes."""
        count = freed = 0
        for folder, size, used in self.layers():
            if everything or used < keep_newer_than:
                self._discard(folder)
                count, freed = count + 1, freed + size
        if everything:
            for kind in ("wheels", "exports"):
                shutil.rmtree(self.root / kind, ignore_errors=True)
        return count, freed

    def _folder(self, digest: str) -> Path:
        return self.root / "layers" / digest[:2] / digest

    def _discard(self, folder: Path) -> None:
        """Take an entry out of sight at once, then delete it."""
        try:
            (self.root / "tmp").mkdir(mode=0o700, exist_ok=True)
            away = Path(tempfile.mkdtemp(prefix="discarded.", dir=self.root / "tmp"))
            os.replace(folder, away / "entry")
            shutil.rmtree(away, ignore_errors=True)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unusable(self.root, error) from error


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


def _signature(status: os.stat_result) -> list[int]:
    # The change time can't be set back by a program, so an edit that restores size and mtime still shows.
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _read_facts(path: Path, digest: str) -> LayerFacts | None:
    facts = _read(path)
    try:
        if not isinstance(facts, dict) or facts["digest"] != digest:
            return None
        packages = {name: Package(**package) for name, package in facts["packages"].items()}
        return LayerFacts(**{**facts, "packages": packages})
    except (KeyError, TypeError, AttributeError):
        return None


def _read(path: Path) -> object:
    try:
        loaded: object = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return loaded


def _note(path: Path, value: object) -> None:
    """Write a small file at once; a cache that can't be written any more is no reason to fail."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file)
        os.replace(temporary, path)
    except OSError:
        return


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
