"""Installed files against the hashes that their wheels record."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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
    workers = os.cpu_count() or 1
    found: dict[str, list[str]] = {}
    with ThreadPoolExecutor(workers) as pool:  # a share each: handing over every file costs more than hashing most
        for different in pool.map(partial(_different, os.fspath(site)), (single[n::workers] for n in range(workers))):
            for name, path in different:
                found.setdefault(name, []).append(path)
    return {name: sorted(paths) for name, paths in sorted(found.items())}


def _rows(record: Path) -> Iterator[tuple[str, str]]:
    """Paths with their sha256; what can't be read is for those who normalise."""
    try:
        with record.open(encoding="utf-8", newline="") as text:
            for row in csv.reader(text):
                if len(row) > 1 and row[1].startswith("sha256="):
                    yield row[0], row[1].removeprefix("sha256=")
    except (ValueError, csv.Error, OSError):
        return


def _different(site: str, listed: Sequence[tuple[str, str, str]]) -> list[tuple[str, str]]:
    found = []
    for name, path, digest in listed:
        try:
            with open(f"{site}/{path}", "rb") as file:  # noqa: PTH123 - of some thousand files, a path each is felt
                content = file.read()  # file_digest would make a buffer of 256 KB for each
        except OSError:
            continue
        if base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode() != digest:
            found.append((name, path))
    return found
