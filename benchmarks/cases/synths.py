"""The two apps, synthesised into a `cdk.out` that is kept and into a fresh one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pairs import Subject, process
from benchmarks.workspace import APPS, Workspace

PLAIN_KEPT = "plain, cdk.out kept"
PLAIN_FRESH = "plain, fresh cdk.out"
DEPS_KEPT = "PythonDepsLayer, cdk.out kept"
DEPS_FRESH = "PythonDepsLayer, fresh cdk.out"


def kept_and_fresh(workspace: Workspace, folder: str, *, plain: Sequence[Path], deps: Sequence[Path]) -> list[Subject]:
    """Four subjects; the layers of ``deps`` are built and in the cache when this returns.

    :param plain: the folders of plain layer versions.
    :param deps: the requirements files of ours.
    """
    outputs = {name: workspace.place(folder, name) for name in ("plain-kept", "plain-fresh", "kept", "fresh")}

    def subject(name: str, app: str, output: str, arguments: Sequence[Path], *, fresh: bool) -> Subject:
        argv: list[str | Path] = [sys.executable, APPS / app, outputs[output], *arguments]
        action = process(argv, env=workspace.environment, cwd=workspace.folder)
        if fresh:
            return Subject(name=name, action=action, prepare=workspace.gone(folder, output))
        return Subject(name=name, action=action)

    subjects = [
        subject(PLAIN_KEPT, "plain.py", "plain-kept", plain, fresh=False),
        subject(PLAIN_FRESH, "plain.py", "plain-fresh", plain, fresh=True),
        subject(DEPS_KEPT, "deps.py", "kept", deps, fresh=False),
        subject(DEPS_FRESH, "deps.py", "fresh", deps, fresh=True),
    ]
    subjects[2].action()
    staged = {path.stat().st_ino for path in outputs["kept"].glob("asset.*.zip")}
    assert len(staged) == len(deps), "each requirements file gives a layer of its own"
    return subjects
