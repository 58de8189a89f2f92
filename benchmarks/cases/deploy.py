"""``cdk deploy`` of a large layer to moto's server, over the CDK's own layer version of the same files."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from benchmarks.case import Case, Row, Unavailable
from benchmarks.cases.first_build import REQUIREMENTS, TARGET
from benchmarks.pairs import Subject
from benchmarks.workspace import APPS, Workspace
from layer_constructs.building.build import build_planned
from layer_constructs.building.cache import CachedLayer
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.emulation.laid_out import lay_layers
from tests.support.moto import ACCOUNT, CDK, REGION, Api, running
from tests.support.wheels import make_wheel

PLAIN_SAME, OURS_SAME = "plain, unchanged", "PythonDepsLayer, unchanged"
PLAIN, OURS = "plain, changed", "PythonDepsLayer, changed"
OURS_UNBUILT = "PythonDepsLayer, changed and not built yet"

_LEAST = 120_000_000  # bytes
_CHANGING = "layer-constructs-changing"  # nobody's on the index


def _subjects(workspace: Workspace) -> list[Subject]:
    if not CDK.exists():
        raise Unavailable(f"there is no {CDK}, which `npm ci` installs")
    api = _api(workspace)
    numbers = count(1)
    folder, same_folder = _plain(workspace, "changed"), _plain(workspace, "same")

    def change_folder() -> None:
        (folder / "python" / "layer_constructs_changing.py").write_text(f"VERSION = {next(numbers)}\n")

    def change_requirements(*, build: bool) -> Callable[[], Path]:
        name = "built" if build else "unbuilt"

        def change() -> Path:
            return _layer(workspace, name, version=f"1.{next(numbers)}", build=build)[0]

        return change

    built, unbuilt = change_requirements(build=True), change_requirements(build=False)
    same, _ = _layer(workspace, "same", version="1.0", build=True)

    def subject(name: str, stack: str, source: Path, prepare: Callable[[], object], *, changed: bool) -> Subject:
        outdir = workspace.place("deploy", f"{stack}.out")

        def action() -> None:
            done = api.cdk(
                "deploy",
                "--method=direct",  # moto tells of a deleted change set in other words than the CLI waits for
                "--require-approval=never",
                "--no-version-reporting",
                f"--output={outdir}",
                f"--app={sys.executable} {APPS / 'deployed.py'} {outdir} {stack} {source}",
                folder=workspace.folder,
            )
            assert ("(no changes)" in done.stdout + done.stderr) is not changed

        return Subject(name=name, action=action, prepare=prepare)

    subjects = [
        subject(PLAIN_SAME, "PlainSame", same_folder, lambda: None, changed=False),
        subject(OURS_SAME, "Same", same, lambda: None, changed=False),
        subject(PLAIN, "Plain", folder, change_folder, changed=True),
        subject(OURS, "Changed", built(), built, changed=True),
        subject(OURS_UNBUILT, "Unbuilt", unbuilt(), unbuilt, changed=True),
    ]
    for each, stack, source in ((PLAIN_SAME, "PlainSame", same_folder), (OURS_SAME, "Same", same)):
        subject(each, stack, source, lambda: None, changed=True).action()
    return subjects


def _api(workspace: Workspace) -> Api:
    """The server, which ends with this process."""
    workspace.gone("deploy")()
    server = workspace.place("deploy", "server")
    server.mkdir(parents=True)
    stack = ExitStack()
    atexit.register(stack.close)
    api = stack.enter_context(running(server))
    api.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", folder=server)
    return api


def _layer(workspace: Workspace, name: str, *, version: str, build: bool) -> tuple[Path, CachedLayer | None]:
    """A locked requirements file, of which one small package is of this version."""
    wheels = workspace.place("deploy", "wheels", "here").parent
    module = f"VERSION = {version!r}\n".encode()
    make_wheel(wheels, _CHANGING, version, files={"layer_constructs_changing.py": module})
    text = f"--find-links {wheels}\n{REQUIREMENTS}{_CHANGING}=={version}\n"
    file = workspace.file("deploy", name, "requirements.txt", text=text)
    cache = workspace.cache()
    planned = make_plan(Dependencies(requirements=file, locked=False), TARGET, cache=cache)
    return file, build_planned(planned, cache=cache, label="layer") if build else None


def _plain(workspace: Workspace, name: str) -> Path:
    """The files of our layer, as a folder."""
    _, layer = _layer(workspace, "same", version="1.0", build=True)
    assert layer
    assert layer.facts.unzipped_size >= _LEAST, f"{layer.facts.unzipped_size:,} bytes are not what the target is about"
    folder = workspace.place("deploy", f"plain-{name}")
    folder.mkdir()
    lay_layers([layer.archive], folder)
    return folder


CASE = Case(
    name="deploy",
    about=(
        f"`cdk deploy` to moto's server of `{REQUIREMENTS.strip().replace(chr(10), ' ')}` for {TARGET}, as an asset of "
        "126 MB; over a plain `LayerVersion` over a folder with the same files, which are there already, and which the "
        "CDK copies and zips. Changed is the version of one small package. Our layer is in the cache, as it is where "
        "tests or a synth ran before; or it is built in the deployment, its wheels in uv's cache."
    ),
    subjects=_subjects,
    rows=[
        Row(ours=OURS, over=PLAIN, limit=0.6),
        Row(ours=OURS_UNBUILT, over=PLAIN),
        Row(ours=OURS_SAME, over=PLAIN_SAME),
    ],
    most_runs=3,
)
