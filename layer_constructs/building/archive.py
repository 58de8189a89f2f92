"""A tree as one zip: the same bytes for the same tree."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from deflate import crc32, deflate_compress

from layer_constructs.building.recorded import Recorded
from layer_constructs.building.tree import Tree, TreeFile
from layer_constructs.errors import BuildError, Where

# libdeflate's level: a third less time than level 4 for 6 % more bytes (121 MB of numpy and pandas, two cores).
_LEVEL = 1

# What a zip can say without its 64-bit extension (APPNOTE.TXT 4.4.1.4), which no layer of 250 MB needs.
_MOST_ENTRIES = 0xFFFF
_MOST_BYTES = 0xFFFFFFFF

# One job of a worker: small files go together, since handing over a job costs more than deflating one of them.
_JOB_BYTES = 1 << 20
# Read, but not written yet: with the deflated copies about 64 MB at the most, or one file if it is larger.
_IN_FLIGHT_BYTES = 32 << 20

# APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16.
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION = 20
_UNIX = 3 << 8
_UTF8 = 1 << 11
_STORED, _DEFLATED = 0, 8
_MIDNIGHT, _DAY = 0, (0 << 9) | (1 << 5) | 1  # 1980-01-01, the first day a zip can name

_FILE = stat.S_IFREG | 0o644
_PROGRAM = stat.S_IFREG | 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A finished zip.

    :param sha256: hexadecimal.
    :param size: bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    file: TreeFile
    crc: int
    method: int
    data: bytes | bytearray
    as_recorded: bool


def write_zip(root: Path, tree: Tree, destination: Path, *, recorded: Recorded | None = None) -> Archive:
    """Write a tree as a zip: files only, sorted, of 1980-01-01, with mode 0644 or 0755.

    Lambda makes the folders by itself, and the CDK's own zips have no entries for them either. The bytes depend on the
    tree and on the version of ``deflate``, and on nothing else.

    :param root: the folder that ``tree`` describes.
    :param destination: a file that is written anew; what is left there after an error is not a zip.
    :param recorded: what RECORDs say of the files. Compared here, where each is read: what is in the zip was compared.
    :raises NotAsRecordedError: naming all files that differ from that.
    :raises BuildError: for more than 65,535 files or 4 GiB, a name that is not Unicode, or a file that is no longer
        what ``tree`` says.
    :raises OSError: if the files can't be read, or the zip can't be written.
    """
    _check(tree)
    central = bytearray()
    offset = 0
    digest = hashlib.sha256()
    recorded = recorded or Recorded()
    differing = []
    with destination.open("wb") as zipped:
        for entry in _deflated(root, tree, recorded):
            if not entry.as_recorded:
                differing.append(entry.file.path)
            name = entry.file.path.encode()
            common = (
                _VERSION,
                0 if entry.file.path.isascii() else _UTF8,
                entry.method,
                _MIDNIGHT,
                _DAY,
                entry.crc,
                len(entry.data),
                entry.file.size,
                len(name),
                0,
            )
            mode = _PROGRAM if entry.file.executable else _FILE
            central += _CENTRAL.pack(b"PK\1\2", _UNIX | _VERSION, *common, 0, 0, 0, mode << 16, offset) + name
            header = _LOCAL.pack(b"PK\3\4", *common) + name
            _write(zipped, digest, header)
            _write(zipped, digest, entry.data)
            offset += len(header) + len(entry.data)
        count = len(tree.files)
        end = _END.pack(b"PK\5\6", 0, 0, count, count, len(central), offset, 0)
        _write(zipped, digest, central)
        _write(zipped, digest, end)
    recorded.refuse(differing)
    return Archive(sha256=digest.hexdigest(), size=offset + len(central) + len(end))


def extract(archive: Path, root: Path) -> None:
    """Unpack a zip of :func:`write_zip`, with its modes (folders get 0755), whatever the umask.

    :param root: a folder that is empty or not there yet.
    :raises BuildError: if the zip is damaged or not one of ours, if one of its names leaves ``root``, or if ``root``
        holds something. What was unpacked before stays.
    :raises OSError: if ``archive`` can't be read or ``root`` can't be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):  # a link that lies there could lead elsewhere
        raise BuildError(f"{archive.name} can't be unpacked into a folder that is not empty", where=Where(root))
    made = {root}
    for path, mode, content in _members(archive):
        try:
            _make_folders((root / path).parent, made)
            with (root / path).open("xb") as file:
                file.write(content)
        except (FileExistsError, NotADirectoryError) as error:
            raise _foreign(archive, f"two of its files have the place of {path}") from error
        (root / path).chmod(mode)


