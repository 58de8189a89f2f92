"""The first import of a package in AWS's emulator: a layer with bytecode, over the same layer without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.case import Case, Row, Unavailable
from benchmarks.pairs import Sample, Subject
from benchmarks.workspace import Workspace
from layer_constructs.building.build import build_planned
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target
from layer_constructs.emulation.function import LocalFunction
from layer_constructs.emulation.host import Host
from layer_constructs.emulation.laid_out import lay_layers
from layer_constructs.errors import ToolMissingError

TARGET = Target("python3.13", "x86_64")
PANDAS, BOTO3 = "pandas==2.3.2", "boto3==1.40.20"

# Lambda imports a handler's module in a new process, and what is imported there is the most of a cold start.
_HANDLER = """
from time import perf_counter, process_time
before = perf_counter(), process_time()
{statement}
wall, cpu = perf_counter() - before[0], process_time() - before[1]

def handler(event, context):
    return {{"wall": wall, "cpu": cpu}}
"""
_STATEMENTS = {
    PANDAS: "import pandas",
    BOTO3: "import boto3; boto3.client('s3', region_name='eu-west-1')",
}


def _name(requirement: str, *, bytecode: bool) -> str:
    return f"{requirement}, {'with' if bytecode else 'without'} bytecode"


def _subjects(workspace: Workspace) -> list[Subject]:
    return [
        Subject(name=_name(requirement, bytecode=bytecode), action=_import(workspace, requirement, bytecode=bytecode))
        for requirement in _STATEMENTS
        for bytecode in (False, True)
    ]


def _import(workspace: Workspace, requirement: str, *, bytecode: bool) -> Callable[[], Sample]:
    opt, task = _laid_out(workspace, requirement, bytecode=bytecode)
    code = _HANDLER.format(statement=_STATEMENTS[requirement])
    (task / "index.py").write_text(code, encoding="utf-8")
    function = LocalFunction(
        label="Function",
        name="function",
        runtime=TARGET.runtime,
        architecture=TARGET.architecture,
        handler="index.handler",
        code=code,
        layers=(),
        timeout=60,
        memory=1769,  # with which Lambda gives a function one whole processor
    )
    host, files = Host(cache=workspace.cache()), _files(opt)

    def action() -> Sample:
        done = host.invoke(function, task, opt, b"{}", port=None)
        assert done.error is None, done.log
        assert _files(opt) == files, "bytecode was written beside the layer's own"
        return Sample(**done.response)

    return action


def _laid_out(workspace: Workspace, requirement: str, *, bytecode: bool) -> tuple[Path, Path]:
    """The layer as a folder, and another for the function."""
    requirements = workspace.file("cold-import", f"{requirement}.txt", text=f"{requirement}\n")
    wanted = Dependencies(requirements=requirements, locked=False, bytecode=bytecode)
    cache = workspace.cache()
    try:
        layer = build_planned(make_plan(wanted, TARGET, cache=cache), cache=cache, label="layer")
    except ToolMissingError as error:
        raise Unavailable(str(error).partition("\n")[0]) from error
    folder = workspace.place("cold-import", f"{requirement}-{bytecode}")
    workspace.gone("cold-import", folder.name)()
    opt, task = folder / "opt", folder / "task"
    opt.mkdir(parents=True)
    task.mkdir()
    lay_layers([layer.archive], opt)
    compiled = any(path.suffix == ".pyc" for path in _files(opt))
    assert compiled is bytecode, f"the layer {'has no' if bytecode else 'has'} bytecode"
    return opt, task


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


CASE = Case(
    name="cold-import",
    about=(
        f"A function's first import of a package for {TARGET}, in AWS's emulator with the runtime's own Python: a new "
        "process each time, the layer in `/opt`, every file in the page cache, and nothing written. The layer with "
        "`bytecode=True` over the same without. The times are the function's own, around the import (for boto3, and "
        "its first client)."
    ),
    subjects=_subjects,
    rows=[
        Row(ours=_name(PANDAS, bytecode=True), over=_name(PANDAS, bytecode=False), limit=0.4),
        Row(ours=_name(BOTO3, bytecode=True), over=_name(BOTO3, bytecode=False)),
    ],
)
