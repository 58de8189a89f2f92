"""Compiles Python files; run as a program by the Python whose bytecode is wanted, with only its standard library.

Not compileall: what that writes for a file depends on what its process happens to hold. marshal notes which objects
have more than one reference (https://github.com/python/cpython/issues/98819), and equal strings are one object or two,
depending on whether a module that was imported, or a file that was compiled before, has that string too.

Arguments: the layer's root, where that will be on Lambda, and a file that lists paths below the root, with null bytes
between them. Says on standard output, in the same way, which of them it couldn't compile.
"""

import importlib.util
import marshal
import sys
from pathlib import Path
from types import CodeType
from typing import Any

# PEP 552: valid whatever the source is now. The hash of the source follows.
UNCHECKED_HASH = (0b01).to_bytes(4, "little")


# What a code object calls by name: `replace` takes each of them.
NAMES = ("co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_filename", "co_name", "co_qualname")


def with_strings_once(value: Any, seen: dict[Any, tuple[Any, Any]]) -> Any:
    """The same constant, in which equal strings are one object, and what was one object still is.

    :param seen: strings by value and others by identity: what it was and what has become of it. As long as that lives,
        each has several references.
    """
    key = value if type(value) is str else id(value)
    if key not in seen:
        same = value
        if type(value) is str:
            # A copy, since CPython 3.12 has strings that count as interned and are not the one that others get.
            same = sys.intern(value.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass"))
        elif isinstance(value, CodeType):
            same = value.replace(**{name: with_strings_once(getattr(value, name), seen) for name in NAMES})
        elif isinstance(value, (tuple, frozenset)):
            same = type(value)([with_strings_once(each, seen) for each in value])
        elif isinstance(value, slice):  # a constant from CPython 3.14 on
            same = slice(*[with_strings_once(each, seen) for each in (value.start, value.stop, value.step)])
        seen[key] = (value, same)
    return seen[key][1]


def compile_file(root: Path, prefix: str, path: str) -> bool:
    """Write the bytecode of a file beside it; False if it is not Python of this version."""
    source = (root / path).read_bytes()
    try:
        code = compile(source, f"{prefix}/{path}", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError):  # ValueError: a null byte
        return False
    seen: dict[Any, tuple[Any, Any]] = {}
    content = marshal.dumps(with_strings_once(code, seen))
    target = Path(importlib.util.cache_from_source(root / path, optimization=""))
    if not target.parent.is_dir():
        target.parent.mkdir(exist_ok=True)  # another process may be as far
        target.parent.chmod(0o755)
    with target.open("xb") as file:
        file.write(importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source) + content)
    target.chmod(0o644)
    return True


def main(root: Path, prefix: str, listed: Path) -> None:
    paths = listed.read_bytes().decode("utf-8", errors="surrogateescape").split("\0")
    for path in filter(None, paths):
        try:
            if not compile_file(root, prefix, path):
                sys.stdout.write(path + "\0")
        except (RecursionError, MemoryError):
            sys.exit(f"{path} is nested too deeply for this machine")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
