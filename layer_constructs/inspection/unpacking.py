"""Anyone's zip -> a folder, with nothing outside it touched."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layer_constructs.building.inventory.clean import one_line
from layer_constructs.building.wheel import leaves_its_folder
from layer_constructs.errors import ArgumentError, Where

# Four times what Lambda takes: a layer that is too large is still to be seen, a zip bomb is not.
MOST_BYTES = 1 << 30
MOST_MEMBERS = 200_000

_CHUNK = 1 << 20
_LONGEST_LINK = 4096  # PATH_MAX of Linux


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link in a zip, and where it leads."""

    path: str
    target: str


def unpack(archive: Path, root: Path, *, most: int = MOST_BYTES) -> tuple[Link, ...]:
    """Unpack files and the links that stay inside.

    Links are made last, so that nothing is written through one. Modes are not set, and of two members with one name
    the last counts, as on Lambda.

    :param root: an empty folder.
    :param most: bytes of all files together.
    :returns: the links that lead out of the folder, which were not made.
    :raises ArgumentError: for what is no zip or a damaged one, a member that would leave the folder, or too much.
    """
    links: dict[str, str] = {}
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = zipped.infolist()
            if len(members) > MOST_MEMBERS:
                raise _refused(archive, f"has {len(members):,} members", f"allowed: {MOST_MEMBERS:,}")
            left = most
            for member in members:
                path = _path(archive, member)
                if path is None:
                    continue
                kind = stat.S_IFMT(member.external_attr >> 16)
                if kind == stat.S_IFLNK:
                    with zipped.open(member) as stream:
                        links[path] = os.fsdecode(stream.read(_LONGEST_LINK))
                elif kind in {0, stat.S_IFREG}:
                    links.pop(path, None)
                    left -= _write(zipped, member, root / path, left)
                    if left < 0:
                        raise _refused(archive, f"unpacks to more than {most:,} bytes", "allowed by Lambda: 250 MB")
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, NotImplementedError) as error:
        raise _refused(archive, f"can't be read as a zip: {one_line(str(error))}") from error
    except OSError as error:
        raise _refused(archive, f"can't be unpacked: {error.strerror or error}") from error
    return _link(root, links)


def _path(archive: Path, member: zipfile.ZipInfo) -> str | None:
    """Where a member goes; None for a folder, which its files make."""
    name = member.orig_filename
    if leaves_its_folder(name):
        raise _refused(archive, f"has a file that leaves its folder: {name!r}", fix="mistrust where it came from")
    parts = [part for part in member.filename.split("/") if part not in {"", "."}]
    return "/".join(parts) if parts and not member.is_dir() else None


def _write(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, most: int) -> int:
    """Write a member; what it says of its size isn't believed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with zipped.open(member) as source, path.open("wb") as file:
        while written <= most and (chunk := source.read(_CHUNK)):
            written += file.write(chunk)
    return written


def _link(root: Path, links: dict[str, str]) -> tuple[Link, ...]:
    """Make links, and take those away that lead out, be it through others."""
    made: dict[str, str] = {}
    outside: list[Link] = []
    for path, target in links.items():
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).symlink_to(target)
        except (OSError, ValueError):  # below another link or in a file's place: none that Lambda could make
            outside.append(Link(path, target))
        else:
            made[path] = target
            if not _is_inside(root, path):
                outside += _without(root, made)
    return tuple(outside + _without(root, made))


def _without(root: Path, made: dict[str, str]) -> list[Link]:
    gone: list[Link] = []
    while leading_out := [path for path in made if not _is_inside(root, path)]:
        for path in leading_out:
            (root / path).unlink(missing_ok=True)
            gone.append(Link(path, made.pop(path)))
    return gone


def _is_inside(root: Path, path: str) -> bool:
    top = os.path.realpath(root)
    return os.path.commonpath([top, os.path.realpath(root / path)]) == top


def _refused(archive: Path, problem: str, *details: str, fix: str | None = None) -> ArgumentError:
    return ArgumentError(problem, where=Where(archive), details=_lines(details), fix=fix)


def _lines(details: Sequence[str]) -> list[str]:
    return [one_line(detail) for detail in details]
