"""Bytecode for a finished tree: what Lambda's Python would otherwise compile again in every new environment."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

from layer_constructs.building import bytecode_script
from layer_constructs.building.interpreter import OLDEST, Interpreter
from layer_constructs.building.process import Run, clean_environment, run
from layer_constructs.building.tree import Tree, TreeFile
from layer_constructs.errors import BuildError

# Where Lambda unpacks a layer: the file names in tracebacks are those that are there.
OPT = "/opt"

# Files for which another process is worth its start (some 30 ms).
_WORTH_A_PROCESS = 50


def compile_tree(
    root: Path,
    tree: Tree,
    interpreter: Interpreter,
    *,
    site: str = "python",
    workers: int | None = None,
    run: Run = run,
) -> Tree:
    """Write ``__pycache__/NAME.cpython-3XX.pyc`` for each ``.py`` file, and return the tree with them.

    Their bytes depend on the sources and on the interpreter's exact version, and on nothing else: not on the folder,
    the umask, the number of workers, the order, or the machine. They hold the hash of the source and are not checked
    against it when they are imported (PEP 552, unchecked): times don't survive a layer's zip.

    A file that isn't Python of this version (a template, a test of bad syntax) gets none. RECORD doesn't list them: the
    standard leaves that free, and a RECORD that doesn't name them is the same with and without.

    :param root: the layer's root, as ``tree`` describes it.
    :param site: the folder in ``root`` that packages were installed to.
    :param workers: processes at a time; by default as many as there are cores.
    :raises BuildError: if the Python is too old to write the same bytes twice, if there is bytecode already, or if a
        file is nested so deeply that it depends on the machine whether it compiles.
    """
    if interpreter.minor < OLDEST:
        raise BuildError(
            f"CPython {interpreter.version} doesn't write the same bytecode twice",
            details=[f"allowed: {'.'.join(map(str, OLDEST))} and later"],
            fix="leave the bytecode out, or choose a newer runtime",
        )
    sources = [file for file in tree.files if file.path.startswith(f"{site}/") and file.path.endswith(".py")]
    workers = min(workers or os.cpu_count() or 1, len(sources) // _WORTH_A_PROCESS + 1)
    # By size, dealt out in turn: each worker gets about as much to do.
    largest_first = [file.path for file in sorted(sources, key=lambda file: (-file.size, file.path))]
    shares = [largest_first[start::workers] for start in range(workers)]
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as lists, ThreadPoolExecutor(workers) as pool:

        def compiled(number: int) -> list[str]:
            listed = Path(lists, str(number))
            listed.write_bytes("\0".join(shares[number]).encode("utf-8", errors="surrogateescape"))
            return _run_script(interpreter, [os.fspath(root), OPT, os.fspath(listed)], root=root, run=run)

        skipped = {path for paths in pool.map(compiled, range(workers)) for path in paths}
    return _with_bytecode(root, tree, interpreter, [file.path for file in sources if file.path not in skipped])


def _run_script(interpreter: Interpreter, arguments: Sequence[str], *, root: Path, run: Run) -> list[str]:
    # -I and -S: no variable, no .pth file and nothing from site-packages of that Python has a say.
    script = os.fspath(Path(bytecode_script.__file__))
    done = run(
        [os.fspath(interpreter.path), "-I", "-S", "-B", "-W", "ignore", "-X", "utf8", script, *arguments],
        env=clean_environment(),
        cwd=root,
    )
    if done.returncode != 0:
        raise BuildError(
            f"Python {interpreter.version} can't compile the layer",
            details=done.stderr.splitlines()[-5:],
            fix="leave that file out, or leave the bytecode out",
        )
    return [path for path in done.stdout.split("\0") if path]


def _with_bytecode(root: Path, tree: Tree, interpreter: Interpreter, compiled: Sequence[str]) -> Tree:
    files = {file.path: file for file in tree.files}
    sizes = dict(tree.sizes)
    owners = dict(tree.owners)
    for source in compiled:
        path = bytecode_path(source, interpreter)
        size = (root / path).stat().st_size
        files[path] = TreeFile(path=path, size=size, executable=False)
        owner = owners.get(source)
        if owner is not None:
            owners[path] = owner
            sizes[owner] += size
    return replace(tree, files=tuple(files[path] for path in sorted(files)), sizes=sizes, owners=owners)


def bytecode_path(source: str, interpreter: Interpreter) -> str:
    """Where the bytecode of ``python/x.py`` lies (PEP 3147): ``python/__pycache__/x.cpython-313.pyc``."""
    path = PurePosixPath(source)
    return str(path.parent / "__pycache__" / f"{path.stem}.{interpreter.cache_tag}.pyc")
