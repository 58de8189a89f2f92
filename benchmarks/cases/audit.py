"""The audit of a layer as large as no layer may be."""

from __future__ import annotations

from benchmarks.case import Case, Row
from benchmarks.pairs import Subject
from benchmarks.workspace import Workspace
from layer_constructs.building import tree
from layer_constructs.building.audit.audit import audit
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.entry.python_code import SITE
from layer_constructs.building.install import install
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target

REQUIREMENTS = "numpy==2.2.6\npandas==2.3.2\npyarrow==21.0.0\npillow==11.3.0\nscikit-learn==1.7.1\nscipy==1.16.1\n"
TARGET = Target("python3.13", "x86_64")
_LEAST = 400_000_000  # bytes

AUDIT, NOTHING = "audit", "nothing"


def _subjects(workspace: Workspace) -> list[Subject]:
    requirements = workspace.file("audit", "requirements.txt", text=REQUIREMENTS)
    planned = make_plan(Dependencies(requirements=requirements, locked=False), TARGET, cache=workspace.cache())
    workspace.gone("audit", "tree")()
    folder = workspace.place("audit", "tree")
    folder.mkdir()
    install(planned.plan.wheels, TARGET, into=folder / SITE, work=folder, indexes=planned.indexes)
    finished = tree.normalise(folder, site=SITE)
    size = sum(file.size for file in finished.files)
    assert size >= _LEAST, f"{size:,} bytes are not what the target is about"
    return [
        Subject(name=NOTHING, action=lambda: None),
        Subject(name=AUDIT, action=lambda: audit(folder, finished, TARGET)),
    ]


CASE = Case(
    name="audit",
    about=(
        f"`{REQUIREMENTS.strip().replace(chr(10), ' ')}` for {TARGET}, installed: at least {_LEAST / 1e6:.0f} MB of "
        "files are audited, more than a layer may have. In milliseconds."
    ),
    subjects=_subjects,
    rows=[Row(ours=AUDIT, over=NOTHING, limit=1000, per=1)],
)