def _check(tree: Tree) -> None:
    names = 0
    for file in tree.files:
        try:
            names += len(file.path.encode())
        except UnicodeEncodeError as error:
            raise BuildError(f"a file's name is not Unicode: {file.path!r}") from error
    if len(tree.files) > _MOST_ENTRIES:
        raise BuildError(
            f"a layer of {len(tree.files):,} files can't be zipped",
            details=[f"allowed: {_MOST_ENTRIES:,} files"],
            fix="split the requirements over several layers",
        )
    # A file is never larger in the zip than outside, so this bounds the zip before anything is read.
    size = tree.unzipped_size + len(tree.files) * (_LOCAL.size + _CENTRAL.size) + 2 * names + _END.size
    if size > _MOST_BYTES:
        raise BuildError(
            f"a layer of {tree.unzipped_size:,} bytes can't be zipped",
            details=["allowed by Lambda: 262,144,000 bytes"],
            fix="split the requirements over several layers",
        )


def _deflated(root: Path, tree: Tree, recorded: Recorded) -> Iterator[_Entry]:
    """The entries in the tree's order, deflated by as many threads as there are cores."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
        waiting: deque[tuple[int, Future[list[_Entry]]]] = deque()
        in_flight = 0
        try:
            for job in _jobs(tree.files):
                size = sum(file.size for file in job)
                while waiting and in_flight + size > _IN_FLIGHT_BYTES:
                    done, future = waiting.popleft()
                    yield from future.result()
                    in_flight -= done
                waiting.append((size, workers.submit(_deflate, root, job, recorded)))
                in_flight += size
            while waiting:
                yield from waiting.popleft()[1].result()
        finally:
            for _, future in waiting:
                future.cancel()


def _jobs(files: tuple[TreeFile, ...]) -> Iterator[list[TreeFile]]:
    job: list[TreeFile] = []
    size = 0
    for file in files:
        if job and size + file.size > _JOB_BYTES:
            yield job
            job, size = [], 0
        job.append(file)
        size += file.size
    if job:
        yield job


def _deflate(root: Path, files: list[TreeFile], recorded: Recorded) -> list[_Entry]:
    entries = []
    for file in files:
        path = root / file.path
        with path.open("rb", buffering=0) as source:
            content = source.read()
        if len(content) != file.size:
            raise BuildError(
                f"{file.path} changed while it was zipped: {len(content):,} bytes, not {file.size:,}",
            )
        data = deflate_compress(content, _LEVEL)
        smaller = len(data) < len(content)
        entries.append(
            _Entry(
                file=file,
                crc=crc32(content),
                method=_DEFLATED if smaller else _STORED,
                data=data if smaller else content,
                as_recorded=recorded.fits(file.path, content),
            )
        )
    return entries


def _write(zipped: BinaryIO, digest: hashlib._Hash, data: bytes | bytearray) -> None:
    zipped.write(data)
    digest.update(data)


def _members(archive: Path) -> Iterator[tuple[PurePosixPath, int, bytes]]:
    """Path, permissions and content of each file of a zip that has nothing in it but what :func:`write_zip` writes."""
    with archive.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as zipped:
                for info in zipped.infolist():
                    mode = info.external_attr >> 16
                    if mode not in (_FILE, _PROGRAM):
                        raise _foreign(archive, f"{info.filename!r} has mode {mode:o}")
                    if info.compress_type not in (_STORED, _DEFLATED):
                        raise _foreign(archive, f"{info.filename!r} has compression method {info.compress_type}")
                    yield _inside(archive, info.filename), stat.S_IMODE(mode), zipped.read(info)
        # What zipfile raises for damaged files; OSError is a seek to a place that can't be.
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError) as error:
            raise _foreign(archive, str(error)) from error


def _make_folders(folder: Path, made: set[Path]) -> None:
    if folder not in made:
        _make_folders(folder.parent, made)
        folder.mkdir()
        folder.chmod(0o755)
        made.add(folder)


def _inside(archive: Path, name: str) -> PurePosixPath:
    # A backslash or a colon is part of a name on Linux and leads elsewhere on Windows.
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or (os.name == "nt" and any(c in name for c in "\\:")):
        raise _foreign(archive, f"{name!r} is not a path inside the folder")
    return PurePosixPath(name)


def _foreign(archive: Path, reason: str) -> BuildError:
    return BuildError(
        f"not a zip that this library made, or damaged since: {reason}",
        where=Where(archive),
        fix="delete it; it is built again",
    )
