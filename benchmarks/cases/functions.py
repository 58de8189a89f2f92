"""Fifty functions that use a layer of ours, over the same app without the checks."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.case import Case, Row
from benchmarks.pairs import Subject, process
from benchmarks.workspace import APPS, Workspace

CHECKED, UNCHECKED = "checked", "the same without the checks"
STAGED, STAGED_UNCHECKED = "checked, in a stage", "the same in a stage without the checks"


def _subjects(workspace: Workspace) -> list[Subject]:
    requirements = workspace.file("functions", "requirements.txt", text="six==1.17.0\n")

    def subject(name: str, output: str, *, checked: bool, staged: bool) -> Subject:
        flags = ["yes" if flag else "no" for flag in (checked, staged)]
        argv: list[str | Path] = [
            sys.executable,
            APPS / "functions.py",
            workspace.place("functions", output),
            requirements,
            *flags,
        ]
        return Subject(name=name, action=process(argv, env=workspace.environment, cwd=workspace.folder))

    return [
        subject(UNCHECKED, "unchecked", checked=False, staged=False),
        subject(CHECKED, "checked", checked=True, staged=False),
        subject(STAGED_UNCHECKED, "staged-unchecked", checked=False, staged=True),
        subject(STAGED, "staged", checked=True, staged=True),
    ]


CASE = Case(
    name="functions",
    about=(
        "An app with one layer from the cache and 50 functions that use it, over the same app whose layer doesn't "
        "watch over its functions. In a stage the templates are written once more, since the CDK validates a stage's "
        "tree and nothing else of it. In milliseconds an app."
    ),
    subjects=_subjects,
    rows=[
        Row(ours=CHECKED, over=UNCHECKED, limit=200, per=1),
        Row(ours=STAGED, over=STAGED_UNCHECKED, limit=200, per=1),
    ],
)
