from __future__ import annotations

import importlib.util
import marshal
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import CodeType

import pytest

from layer_constructs.building import bytecode, process
from layer_constructs.building.archive import write_zip
from layer_constructs.building.bytecode import compile_tree
from layer_constructs.building.interpreter import Interpreter
from layer_constructs.building.process import Completed, Run
from layer_constructs.building.tree import Tree, normalise
from layer_constructs.errors import BuildError
from tests.support.wheels import make_wheel

# Their names are also in what a process has imported by itself, and they have classes in functions and sets of
# constants: what makes plain compilation differ from one process to the next.
MODULES = ("typing.py", "enum.py", "asyncio/base_events.py", "asyncio/selector_events.py", "argparse.py", "inspect.py")
COPIES = 3  # since one file's strings may stay for the next

# Runs the script as the library does, in a process that holds thousands of strings more.
CROWDED = (
    "import sys, runpy, asyncio, typing, inspect, unittest, argparse, xml.dom, http.client, email, logging.config;"
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


def interpreter_at(path: Path) -> Interpreter:
    question = "import sys; print(sys.executable, '%d.%d.%d' % sys.version_info[:3], sys.implementation.cache_tag)"
    done = subprocess.run([path, "-I", "-S", "-c", question], capture_output=True, text=True, check=True)
    executable, version, tag = done.stdout.split()
    return Interpreter(path=Path(executable), version=version, cache_tag=tag)


HERE = interpreter_at(Path(sys.executable))


@pytest.fixture(params=["3.11", "3.12", "3.13", "3.14"])
def interpreter(request: pytest.FixtureRequest, pythons: Mapping[str, Path]) -> Interpreter:
    if request.param not in pythons:
        pytest.skip(f"no Python {request.param} here")
    return interpreter_at(pythons[request.param])


def standard_library(interpreter: Interpreter) -> Path:
    question = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    done = subprocess.run([interpreter.path, "-I", "-c", question], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def fill(root: Path, interpreter: Interpreter) -> Tree:
    """A layer of modules of the interpreter's own standard library."""
    library = standard_library(interpreter)
    for copy in range(COPIES):
        for module in MODULES:
            to = root / "python" / f"copy{copy}" / module
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes((library / module).read_bytes())
    return normalise(root)


def lay(root: Path, files: Mapping[str, bytes]) -> Tree:
    """A layer of one installed distribution, `tiny`."""
    wheel = make_wheel(root.parent / "wheels", "tiny", "1.0", files=files)
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, root / "python"], check=True)
    return normalise(root)


