"""The files of two layers, compared as Lambda sees them."""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from layer_constructs.errors import LayerError

# Lambda takes 250 MB unzipped; what says it is more is no layer.
MOST = 1 << 30
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file of a layer: what Lambda sees of it.

    :param mode: permissions, such as ``0o644``; of a link nothing.
    :param sha256: of its content, or of where a link leads.
    """

    kind: str
    mode: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """:param missing: what the lock says and the published layer lacks.
    :param extra: what only the published layer has.
    :param different: what both have with another content.
    :param modes: what both have, the same but for its permissions.
    """

    files: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    different: tuple[str, ...]
    modes: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        return not (self.missing or self.extra or self.different or self.modes)


def compare(published: IO[bytes], ours: IO[bytes]) -> Comparison:
    """Two zips, as Lambda sees them: not their compression, dates, order or folders."""
    theirs, mine = entries(published), entries(ours)
    both = sorted(theirs.keys() & mine.keys())
    different = [
        name for name in both if (theirs[name].kind, theirs[name].sha256) != (mine[name].kind, mine[name].sha256)
    ]
    return Comparison(
        files=len(theirs),
        missing=tuple(sorted(mine.keys() - theirs.keys())),
        extra=tuple(sorted(theirs.keys() - mine.keys())),
        different=tuple(different),
        modes=tuple(name for name in both if name not in different and theirs[name].mode != mine[name].mode),
    )


def entries(archive: IO[bytes]) -> dict[str, Entry]:
    """The files and links of a zip; of two with one name the last counts, as on Lambda.

    :raises LayerError: if it can't be read, or says it is larger than any layer.
    """
    found: dict[str, Entry] = {}
    left = MOST
    try:
        with zipfile.ZipFile(archive) as zipped:
            for member in zipped.infolist():
                if member.is_dir():
                    continue
                mode = member.external_attr >> 16
                digest = hashlib.sha256()
                with zipped.open(member) as stream:
                    while chunk := stream.read(_CHUNK):
                        digest.update(chunk)
                        left -= len(chunk)
                        if left < 0:
                            raise LayerError(f"the layer unpacks to more than {MOST:,} bytes")
                is_link = stat.S_ISLNK(mode)
                found[member.filename] = Entry(
                    kind="link" if is_link else "file",
                    mode=0 if is_link else stat.S_IMODE(mode),
                    sha256=digest.hexdigest(),
                )
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, NotImplementedError) as error:
        raise LayerError(f"the layer can't be read as a zip: {error}") from error
    return found
