"""Forty small layers from the cache, over forty plain ones."""

from __future__ import annotations

from itertools import combinations, islice

from benchmarks.case import Case, Row
from benchmarks.cases import synths
from benchmarks.pairs import Subject
from benchmarks.workspace import Workspace

COUNT = 40

# Small, pure, and without dependencies: three of eight make 56 different layers.
_PACKAGES = (
    "attrs==25.3.0", "certifi==2025.8.3", "charset-normalizer==3.4.3", "click==8.2.1",
    "idna==3.10", "packaging==25.0", "six==1.17.0", "urllib3==2.5.0",
)  # fmt: skip


REQUIREMENTS = tuple("\n".join(three) + "\n" for three in islice(combinations(_PACKAGES, 3), COUNT))


def _subjects(workspace: Workspace) -> list[Subject]:
    empty = workspace.place("many", "empty")
    empty.mkdir(exist_ok=True)
    files = [
        workspace.file("many", f"layer{number}", "requirements.txt", text=text)
        for number, text in enumerate(REQUIREMENTS)
    ]
    return synths.kept_and_fresh(workspace, "many", plain=[empty] * COUNT, deps=files)


CASE = Case(
    name="many-layers",
    about=(
        f"An app with one stack and {COUNT} layers of three small packages each from the cache, over {COUNT} plain "
        "`LayerVersion`s over an empty folder, which the CDK hashes and copies only once. In milliseconds a layer."
    ),
    subjects=_subjects,
    rows=[
        Row(ours=synths.DEPS_KEPT, over=synths.PLAIN_KEPT, limit=15, per=COUNT),
        Row(ours=synths.DEPS_FRESH, over=synths.PLAIN_FRESH, limit=15, per=COUNT),
        Row(ours=synths.DEPS_KEPT, over=synths.PLAIN_KEPT, limit=10, per=COUNT),
        Row(ours=synths.DEPS_FRESH, over=synths.PLAIN_FRESH, limit=10, per=COUNT),
    ],
)
