"""A folder or file on this machine -> the entry of a layer."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from layer_constructs.building.entry.entry import Entry, EntryFile
from layer_constructs.building.entry.secrets import looks_secret
from layer_constructs.building.globs import excluded
from layer_constructs.building.size import LIMIT, LayerTooLargeError, Savings
from layer_constructs.errors import ArgumentError, BuildError, Where

# What tools and file browsers leave in a folder, and nobody means; the CDK's output changes with every synth.
_NEVER_MEANT = frozenset(
    {"__pycache__", "cdk.out", ".DS_Store", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "Thumbs.db"}
)

_HEAD = 256  # bytes: longer than the line that names a script's interpreter may be


# Folders in one another. What Lambda unpacks has no such limit that AWS names; paths end at 4,096 bytes on Linux.
_DEEPEST = 200

# Stands for whatever may be in a folder.
_ANYTHING = "\0" * 8


@dataclass(frozen=True, slots=True)
class _Found:
    """:param real: what is read: at the end of all links."""

    path: str
    source: Path
    real: Path
    status: os.stat_result


def existing(entry: Path) -> Path:
    """:raises ArgumentError: if there is nothing at ``entry``.
    :raises BuildError: if nobody can tell.
    """
    try:
        there = entry.exists()
    except OSError as error:
        raise _unreadable(error, entry) from error
    if not there:
        raise ArgumentError(
            f"the entry {entry} doesn't exist",
            details=[f"looked for: {Path(os.path.abspath(entry))}"],  # noqa: PTH100 - resolve() would follow links
            fix="write a path relative to the working directory, as in the CDK",
        )
    return entry


def read_entry(
    entry: Path, *, into: str, exclude: Sequence[str] = (), left_out: Callable[[str], bool] = lambda _: False
) -> Entry:
    """Read the files of a folder, or one file.

    What is at the end of a symbolic link goes in as a copy. Bytecode and what file browsers leave stays out. What
    ``exclude`` takes isn't looked at.

    :param into: the folder of the layer that they go to; empty for its root.
    :param exclude: globs relative to ``entry``, with the rules of a ``.gitignore``.
    :param left_out: names of files that stay out besides.
    :raises ArgumentError: if there is nothing there, or a glob is none.
    :raises BuildError: for a virtual environment, a repository, a link that leads out, a file that can't be read or
        changes meanwhile, and if nothing is left.
    :raises LayerTooLargeError: if it is more than Lambda takes; nothing of it is read then.
    """
    existing(entry)
    walk = _Walk(entry, exclude)
    try:
        found = sorted((each for each in walk.files() if not left_out(each.source.name)), key=lambda each: each.path)
    except OSError as error:
        raise _unreadable(error, entry) from error
    if not found:
        problem = f"exclude leaves nothing of {entry}" if walk.used else f"the entry {entry} has no files"
        raise BuildError(problem, details=[f"looked in: {entry.resolve()}"], fix="name a folder with files in it")
    _refuse_too_large(found)
    secrets: dict[str, str] = {}
    files = []
    for each in found:
        content = _content(each.source)
        path = f"{into}/{each.path}" if into else each.path
        secret = looks_secret((path, walk.named(each.real)), content)
        if secret:
            secrets[path] = secret
        head = content[:_HEAD]
        files.append(
            EntryFile(
                path=path,
                source=each.source,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                executable=is_executable(each.status.st_mode, head, kept=os.name == "posix"),
                head=head,
            )
        )
    return Entry(
        path=entry,
        into=into,
        files=tuple(files),
        empty=tuple(walk.empty),
        unmatched=tuple(glob for glob in dict.fromkeys(exclude) if glob not in walk.used),
        secrets=secrets,
    )


class _Walk:
    """:ivar empty: folders in which nothing is at all.
    :ivar used: globs that matched.
    """

    def __init__(self, entry: Path, exclude: Sequence[str]) -> None:
        self._entry, self._exclude = entry, exclude
        self._top = Path(os.path.realpath(entry))
        self.empty: list[str] = []
        self.used: set[str] = set()

    def named(self, real: Path) -> str:
        """A file's path, with the name of the folder that all of it is in."""
        above = self._top.parent if self._top.is_dir() else self._top.parent.parent
        return real.relative_to(above).as_posix()

    def files(self) -> Iterator[_Found]:
        if self._entry.is_dir():
            yield from self._inside(self._entry, "", (self._top,))
        elif not self._match(self._entry.name):
            status = _regular(self._entry, self._entry.stat())
            yield _Found(self._entry.name, self._entry, self._top, status)

    def _inside(self, folder: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[_Found]:
        """:param above: the real folders that it is in, and its own."""
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names only
        if not names and prefix:
            self.empty.append(prefix.removesuffix("/"))
        if "pyvenv.cfg" in names:
            raise self._refused(prefix.removesuffix("/"), "is a virtual environment")
        if len(above) > _DEEPEST:
            raise self._refused(prefix.partition("/")[0], f"has more than {_DEEPEST} folders in one another")
        for name in names:
            path, here = f"{prefix}{name}", folder / name
            status = here.lstat()
            is_link = stat.S_ISLNK(status.st_mode)
            is_folder = here.is_dir() if is_link else stat.S_ISDIR(status.st_mode)
            if name in _NEVER_MEANT:
                continue
            if self._match(f"{path}/{_ANYTHING}" if is_folder else path):
                if is_folder and not is_link:
                    self._match_below(here, path)
                continue
            if not _is_text(name):
                raise BuildError(f"{path!a} has a name that is not UTF-8", where=Where(self._entry), fix="rename it")
            if name == ".git":
                raise self._refused(path, "is a git repository's")
            real = above[-1] / name
            if is_link:
                real = self._followed(here, path, above)
                status = real.stat()
            if is_folder:
                yield from self._inside(here, f"{path}/", (*above, real))
            else:
                yield _Found(path, here, real, _regular(here, status))

    def _followed(self, link: Path, path: str, above: tuple[Path, ...]) -> Path:
        """Where a link leads.

        :raises BuildError: if that is nowhere, outside, or above it.
        """
        target = link.readlink()
        real = Path(os.path.realpath(link))
        if not real.exists():
            problem = "which leads nowhere"
        elif not real.is_relative_to(self._top):
            problem = "which is not in the entry"
        elif real in above:
            problem = "which it is in itself"
        else:
            return real
        raise BuildError(
            f"{path} is a symbolic link to {target}, {problem}",
            where=Where(self._entry),
            fix=f"put a copy in its place, or leave it out: exclude=[{path!r}]",
        )

    def _match_below(self, folder: Path, path: str) -> None:
        """Be sure that a glob isn't said to match nothing because a whole folder was left out before."""
        if not self.used.issuperset(self._exclude):
            for parent, _, names in os.walk(folder):
                below = PurePosixPath(path) / Path(parent).relative_to(folder)
                self._match(*((below / name).as_posix() for name in names))

    def _match(self, *paths: str) -> bool:
        """Whether ``exclude`` takes one of these files."""
        gone, unmatched = excluded(paths, self._exclude)
        self.used |= set(self._exclude) - set(unmatched)
        return bool(gone)

    def _refused(self, path: str, what: str) -> BuildError:
        return BuildError(
            f"{path or self._entry} {what}, and belongs in no layer",
            where=Where(self._entry),
            fix=f"leave it out: exclude=[{path!r}]" if path else "name the folder of your own files",
        )


def _regular(path: Path, status: os.stat_result) -> os.stat_result:
    if not stat.S_ISREG(status.st_mode):
        raise BuildError("it is neither a file nor a folder", where=Where(path), fix="leave it out with exclude=[...]")
    return status


def _content(path: Path) -> bytes:
    """:raises BuildError: if it can't be read, or is written meanwhile."""
    try:
        for _ in range(2):  # an editor that saves is done the second time
            before = path.stat()
            content = path.read_bytes()
            after = path.stat()
            if (
                (before.st_mtime_ns, before.st_size)
                == (after.st_mtime_ns, after.st_size)
                == (
                    after.st_mtime_ns,
                    len(content),
                )
            ):
                return content
    except OSError as error:
        raise _unreadable(error, path) from error
    raise BuildError(
        "it changes while it is read", where=Where(path), fix="synthesise when nothing writes to it any more"
    )


def _unreadable(error: OSError, path: Path) -> BuildError:
    return BuildError(
        f"it can't be read: {error.strerror or error}",
        where=Where(Path(error.filename) if isinstance(error.filename, str) else path),
        fix="give yourself the right to read it, or leave it out with exclude=[...]",
    )


def is_executable(mode: int, head: bytes, *, kept: bool) -> bool:
    """Whether a file may be run.

    :param mode: the file's.
    :param head: its first bytes.
    :param kept: whether this machine keeps such a bit, which Windows doesn't: there every script and program may.
    """
    return bool(mode & 0o111) if kept else head.startswith((b"\x7fELF", b"#!"))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_too_large(found: Iterable[_Found]) -> None:
    sizes: dict[str, int] = {}
    for each in found:
        top = each.path.partition("/")[0]
        sizes[top] = sizes.get(top, 0) + each.status.st_size
    total = sum(sizes.values())
    if total > LIMIT:
        raise LayerTooLargeError(total=total, sizes=sizes, savings=Savings())
