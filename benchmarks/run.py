"""Measure what the project claims about speed, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:  # run as a script, the folder of the script is there instead
    sys.path.insert(0, str(ROOT))

from benchmarks import report  # noqa: E402 - after the path is right
from benchmarks.case import Unavailable  # noqa: E402 - the same
from benchmarks.cases import (  # noqa: E402 - the same
    audit,
    first_build,
    functions,
    imports,
    many_layers,
    mixed,
    regions,
    resynth,
)
from benchmarks.pairs import measure  # noqa: E402 - the same
from benchmarks.workspace import Workspace  # noqa: E402 - the same

_MODULES = (first_build, resynth, many_layers, functions, mixed, audit, regions, imports)
CASES = {module.CASE.name: module.CASE for module in _MODULES}


def main() -> None:
    arguments = _parser().parse_args()
    with ExitStack() as stack:
        folder = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
        folder.mkdir(parents=True, exist_ok=True)
        workspace = Workspace(folder.absolute())
        workspace.enter()
        sections = {}
        for case in [CASES[name] for name in arguments.only or CASES]:
            print(case.name, file=sys.stderr, flush=True)
            try:
                section = report.section(case, measure(case.subjects(workspace), runs=arguments.runs))
            except Unavailable as reason:
                section = report.unavailable(case, reason)
            sections[case.name] = section
            print(section, flush=True)
    if arguments.write or not arguments.only:
        before = arguments.output.read_text(encoding="utf-8") if arguments.output.exists() else ""
        arguments.output.parent.mkdir(exist_ok=True)
        arguments.output.write_text(report.render(sections, before=before, order=list(CASES)), encoding="utf-8")


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
