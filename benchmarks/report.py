"""Results -> Markdown."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version

from benchmarks import cells
from benchmarks.case import Case, Row, Unavailable
from benchmarks.own_table import OwnTable
from benchmarks.pairs import Measured, Spread, cpu, wall
from benchmarks.summary import summary

_HEAD = """\
# Benchmarks

Written by `make bench`, which runs `benchmarks/run.py`; nothing here is edited by hand. What is compared runs in turn,
in rounds after a warm-up, and each round gives one ratio (or difference): the tables show their median, and in brackets
their minimum and maximum. The noise is the same program against itself in the same rounds. CPU time is user
and system time of the processes and all they start; other programs on the machine disturb it less than wall time.

A target is *met* or *missed* if the median keeps or breaks it with 95 % confidence (sign test over the rounds), and
*undecided* if the rounds differ too much to say: more rounds, or a quieter machine, would. Fewer than six rounds can't
give that confidence: then it is said if every single one keeps or breaks it. Where one clock decides, the other has no
verdict.

{machine}
"""


def render(sections: Mapping[str, str], *, before: str, order: Sequence[str]) -> str:
    """The whole document.

    :param sections: what was measured now, by the names of the cases.
    :param before: the document as it was: what is measured later stays as it is.
    :param order: the names of all cases.
    """
    there = {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in before.split("\n## ")[1:]}
    there.update(sections)
    ordered = {name: there[name] for name in order if name in there}
    targets = "\n".join(["## Targets", "", *summary(ordered), ""])
    return "\n".join([_HEAD.format(machine=_machine()), targets, *ordered.values()])


def unavailable(case: Case | OwnTable, reason: Unavailable) -> str:
    """One case that this machine can't run."""
    return f"## {case.name}\n\n{case.about}\n\nNot measured here: {reason}.\n"


def section(case: Case, measured: Measured) -> str:
    """One case: its targets, then the times they come from."""
    rounds = len(measured.again)
    about = f"{case.about} {rounds} round{'' if rounds == 1 else 's'}."
    return "\n".join([f"## {case.name}", "", about, "", *_targets(case, measured), "", *_times(measured), ""])


def _targets(case: Case, measured: Measured) -> Iterator[str]:
    yield "| ours | over | wall | CPU | target | by wall | by CPU |"
    yield "|---|---|---|---|---|---|---|"
    for row in case.rows:
        yield _line(row, measured)
    units: dict[bool, int | None] = {}
    for row in case.rows:
        units.setdefault(row.per is None, row.per)
    for per in units.values():
        if per is None:
            noise = [cells.ratio(measured.noise(clock)) for clock in (wall, cpu)]
        else:
            noise = [cells.milliseconds(measured.noise_added(clock, per=per)) for clock in (wall, cpu)]
        yield f"| {measured.first} | itself (the noise) | {' | '.join(noise)} | | | |"


def _line(row: Row, measured: Measured) -> str:
    over = row.over if row.beyond is None else f"{row.over}, both beyond {row.beyond}"
    absent = [measured.missing[name] for name in (row.ours, row.over, row.beyond or "") if name in measured.missing]
    if absent:
        return f"| {row.ours} | {over} | can't run: {_cell(absent[0])} | | | | |"
    if row.per is None:
        walls, cpus = (
            measured.ratio(row.ours, row.over, clock)
            if row.beyond is None
            else measured.ratio_beyond(row.ours, row.over, clock, beyond=row.beyond)
            for clock in (wall, cpu)
        )
        shown, limit = cells.ratio, f"{row.limit:.2f} x" if row.limit is not None else ""
    else:
        walls, cpus = (measured.added(row.ours, row.over, clock, per=row.per) for clock in (wall, cpu))
        shown, limit = cells.milliseconds, f"+{row.limit:.0f} ms" if row.limit is not None else ""
    line = [
        row.ours,
        over,
        shown(walls),
        shown(cpus),
        limit,
        cells.verdict(row.limit, walls) if row.by != "CPU" else "",
        cells.verdict(row.limit, cpus) if row.by != "wall" else "",
    ]
    return f"| {' | '.join(line)} |"


def _times(measured: Measured) -> Iterator[str]:
    yield "| seconds | wall | CPU |"
    yield "|---|---|---|"
    for name, samples in measured.samples.items():
        walls, cpus = (Spread.of([clock(sample) for sample in samples]) for clock in (wall, cpu))
        yield f"| {name} | {cells.seconds(walls)} | {cells.seconds(cpus)} |"
    for name, reason in measured.missing.items():
        yield f"| {name} | can't run: {_cell(reason)} | |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _machine() -> str:
    node = shutil.which("node")
    node_version = (
        subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout if node else ""
    )
    tools = [f"{name} {version(name)}" for name in ("aws-cdk-lib", "jsii", "uv", "deflate")]
    return (
        f"Machine: {os.cpu_count()} cores, {_system()}, {platform.machine()}; Python {platform.python_version()}, "
        f"Node {node_version.strip().removeprefix('v') or 'unknown'}, {', '.join(tools)}."
    )


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()