def bytecode_in(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.pyc")}


def changed_run(
    environment: Mapping[str, str] | None = None, *, without: str | None = None, crowded: bool = False, umask: int = -1
) -> Run:
    """The real thing with other surroundings than the library gives it."""

    def run(
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        argv = [word for word in argv if word != without]
        if crowded:
            (script,) = [word for word in argv if word.endswith("bytecode_script.py")]
            at = argv.index(script)
            argv = [*argv[:at], "-c", CROWDED, *argv[at:]]
        previous = os.umask(umask) if umask >= 0 else None
        try:
            return process.run(argv, env={**env, **(environment or {})}, cwd=cwd)
        finally:
            if previous is not None:
                os.umask(previous)

    return run


# --- the same bytes


@pytest.mark.real
def test_the_bytes_depend_on_nothing_but_sources_and_version(
    tmp_path: Path, interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bytecode, "_WORTH_A_PROCESS", 1)
    variants: dict[str, tuple[int | None, Run]] = {
        "one": (1, process.run),
        "many workers": (3, process.run),
        "a/much/deeper/folder": (2, process.run),
        "seed 1": (1, changed_run({"PYTHONHASHSEED": "1"}, without="-I")),
        "seed 2 and a locale": (2, changed_run({"PYTHONHASHSEED": "2", "LC_ALL": "C"}, without="-I")),
        "another umask": (1, changed_run(umask=0o077)),
        "crowded": (1, changed_run(crowded=True)),
    }
    made = {}
    for name, (workers, run) in variants.items():
        root = tmp_path / name
        compile_tree(root, fill(root, interpreter), interpreter, workers=workers, run=run)
        made[name] = bytecode_in(root)

    assert len(made["one"]) == COPIES * len(MODULES)
    for name, files in made.items():
        assert [path for path in files if files[path] != made["one"][path]] == [], name


@pytest.mark.real
def test_plain_compilation_does_depend_on_what_a_process_holds(pythons: Mapping[str, Path]) -> None:
    """So that the test above can fail."""
    if "3.13" not in pythons:
        pytest.skip("no Python 3.13 here")
    program = (
        "import sys, hashlib, marshal, sysconfig\n{imports}\n"
        "source = open(sysconfig.get_path('stdlib') + '/typing.py', 'rb').read()\n"
        "print(hashlib.sha256(marshal.dumps(compile(source, 'x', 'exec', dont_inherit=True))).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [pythons["3.13"], "-I", "-S", "-c", program.format(imports=imports)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for imports in ("", "import typing")
    }

    assert len(hashes) == 2


@pytest.mark.real
def test_another_patch_of_the_same_minor_version_loads_it(tmp_path: Path, pythons: Mapping[str, Path]) -> None:
    system = Path("/usr/bin/python3.11")
    if not system.exists() or "3.11" not in pythons:
        pytest.skip("no second Python 3.11 here")
    writer, reader = interpreter_at(pythons["3.11"]), interpreter_at(system)
    if writer.version == reader.version:
        pytest.skip("both are of the same patch")
    tree = lay(tmp_path / "root", {"tiny.py": b"import sys\nprint(__cached__, __spec__.loader.path)\n"})
    compile_tree(tmp_path / "root", tree, writer)
    # Only bytecode that is loaded hides that the source is another now.
    (tmp_path / "root/python/tiny.py").write_bytes(b"1/0\n")

    done = subprocess.run(
        [reader.path, "-B", "-c", "import tiny"],
        env={"PYTHONPATH": str(tmp_path / "root/python")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "tiny.cpython-311.pyc" in done.stdout


@pytest.mark.real
def test_apart_from_references_the_content_is_that_of_plain_compilation(interpreter: Interpreter) -> None:
    """Version 2 of marshal has no references: there only the values count. It has no slices either."""
    program = (
        "import marshal, runpy, sys\n"
        "script = runpy.run_path(sys.argv[1])\n"
        "def plain(value):\n"
        "    if isinstance(value, slice):\n"
        "        return (slice.__name__, *map(plain, (value.start, value.stop, value.step)))\n"
        "    if isinstance(value, (tuple, frozenset)):\n"
        "        return type(value)(map(plain, value))\n"
        "    if isinstance(value, type(plain.__code__)):\n"
        "        return value.replace(co_consts=plain(value.co_consts))\n"
        "    return value\n"
        "for path in sys.argv[2:]:\n"
        "    code = compile(open(path, 'rb').read(), path, 'exec', dont_inherit=True)\n"
        "    ours = script['with_strings_once'](code, {})\n"
        "    assert marshal.dumps(plain(ours), 2) == marshal.dumps(plain(code), 2), path\n"
    )
    script = Path(bytecode.__file__).with_name("bytecode_script.py")
    modules = [standard_library(interpreter) / module for module in MODULES]

    done = subprocess.run(
        [interpreter.path, "-I", "-B", "-c", program, script, *modules], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


# --- what is written


def test_writes_the_code_that_an_import_would_with_the_paths_of_lambda(tmp_path: Path) -> None:
    source = (
        b"'''Says.'''\n__all__ = ('f', 'C.f')\n"
        b"def f(a, *, b=1.5):\n    class C:\n        def f(self): return (a, b, 'C.f', b'x', 10**20, -0.0, ..., None)\n"
        b"    return C().f() if a in {'q', None, 3} else (C.f.__qualname__, f'{a!r}')\n"
    )
    tree = lay(tmp_path / "root", {"tiny/__init__.py": b"", "tiny/said.py": source})

    compile_tree(tmp_path / "root", tree, HERE)

    content = (tmp_path / f"root/python/tiny/__pycache__/said.{HERE.cache_tag}.pyc").read_bytes()
    assert content[:4] == importlib.util.MAGIC_NUMBER
    assert content[4:8] == b"\1\0\0\0"  # by hash, and unchecked
    assert content[8:16] == importlib.util.source_hash(source)
    code = marshal.loads(content[16:])  # noqa: S302 - it was written a moment ago
    assert code == compile(source, "", "exec", dont_inherit=True)
    assert {each.co_filename for each in _all_code(code)} == {"/opt/python/tiny/said.py"}


def _all_code(code: CodeType) -> list[CodeType]:
    return [code, *(each for const in code.co_consts if isinstance(const, CodeType) for each in _all_code(const))]


def test_what_is_not_python_gets_none_and_stops_nothing(tmp_path: Path) -> None:
    files = {
        "tiny/__init__.py": b"x = 1\n",
        "tiny/template.py": b"print {{ name }}\n",
        "tiny/old.py": b"print 'hello'\n",
        "tiny/null.py": b"x = '\0'\n",
        "tiny/encoded.py": b"# coding: nonsense\n",
        "tiny/bytes.py": b"x = '\xff'\n",
        "tiny/warns.py": b"x = '\\d' is 1\n",
        "tiny/0001_not_a_name.py": b"x = 1\n",
        "tiny/mü ☃.py": b"x = 1\n",
        "tiny/data.txt": b"x = 1\n",
    }
    tree = lay(tmp_path / "root", files)

    compiled = compile_tree(tmp_path / "root", tree, HERE)

    added = {file.path.rpartition("/")[2] for file in set(compiled.files) - set(tree.files)}
    stems = ("__init__", "0001_not_a_name", "warns", "mü ☃")
    assert added == {f"{stem}.{HERE.cache_tag}.pyc" for stem in stems}


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_modes_are_the_same_under_any_umask(umask: int, tmp_path: Path) -> None:
    tree = lay(tmp_path / "root", {"tiny/__init__.py": b"x = 1\n"})

    compile_tree(tmp_path / "root", tree, HERE, run=changed_run(umask=umask))

    (written,) = (tmp_path / "root").rglob("*.pyc")
    assert oct(written.stat().st_mode & 0o777) == "0o644"
    assert oct(written.parent.stat().st_mode & 0o777) == "0o755"


def test_the_tree_has_the_new_files_with_their_sizes_and_owners(tmp_path: Path) -> None:
    tree = lay(tmp_path / "root", {"tiny/__init__.py": b"x = 1\n", "tiny/a.py": b"y = 2\n"})
    (tmp_path / "root/python/own.py").write_bytes(b"z = 3\n")
    tree = normalise(tmp_path / "root")
    record = next((tmp_path / "root").rglob("RECORD")).read_bytes()

    compiled = compile_tree(tmp_path / "root", tree, HERE)

    sizes = {path: len(content) for path, content in bytecode_in(tmp_path / "root").items()}
    own = f"python/__pycache__/own.{HERE.cache_tag}.pyc"
    assert own in sizes
    assert {file.path: file.size for file in set(compiled.files) - set(tree.files)} == sizes
    assert [file.path for file in compiled.files] == sorted(file.path for file in compiled.files)
    assert compiled.sizes["tiny"] == tree.sizes["tiny"] + sum(sizes.values()) - sizes[own]
    assert {compiled.owners[path] for path in sizes if path != own} == {"tiny"}
    assert own not in compiled.owners
    assert next((tmp_path / "root").rglob("RECORD")).read_bytes() == record
    write_zip(tmp_path / "root", compiled, tmp_path / "layer.zip")


def test_a_tree_without_python_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "root/python").mkdir(parents=True)
    (tmp_path / "root/outside.py").write_bytes(b"x = 1\n")
    tree = normalise(tmp_path / "root")

    assert compile_tree(tmp_path / "root", tree, HERE) == tree


# --- what is refused


def test_python_that_writes_other_bytes_each_time_is_refused(tmp_path: Path) -> None:
    old = Interpreter(path=Path("/nonexistent/python3.10"), version="3.10.13", cache_tag="cpython-310")

    with pytest.raises(BuildError, match=r"3\.10\.13 doesn't write the same bytecode twice(.|\n)*3\.11 and later"):
        compile_tree(tmp_path, Tree(files=(), sizes={}, contested={}), old)


def test_a_file_that_compiles_on_some_machines_only_is_refused(tmp_path: Path) -> None:
    tree = lay(tmp_path / "root", {"tiny/deep.py": b"x = " + b"not " * 100_000 + b"1\n"})

    with pytest.raises(BuildError, match=r"python/tiny/deep\.py is nested too deeply"):
        compile_tree(tmp_path / "root", tree, HERE)


def test_bytecode_that_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    tree = lay(tmp_path / "root", {"tiny/__init__.py": b"x = 1\n"})
    compile_tree(tmp_path / "root", tree, HERE)

    with pytest.raises(BuildError, match="can't compile the layer"):
        compile_tree(tmp_path / "root", tree, HERE)
