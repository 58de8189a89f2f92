"""Synthesising again: one large layer from the cache, over a plain LayerVersion."""

from __future__ import annotations

from benchmarks.case import Case, Row
from benchmarks.cases import synths
from benchmarks.cases.first_build import REQUIREMENTS
from benchmarks.pairs import Subject
from benchmarks.workspace import Workspace


def _subjects(workspace: Workspace) -> list[Subject]:
    requirements = workspace.file("resynth", "requirements.txt", text=REQUIREMENTS)
    empty = workspace.place("resynth", "empty")
    empty.mkdir(exist_ok=True)
    return synths.kept_and_fresh(workspace, "resynth", plain=[empty], deps=[requirements])


CASE = Case(
    name="resynth",
    about=(
        "An app with one stack and one layer, as a whole process: the layer of `first-build` from the cache, over a "
        "plain `LayerVersion` over an empty folder; with `cdk.out` kept from the run before, and with a fresh one. "
        "What is added is told apart in `resynth-parts`; what a further layer or app in the process adds is in "
        "`many-layers` and `template-tests`."
    ),
    subjects=_subjects,
    rows=[
        Row(ours=synths.DEPS_KEPT, over=synths.PLAIN_KEPT, limit=1.1),
        Row(ours=synths.DEPS_FRESH, over=synths.PLAIN_FRESH, limit=1.1),
        Row(ours=synths.DEPS_KEPT, over=synths.PLAIN_KEPT, limit=50, per=1, by="CPU"),
        Row(ours=synths.DEPS_FRESH, over=synths.PLAIN_FRESH, limit=50, per=1, by="CPU"),
    ],
)
