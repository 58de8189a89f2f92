"""A wheel that was built now -> the same wheel with nothing of the moment or the machine in it."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path


def repacked(built: Path, *, into: Path) -> Path:
    """Write a wheel anew: times, umask, order and the version of zlib differ from one build to the next."""
    into.mkdir(parents=True)
    path = into / built.name
    with zipfile.ZipFile(built) as old, zipfile.ZipFile(path, "w") as new:
        for member in sorted(old.infolist(), key=lambda member: member.filename):
            if member.is_dir():
                continue
            entry = zipfile.ZipInfo(member.filename)  # of 1980-01-01
            entry.create_system = 3  # Unix, on every host
            executable = member.external_attr >> 16 & 0o111
            entry.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
            new.writestr(entry, old.read(member))
    return path
