"""Measure what the project claims about speed, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:  # run as a script, the folder of the script is there instead
    sys.path.insert(0, str(ROOT))

from benchmarks import report  # noqa: E402 - after the path is right
from benchmarks.case import Case, Unavailable  # noqa: E402 - the same
from benchmarks.cases import (  # noqa: E402 - the same
    audit,
    cold_import,
    deploy,
    first_build,
    functions,
    growth,
    imports,
    many_layers,
    memory,
    mixed,
    peers,
    regions,
    resynth,
    resynth_parts,
    template_tests,
    verification,
)
from benchmarks.own_table import OwnTable  # noqa: E402 - the same
from benchmarks.pairs import measure  # noqa: E402 - the same
from benchmarks.workspace import Workspace  # noqa: E402 - the same

_MODULES = (
    resynth,
    resynth_parts,
    many_layers,
    verification,
    functions,
    mixed,
    audit,
    regions,
    imports,
    deploy,
    cold_import,
    memory,
    growth,
)
CASES: dict[str, Case | OwnTable] = {
    case.name: case
    for case in (*first_build.CASES, *(module.CASE for module in _MODULES), *peers.CASES, *template_tests.CASES)
}


def main() -> None:
    arguments = _parser().parse_args()
    with ExitStack() as stack:
        folder = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
        folder.mkdir(parents=True, exist_ok=True)
        workspace = Workspace(folder.absolute())
        workspace.enter()
        sections, pictures = {}, []
        for case in [CASES[name] for name in arguments.only or CASES]:
            print(case.name, file=sys.stderr, flush=True)
            try:
                section = _section(case, workspace, runs=min(arguments.runs, case.most_runs or arguments.runs))
            except Unavailable as reason:
                section = report.unavailable(case, reason)
            else:
                pictures += [workspace.place(case.name, name) for name in getattr(case, "pictures", ())]
            sections[case.name] = section
            print(section, flush=True)
        if arguments.write or not arguments.only:
            before = arguments.output.read_text(encoding="utf-8") if arguments.output.exists() else ""
            arguments.output.parent.mkdir(exist_ok=True)
            arguments.output.write_text(report.render(sections, before=before, order=list(CASES)), encoding="utf-8")
            for picture in pictures:
                shutil.copy(picture, arguments.output.parent)


def _section(case: Case | OwnTable, workspace: Workspace, *, runs: int) -> str:
    if isinstance(case, OwnTable):
        return case.section(workspace, runs=runs)
    return report.section(case, measure(case.subjects(workspace), runs=runs, warm_up=case.warm_up))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="rounds of each case (default: %(default)s)")
    parser.add_argument(
        "--only", action="append", choices=sorted(CASES), help="only this case, printed and not written; repeatable"
    )
    parser.add_argument(
        "--write", action="store_true", help="with --only: write these, and leave the others as they are"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md", help="where the table goes")
    parser.add_argument("--work", type=Path, help="a folder to keep caches in between runs (default: a temporary one)")
    return parser


if __name__ == "__main__":
    main()
