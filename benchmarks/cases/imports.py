"""Importing the library, over importing what every app that uses it imports anyway."""

from __future__ import annotations

import sys

from benchmarks.case import Case, Row
from benchmarks.pairs import Subject, process
from benchmarks.workspace import Workspace

CDK = "the CDK's modules"
OURS = "PythonDepsLayer"
CDK_PACKAGE = "import aws_cdk"
OURS_PACKAGE = "import aws_cdk, layer_constructs"


def _subjects(workspace: Workspace) -> list[Subject]:
    def importing(statement: str) -> list[str]:
        return [sys.executable, "-c", statement]

    return [
        Subject(
            name=CDK,
            action=process(
                importing("import aws_cdk; from aws_cdk import aws_lambda, aws_s3_assets"), env=workspace.environment
            ),
        ),
        Subject(
            name=OURS,
            action=process(importing("from layer_constructs import PythonDepsLayer"), env=workspace.environment),
        ),
        Subject(name=CDK_PACKAGE, action=process(importing(CDK_PACKAGE), env=workspace.environment)),
        Subject(name=OURS_PACKAGE, action=process(importing(OURS_PACKAGE), env=workspace.environment)),
    ]


CASE = Case(
    name="imports",
    about=(
        "`from layer_constructs import PythonDepsLayer` in a new interpreter, over `import aws_cdk` with `aws_lambda` "
        "and `aws_s3_assets`; and the package alone over the CDK's, since what it names is imported when it is first "
        "asked for. In milliseconds."
    ),
    subjects=_subjects,
    rows=[Row(ours=OURS, over=CDK, limit=50, per=1), Row(ours=OURS_PACKAGE, over=CDK_PACKAGE, limit=50, per=1)],
)
