"""Installed files against the hashes that their wheels record."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.utils import canonicalize_name


def changed_files(site: Path) -> dict[str, list[str]]:
    """The files of each distribution that aren't what its RECORD says, by canonical name.

    uv checks the hash of a wheel when it downloads it, and unpacks it once; what it unpacked is linked into other
    environments, where an edit reaches uv's own copy and everything that is installed of it later.

    A file that several distributions list is left out: which one's is there, others look after. So is one with no
    sha256, and what isn't there.

    :param site: the folder that packages were installed to, before anything is changed in it.
    """
    listed: dict[str, set[tuple[str, str, str]]] = {}
    for record in sorted(site.glob("*.dist-info/RECORD")):
        owner = canonicalize_name(record.parent.name.removesuffix(".dist-info").rpartition("-")[0])
        for path, digest in _rows(record):
            listed.setdefault(path, set()).add((owner, path, digest))
    single = [one for claims in listed.values() if len(claims) == 1 for one in claims]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        same = pool.map(lambda one: _is_as_recorded(site / one[1], one[2]), single, chunksize=64)
        found: dict[str, list[str]] = {}
        for (name, path, _), fits in zip(single, same, strict=True):
            if not fits:
                found.setdefault(name, []).append(path)
    return found


def _rows(record: Path) -> Iterator[tuple[str, str]]:
    """Paths with their sha256; what can't be read is for those who normalise."""
    try:
        with record.open(encoding="utf-8", newline="") as text:
            for row in csv.reader(text):
                if len(row) > 1 and row[1].startswith("sha256="):
                    yield row[0], row[1].removeprefix("sha256=")
    except (ValueError, csv.Error, OSError):
        return


def _is_as_recorded(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return True
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == digest
