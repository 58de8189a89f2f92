"""The installed tree, made the same whatever host, folder, umask or cache it was installed with."""

from __future__ import annotations

import csv
import io
import os
import posixpath
import re
import shutil
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from layer_constructs.building.recorded import recorded_hash
from layer_constructs.building.wheel import leaves_its_folder
from layer_constructs.errors import BuildError

# What an installer notes for itself: it tells of this host and this run, and nothing on Lambda reads it.
# INSTALLER and REQUESTED: PEP 376; direct_url.json: PEP 610; the uv files: uv's own bookkeeping.
_INSTALLER_NOTES = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})

# `python3` is the runtime's own interpreter on Lambda's PATH.
_SHEBANG = b"#!/usr/bin/env python3\n"

# What an installer writes in place of `#!python`: the host's interpreter, or, where its path has spaces or is longer
# than a kernel reads (127 bytes on Linux), a line that is a command to sh and a string to Python. A wheel's own
# `#!/usr/bin/python3` can't be told from a host that has its Python there, so it is replaced too.
_HOST_SHEBANG = re.compile(
    rb"#!/(?:[^ \n]*/)?(?:python|pypy|graalpy)[^ /\n]*\n"
    rb"|#!/bin/sh\n'''exec' [^\n]* \"\$0\" \"\$@\"\n' '''\n",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFile:
    """One file of a layer.

    :param path: relative to the layer's root (``/opt`` on Lambda), with ``/``.
    :param size: bytes.
    :param executable: its mode is 0755, not 0644.
    """

    path: str
    size: int
    executable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What a normalised folder holds.

    :param files: sorted by path, upper case before lower.
    :param sizes: bytes of each distribution, by canonical name.
    :param contested: the files that several distributions bring with different contents, with those distributions'
        names in order. Which content is there is chance: uv installs wheels at the same time. Installing those
        distributions again, one after the other in this order, settles it.
    :param owners: of each file that a RECORD lists, the distribution: of several, the last by name.
    :param recorded: what its owner's RECORD says of a file (``sha256=...``), where it does.
    """

    files: tuple[TreeFile, ...]
    sizes: Mapping[str, int]
    contested: Mapping[str, tuple[str, ...]]
    owners: Mapping[str, str] = field(default_factory=dict)
    recorded: Mapping[str, str] = field(default_factory=dict)

    @property
    def unzipped_size(self) -> int:
        """Bytes of all files: what counts against Lambda's limit of 262,144,000."""
        return sum(file.size for file in self.files)


def normalise(root: Path, *, site: str = "python") -> Tree:
    """Make an installed tree the same for the same wheels, in place.

    Installers' notes and bytecode go, modes become 0644 or 0755 (folders 0755), scripts start with
    ``#!/usr/bin/env python3``, and each RECORD lists what is left, sorted. Everything else stays as it is.

    :param root: the layer's root. The files must be its own, not hard links into an installer's cache.
    :param site: the folder in ``root`` that packages were installed to.
    :raises BuildError: for a symbolic link or anything else that is not a file or a folder, a RECORD that can't be
        read, or one that lists a file outside the layer.
    """
    files: dict[str, TreeFile] = {}
    _clean(os.fspath(root), "", site, files)
    for path in files:
        if "\\" in path and leaves_its_folder(path.removeprefix(f"{site}/")):
            raise BuildError(
                f"one of the wheels has a file that leaves its folder on Windows: {path.removeprefix(f'{site}/')!r}",
                fix="find the package with `zipinfo`, use another version of it, and mistrust where it came from",
            )
    mended: dict[str, tuple[str, str]] = {}
    for path in [path for path in files if path.rpartition("/")[0] == f"{site}/bin"]:
        content = _without_host(root / path)
        if content is not None:
            files[path] = _rewrite(root, files[path], content)
            mended[path] = (recorded_hash(content), str(len(content)))
    owned: dict[str, set[str]] = {}
    claims: dict[str, dict[str, list[str]]] = {}
    for path in [path for path in files if _is_record(path, site)]:
        name = _distribution(path)
        rows = []
        for listed, digest, size in _read_record(root, path):
            full = f"{site}/{listed}"
            if full in files:
                owned.setdefault(name, set()).add(full)
                claims.setdefault(full, {}).setdefault(digest, []).append(name)
                rows.append((listed, *mended.get(full, (digest, size))))
            elif posixpath.isabs(listed) or posixpath.normpath(listed).startswith(".."):
                raise BuildError(
                    f"{path} lists a file outside {site}/: {listed}",
                    fix=f"leave {name} out, or use a version whose files stay in their folder",
                )
        files[path] = _rewrite(root, files[path], _record_text(rows))
    owners = {path: max(name for names in by_digest.values() for name in names) for path, by_digest in claims.items()}
    return Tree(
        files=tuple(files[path] for path in sorted(files)),
        sizes={name: sum(files[path].size for path in owned[name]) for name in sorted(owned)},
        contested={
            path: tuple(sorted(name for names in by_digest.values() for name in names))
            for path, by_digest in sorted(claims.items())
            if len(by_digest) > 1
        },
        owners=owners,
        recorded={
            path: mended[path][0] if path in mended else digest
            for path, by_digest in claims.items()
            for digest, names in by_digest.items()
            if owners[path] in names and digest.startswith("sha256=")
        },
    )


def after_changes(root: Path, before: Tree, changed: Collection[str], *, site: str = "python") -> Tree:
    """The tree again when the contents of some files have changed: RECORD says so.

    :param changed: paths of files.
    """
    facts: dict[str, tuple[str, str]] = {}
    for path in changed:
        content = (root / path).read_bytes()
        facts[path] = (recorded_hash(content), str(len(content)))
    for file in before.files:
        if facts and _is_record(file.path, site):
            rows = _read_record(root, file.path)
            mended = [(listed, *facts.get(f"{site}/{listed}", (digest, size))) for listed, digest, size in rows]
            if mended != rows:
                _rewrite(root, file, _record_text(mended))
    return normalise(root, site=site)


def with_run_bits(tree: Tree, executable: Mapping[str, bool]) -> Tree:
    """The tree with the run bits that some files must have, whatever the file system keeps.

    :param executable: by path.
    """
    files = (replace(file, executable=executable.get(file.path, file.executable)) for file in tree.files)
    return replace(tree, files=tuple(files))


def _clean(folder: str, prefix: str, site: str, files: dict[str, TreeFile]) -> None:
    # One lstat a file and a chmod only where it is needed: this is the hot loop over some thousand files.
    in_dist_info = prefix.endswith(".dist-info/") and prefix.count("/") == site.count("/") + 2
    with os.scandir(folder) as scan:
        entries = list(scan)
    for entry in entries:
        facts = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(facts.st_mode):
            if entry.name == "__pycache__":
                shutil.rmtree(entry.path)
                continue
            _set_mode(entry.path, facts.st_mode, 0o755)
            _clean(entry.path, f"{prefix}{entry.name}/", site, files)
        elif stat.S_ISREG(facts.st_mode):
            if (in_dist_info and entry.name in _INSTALLER_NOTES) or f"{prefix}{entry.name}" == f"{site}/.lock":
                Path(entry.path).unlink()
                continue
            executable = bool(facts.st_mode & 0o111)
            _set_mode(entry.path, facts.st_mode, 0o755 if executable else 0o644)
            path = f"{prefix}{entry.name}"
            files[path] = TreeFile(path=path, size=facts.st_size, executable=executable)
        else:
            link = stat.S_ISLNK(facts.st_mode)
            raise BuildError(
                f"{prefix}{entry.name} is {'a symbolic link' if link else 'not a regular file'}",
                details=[f"it points to {Path(entry.path).readlink()}"] if link else [],
                fix="a wheel has files and folders only: use another version of the package",
            )


def _set_mode(path: str, current: int, wanted: int) -> None:
    if stat.S_IMODE(current) != wanted:
        Path(path).chmod(wanted)


def _without_host(script: Path) -> bytes | None:
    """The script's new content, or None where it names no interpreter of the host."""
    with script.open("rb") as file:
        if file.read(2) != b"#!":  # a program of many MB, such as ruff's
            return None
        content = b"#!" + file.read()
    match = _HOST_SHEBANG.match(content)
    return _SHEBANG + content[match.end() :] if match else None


def _is_record(path: str, site: str) -> bool:
    return path.endswith(".dist-info/RECORD") and path.startswith(f"{site}/") and path.count("/") == site.count("/") + 2


def _distribution(record: str) -> str:
    """The canonical name in ``python/NAME-VERSION.dist-info/RECORD``."""
    folder = posixpath.basename(posixpath.dirname(record)).removesuffix(".dist-info")
    return canonicalize_name(folder.rpartition("-")[0] or folder)


def _read_record(root: Path, path: str) -> list[tuple[str, str, str]]:
    rows = []
    try:
        with (root / path).open(encoding="utf-8", newline="") as text:
            for row in csv.reader(text, strict=True):
                if row:
                    listed, digest, size = row
                    rows.append((listed, digest, size))
    except (ValueError, csv.Error) as error:  # not UTF-8 is a ValueError too
        raise BuildError(
            f"{path} can't be read: {error}",
            details=["allowed: lines of path, hash and size (PyPA's specification of recording installed projects)"],
            fix="use another version of the package",
        ) from error
    return rows


def _record_text(rows: list[tuple[str, str, str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(sorted(rows))
    return text.getvalue().encode()


def _rewrite(root: Path, file: TreeFile, content: bytes) -> TreeFile:
    path = root / file.path
    if file.size != len(content) or path.read_bytes() != content:
        path.write_bytes(content)
    return TreeFile(path=file.path, size=len(content), executable=file.executable)
