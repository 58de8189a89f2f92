"""What an entry of Python code is: a module, a package, a folder of them, or a project."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from keyword import iskeyword
from pathlib import Path

from layer_constructs.building.entry.entry import Entry
from layer_constructs.building.entry.reading import existing, read_entry
from layer_constructs.errors import ArgumentError, BuildError, Where

# Where Lambda's Python looks in a layer: `/opt/python`.
SITE = "python"

_BYTECODE = (".pyc", ".pyo")


def is_project(entry: Path) -> bool:
    """Whether a folder says how to make a wheel of it; a `pyproject.toml` may also be there for a linter only.

    :raises ArgumentError: if there is nothing at ``entry``.
    :raises BuildError: for a ``pyproject.toml`` that is none.
    """
    if not existing(entry).is_dir():
        return False
    file = entry / "pyproject.toml"
    if not file.is_file():
        return (entry / "setup.py").is_file()
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BuildError(f"it can't be read: {error}", where=Where(file), fix="mend it") from error
    return bool(document.keys() & {"build-system", "project"}) or (entry / "setup.py").is_file()


def read_code(entry: Path, *, exclude: Sequence[str] = ()) -> Entry:
    """The modules of a file or folder that is no project, below ``python/``.

    A single file is a module, a folder with an ``__init__.py`` a package, and what is in any other folder goes to the
    top, where Lambda's Python finds it.

    :param exclude: globs relative to ``python/``.
    :raises ArgumentError: for a file that is no module, or a folder that Python can't import.
    :raises BuildError: if there is no module in it, and as `read_entry`.
    """
    path = existing(entry)
    if path.is_file():
        if path.suffix != ".py":
            raise ArgumentError(
                f"the entry {entry} is a file, and no Python module",
                details=["allowed: a .py file, or a folder of modules, packages or a project"],
                fix="ContentLayer takes any file: ContentLayer(..., entry=..., into='data')",
            )
        _refuse_unimportable(entry, path.stem, what="a module", fix="rename the file")
        return read_entry(path, into=SITE, exclude=exclude)
    into, globs = SITE, exclude
    if (path / "__init__.py").is_file():
        package = Path(os.path.abspath(path)).name  # noqa: PTH100 - resolve() would follow links
        _refuse_unimportable(entry, package, what="a package", fix="rename the folder, or name the one that it is in")
        into, globs = f"{SITE}/{package}", [_below(glob, package) for glob in exclude]
    read = read_entry(path, into=into, exclude=globs, left_out=lambda name: name.endswith(_BYTECODE))
    if into == SITE and read.tops() == [SITE]:
        raise ArgumentError(
            f"the entry {entry} has nothing but a folder python/, which would become /opt/python/python",
            fix=f"name that folder: entry={(entry / SITE).as_posix()!r}",
        )
    if not any(file.path.endswith(".py") or file.is_elf for file in read.files):
        raise BuildError(
            f"the entry {entry} has no Python module",
            fix="name the folder that has them; ContentLayer takes other files",
        )
    written = dict(zip(globs, exclude, strict=True))
    return replace(read, unmatched=tuple(written[glob] for glob in read.unmatched))


def _refuse_unimportable(entry: Path, name: str, *, what: str, fix: str) -> None:
    if not name.isidentifier() or iskeyword(name):
        raise ArgumentError(
            f"the entry {entry} is {what}, and {name!r} can't be imported",
            details=["allowed: a name of letters, digits and '_' that begins with no digit"],
            fix=fix,
        )


def _below(glob: str, package: str) -> str:
    """A glob relative to ``python/`` as one relative to a package in it; one that never matches there is kept."""
    head, slash, rest = glob.removeprefix("/").partition("/")
    return f"/{rest}" if slash and rest and head == package else glob
