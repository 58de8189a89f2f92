"""A first build with the wheels in uv's cache, over uv alone."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from deflate import deflate_compress

from benchmarks.case import Case, Row
from benchmarks.pairs import Subject, process
from benchmarks.workspace import APPS, Workspace
from layer_constructs.building import archive, interpreter, tree
from layer_constructs.building.audit.audit import audit
from layer_constructs.building.bytecode import compile_tree
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.entry.python_code import SITE
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.install import install
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.planning import make_plan
from layer_constructs.building.process import Completed, run
from layer_constructs.building.recorded import Recorded
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel

REQUIREMENTS = "numpy==2.2.6\npandas==2.3.2\nrequests\ncryptography\n"
TARGET = Target("python3.11", "x86_64")

UV = "uv, the lock"
UV_HASHED = "uv, hashed requirements"
TREE = "install + normalise"
ZIP = "zip"
DEFLATE = "read and deflate alone"
AUDITED, COMPILED = "zip + audit", "zip + bytecode + audit"
COMPILEALL = "python -m compileall alone"
BUILD = "build, as a process"


class _LastCall:
    """Runs what it is asked to and remembers it: the floor is exactly the call that the library makes."""

    def __init__(self) -> None:
        self.argv: list[str] = []
        self.env: dict[str, str] = {}

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        self.argv, self.env = list(argv), dict(env)
        return run(argv, env=env, cwd=cwd, secrets=secrets, show_progress=show_progress)


def _subjects(workspace: Workspace, *, names: Collection[str]) -> list[Subject]:
    return [subject for subject in _all(workspace) if subject.name in names]


def _all(workspace: Workspace) -> list[Subject]:
    requirements = workspace.file("first-build", "requirements.txt", text=REQUIREMENTS)
    planned = make_plan(Dependencies(requirements=requirements, locked=False), TARGET, cache=workspace.cache())
    plan, indexes = planned.plan, planned.indexes
    call = _warm(workspace, plan, indexes)
    hashed = workspace.file("first-build", "hashed.txt", text="".join(map(_pin, plan.wheels)))
    floor, hashed_floor = workspace.place("first-build", "floor"), workspace.place("first-build", "hashed-floor")
    ours, zipped = workspace.place("first-build", "ours"), workspace.place("first-build", "zipped")
    pylock_argv = _with(call.argv, "--target", floor / SITE)
    hashed_argv = _with(_with(call.argv, "--target", hashed_floor / SITE), "--requirements", hashed)
    hashed_argv.append("--require-hashes")
    # Once with network: a name's page of the index must be cached too, which a lock does without.
    process([word for word in hashed_argv if word != "--offline"], env=call.env)()

    def make_tree(folder: Path) -> tree.Tree:
        folder.mkdir()
        install(plan.wheels, plan.target, into=folder / SITE, work=folder, indexes=indexes)
        (folder / "pylock.layer.toml").unlink()
        return tree.normalise(folder, site=SITE)

    workspace.gone("first-build", "zipped")()
    finished = make_tree(zipped)
    uv_files = {path.relative_to(zipped).as_posix() for path in zipped.rglob("*") if path.is_file()}
    assert {file.path for file in finished.files} == uv_files
    out = workspace.place("first-build", "layer.zip")
    python = interpreter.find(platform.python_version())
    compiled = workspace.place("first-build", "compiled")
    compiled_tree: list[tree.Tree] = []

    # The mode is the library's, and without a prefix the bytecode goes where its own does.
    mode = ["--invalidation-mode", "unchecked-hash"]
    compileall: list[str | Path] = [python.path, "-m", "compileall", "-q", "-j", "0", *mode, compiled]
    environment = {name: value for name, value in workspace.environment.items() if name != "PYTHONPYCACHEPREFIX"}

    def tree_to_compile() -> None:
        workspace.gone("first-build", "compiled")()
        compiled_tree[:] = [make_tree(compiled)]

    def make_zip(folder: Path, finished: tree.Tree) -> None:
        recorded = Recorded(digests=finished.recorded, owners=finished.owners)
        archive.write_zip(folder, finished, out, recorded=recorded)

    def zip_and_audit(folder: Path, finished: tree.Tree) -> None:
        audit(folder, finished, TARGET)
        make_zip(folder, finished)

    def compile_zip_and_audit() -> None:
        zip_and_audit(compiled, compile_tree(compiled, compiled_tree[0], python))

    cached = workspace.place("layers-of-one-build")
    return [
        Subject(name=UV, action=process(pylock_argv, env=call.env), prepare=workspace.gone("first-build", "floor")),
        Subject(
            name=UV_HASHED,
            action=process(hashed_argv, env=call.env),
            prepare=workspace.gone("first-build", "hashed-floor"),
        ),
        Subject(name=TREE, action=lambda: make_tree(ours), prepare=workspace.gone("first-build", "ours")),
        Subject(name=ZIP, action=lambda: make_zip(zipped, finished)),
        Subject(name=DEFLATE, action=lambda: _deflate(zipped, finished)),
        Subject(name=AUDITED, action=lambda: zip_and_audit(zipped, finished)),
        Subject(name=COMPILED, action=compile_zip_and_audit, prepare=tree_to_compile),
        Subject(name=COMPILEALL, action=process(compileall, env=environment), prepare=tree_to_compile),
        Subject(
            name=BUILD,
            action=process([sys.executable, APPS / "build.py", requirements, cached], env=workspace.environment),
            prepare=workspace.gone("layers-of-one-build"),
        ),
    ]


def _deflate(folder: Path, finished: tree.Tree) -> None:
    """What no zip could be faster than: as `archive` does it, and nothing kept."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
        for _ in workers.map(lambda file: len(deflate_compress((folder / file.path).read_bytes(), 1)), finished.files):
            pass


