"""The files that Lambda itself starts: the `bootstrap` of a custom runtime, and extensions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from layer_constructs.errors import BuildError, Where

if TYPE_CHECKING:
    from layer_constructs.building.entry.entry import Entry, EntryFile

BOOTSTRAP = "bootstrap"

# Lambda starts every file that is directly in `/opt/extensions`.
_EXTENSION = re.compile(r"extensions/[^/]+")

_OTHERS = {
    b"\xcf\xfa\xed\xfe": "is a program for macOS",
    b"\xca\xfe\xba\xbe": "is a program for macOS",
    b"MZ": "is a program for Windows",
    b"\xef\xbb\xbf#!": "begins with a byte order mark, which Linux doesn't skip",
}


def refuse_unstartable(entry: Entry) -> None:
    """Look at the programs that Lambda will start.

    For which processor and which libraries they are, the audit of the finished layer says.

    :raises BuildError: for one that isn't executable, or is neither a script nor an ELF file.
    """
    for file in entry.files:
        if file.path == BOOTSTRAP or _EXTENSION.fullmatch(file.path):
            for problem, fix in _problems(file, {each.path for each in entry.files if each.executable}):
                raise BuildError(f"{file.path} {problem}", where=Where(file.source), fix=fix)


def _problems(file: EntryFile, programs: set[str]) -> Iterator[tuple[str, str]]:
    name = file.source.name
    line = file.head.partition(b"\n")[0]
    if line.startswith(b"#!"):
        interpreter = line[2:].strip().decode(errors="replace").partition(" ")[0].partition("\t")[0]
        if line.endswith(b"\r"):
            yield (
                "has line ends of Windows: Linux looks for an interpreter whose name ends in a carriage return",
                f"save it with LF, and keep it so with a line in .gitattributes: {name} text eol=lf",
            )
        elif not interpreter.startswith("/"):
            yield (
                f"names the interpreter {interpreter!r}, which is no absolute path",
                "begin with a line such as #!/bin/sh",
            )
        elif interpreter.startswith("/opt/") and interpreter.removeprefix("/opt/") not in programs:
            yield (
                f"names the interpreter {interpreter}, which is no program of the layer",
                "put it there, or name another",
            )
    elif not file.is_elf:
        other = next((said for magic, said in _OTHERS.items() if file.head.startswith(magic)), None)
        yield (
            other or "is neither a script nor an ELF program",
            "save or build it for Linux"
            if other
            else "begin it with a line such as #!/bin/sh, or compile it for Linux",
        )
    if not file.executable:
        yield "isn't executable", f"chmod +x {name}; and for git: git update-index --chmod=+x {name}"
