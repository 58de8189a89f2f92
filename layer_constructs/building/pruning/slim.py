"""Which files can't matter at run time."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from layer_constructs.building.pruning.kept import KEPT

# What type checkers read.
_TYPES = (".pyi", "/py.typed")

# What compilers read: Lambda has none.
_SOURCES = (".h", ".hh", ".hpp", ".hxx", ".c", ".cc", ".cpp", ".cxx", ".pyx", ".pxd", ".pxi")

# Static libraries, which linkers read; the first bytes tell one from data of that name.
_ARCHIVE = ".a"
_ARCHIVE_MAGIC = b"!<arch>\n"

_KEPT = tuple(f"{folder}/" for folder in KEPT)

# Never `test`: django.test and others are what users import.
_TESTS = "tests"

# An import that has `tests` in it, wherever in a module: `from .tests.runner import TestRunner`, `import a.tests`,
# `from . import tests`. By text and not by syntax tree: what is kept must not depend on the Python that builds.
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(?P<within>[.\w]+)[ \t]+import[ \t]*(?P<names>\([^)]*|[^#\n]*)"
    rb"|import[ \t]+(?P<modules>[^#\n]+))",
    re.MULTILINE,
)
_NAME = re.compile(rb"[.\w]+")


def needless(root: Path, paths: Sequence[str], *, site: str) -> set[str]:
    """The files of a layer that can't matter at run time.

    Type stubs, headers, static libraries, C and Cython sources, and every folder ``tests``. What any module outside
    such a folder imports of one stays, so do the sources and stubs that the Python beside or right above them names or
    loads by name, and whatever is in :data:`KEPT`.

    :param paths: of all files, relative to ``root``.
    """
    prefix = f"{site}/"
    inside = [path for path in paths if path.startswith(prefix) and not _is_kept(path.removeprefix(prefix))]
    tests = {path: folder for path in inside if (folder := _tests_folder(path))}
    sources: defaultdict[str, list[str]] = defaultdict(list)
    for path in inside:
        if path not in tests and path.endswith((*_TYPES, *_SOURCES, _ARCHIVE)):
            sources[posixpath.dirname(path)].append(path)
    below: defaultdict[str, list[str]] = defaultdict(list)
    for folder, found in sources.items():
        below[folder] += found
        below[posixpath.dirname(folder)] += found
    used: set[str] = set()
    in_tests: defaultdict[str, list[str]] = defaultdict(list)
    for path, folder in tests.items():
        in_tests[folder].append(path)
    modules = [path for path in paths if path.startswith(prefix) and path not in tests]
    while modules:
        imported: set[str] = set()
        for path in modules:
            if not path.endswith(".py"):
                continue
            content = (root / path).read_bytes()
            folder = posixpath.dirname(path)
            used.update(each for each in below[folder] if posixpath.basename(each).encode() in content)
            if b"attach_stub" in content:  # lazy_loader reads the stub to know what to import
                used.add(f"{path}i")
            if b"tests" in content:
                imported.update(_imported(content, folder, site))
        # A folder that stays has imports of its own.
        modules = [path for folder in sorted(imported - used) for path in in_tests[folder]]
        used |= imported
    gone = {path for path, folder in tests.items() if folder not in used}
    for path in (path for found in sources.values() for path in found if path not in used):
        if not path.endswith(_ARCHIVE) or _is_archive(root / path):
            gone.add(path)
    return gone


def _is_kept(path: str) -> bool:
    return path.startswith(_KEPT) or path.split("/", 1)[0].endswith(".dist-info")


def _tests_folder(path: str) -> str | None:
    """The outermost folder ``tests`` that the file is in."""
    parts = path.split("/")[:-1]
    return "/".join(parts[: parts.index(_TESTS) + 1]) if _TESTS in parts else None


def _imported(content: bytes, folder: str, site: str) -> Iterator[str]:
    """The folders ``tests`` that a module in ``folder`` imports."""
    for match in _IMPORT.finditer(content):
        if match["modules"]:
            names = [each.split()[0] for each in match["modules"].split(b",") if each.split()]
        else:
            dot = b"" if match["within"].endswith(b".") else b"."
            names = [match["within"] + dot + each for each in _NAME.findall(match["names"])] or [match["within"]]
        for name in names:
            module = name.decode("ascii", errors="replace")
            levels = len(module) - len(module.lstrip("."))
            parts = module.lstrip(".").split(".")
            if _TESTS not in parts:
                continue
            base = site
            if levels:
                base = folder
                for _ in range(levels - 1):
                    base = posixpath.dirname(base)
            yield "/".join([base, *parts[: parts.index(_TESTS) + 1]])


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ARCHIVE_MAGIC)) == _ARCHIVE_MAGIC