def _warm(workspace: Workspace, plan: BuildPlan, indexes: Indexes) -> _LastCall:
    """The library's call of uv that finds every wheel in the cache."""
    call = _LastCall()
    work = workspace.place("first-build", "warm")
    work.mkdir(exist_ok=True)
    for _ in range(2):
        workspace.gone("first-build", "warm", SITE)()
        install(plan.wheels, plan.target, into=work / SITE, work=work, indexes=indexes, run=call)
    assert "--offline" in call.argv
    return call


def _pin(wheel: LockedWheel) -> str:
    return f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n"


def _with(argv: Sequence[str], option: str, value: Path) -> list[str]:
    at = argv.index(option)
    return [*argv[: at + 1], str(value), *argv[at + 2 :]]


_WORK = f"`{REQUIREMENTS.strip().replace(chr(10), ' ')}` for {TARGET}, every wheel in uv's cache."

CASES = (
    Case(
        name="first-build",
        about=(
            f"{_WORK} The floor is `uv pip install` with the library's own flags into an empty folder: from the lock "
            "that the library gives it, and from the same pins and hashes as a requirements file. `install + "
            "normalise` and `zip` are the library's functions called in this process; files are compared with their "
            "wheels' RECORDs while they are zipped. `build, as a process` is an interpreter that imports the library, "
            "reads the requirements and the lock, and does all of it into an empty cache."
        ),
        subjects=partial(_subjects, names=(UV, UV_HASHED, TREE, ZIP, BUILD)),
        rows=[
            Row(ours=TREE, over=UV, limit=1.3),
            Row(ours=TREE, over=UV_HASHED, limit=1.3),
            Row(ours=TREE, over=UV, limit=1.25),
            Row(ours=ZIP, over=UV),
            Row(ours=BUILD, over=UV),
        ],
    ),
    Case(
        name="first-build-finish",
        about=(
            f"{_WORK} What comes after the tree, called in this process, over what comes before; `bytecode` is made "
            "only where a user wants it. No zip could be faster than its deflating, at the fastest level of the "
            "fastest library, on all cores; and no bytecode than CPython's own `compileall` of the same files."
        ),
        subjects=partial(_subjects, names=(TREE, DEFLATE, ZIP, AUDITED, COMPILED, COMPILEALL)),
        rows=[
            Row(ours=AUDITED, over=TREE, limit=1.0),
            Row(ours=COMPILED, over=TREE, limit=1.0),
            *(Row(ours=limit, over=TREE) for limit in (DEFLATE, COMPILEALL)),
            Row(ours=ZIP, over=DEFLATE),
            Row(ours=COMPILED, over=COMPILEALL),
        ],
    ),
)
