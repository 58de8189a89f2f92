"""What a comparison says of peers that can't run, of few rounds, and of what both sides do anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import pytest

from benchmarks import report
from benchmarks.case import Case, Row
from benchmarks.pairs import CannotRun, Measured, Sample, Subject, measure


def _section(*rows: Row, samples: dict[str, Sequence[float]], missing: dict[str, str] | None = None) -> list[str]:
    taken = {name: [Sample(wall=value, cpu=value) for value in values] for name, values in samples.items()}
    first = next(iter(taken))
    measured = Measured(samples=taken, first=first, again=taken[first], missing=missing or {})
    case = Case(name="case", about="About.", subjects=lambda workspace: [], rows=rows)
    return report.section(case, measured).splitlines()


def _cannot() -> NoReturn:
    raise CannotRun("no engine here")


def test_a_peer_that_cannot_run_is_a_row_that_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    subjects = [Subject(name="ours", action=lambda: None), Subject(name="peer", action=_cannot, optional=True)]
    measured = measure(subjects, runs=2)
    case = Case(name="case", about="About.", subjects=lambda workspace: subjects, rows=[Row(ours="ours", over="peer")])
    lines = report.section(case, measured).splitlines()
    assert "| ours | peer | can't run: no engine here | | | | |" in lines
    assert "| peer | can't run: no engine here | |" in lines


def test_what_is_no_peer_must_run() -> None:
    with pytest.raises(CannotRun):
        measure([Subject(name="ours", action=_cannot)], runs=1)


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [([1.0, 1.5, 1.9], "met in each"), ([2.1, 3.0, 4.0], "**missed** in each"), ([1.0, 1.5, 3.0], "undecided")],
)
def test_a_few_rounds_decide_if_all_of_them_agree(ours: Sequence[float], verdict: str) -> None:
    row = Row(ours="ours", over="theirs", limit=2, by="wall")
    line = _section(row, samples={"ours": ours, "theirs": [1.0, 1.0, 1.0]})[6]
    assert line.endswith(f"| 2.00 x | {verdict} |  |")


def test_six_rounds_decide_with_confidence() -> None:
    row = Row(ours="ours", over="theirs", limit=2)
    line = _section(row, samples={"ours": [1.0] * 6, "theirs": [1.0] * 6})[6]
    assert line.endswith("| 2.00 x | met | met |")


def test_what_both_do_anyway_can_be_taken_off() -> None:
    row = Row(ours="ours", over="theirs", beyond="empty")
    line = _section(row, samples={"ours": [4.0], "theirs": [12.0], "empty": [2.0]})[6]
    assert line.startswith("| ours | theirs, both beyond empty | 0.20 x")


def test_what_drowns_in_the_noise_has_no_ratio() -> None:
    row = Row(ours="ours", over="theirs", beyond="empty", limit=1, by="wall")
    line = _section(row, samples={"ours": [4.0], "theirs": [1.9], "empty": [2.0]})[6]
    noise = "not told apart from the noise"
    assert line == f"| ours | theirs, both beyond empty | {noise} | {noise} | 1.00 x | undecided |  |"


def test_the_noise_is_shown_in_each_unit_of_the_rows() -> None:
    rows = [Row(ours="ours", over="theirs"), Row(ours="ours", over="theirs", per=1)]
    lines = _section(*rows, samples={"ours": [2.0], "theirs": [1.0]})
    assert [line for line in lines if "the noise" in line] == [
        "| ours | itself (the noise) | 1.00 x (1.00 to 1.00) | 1.00 x (1.00 to 1.00) | | | |",
        "| ours | itself (the noise) | +0.0 ms (+0.0 to +0.0) | +0.0 ms (+0.0 to +0.0) | | | |",
    ]


def test_all_targets_are_in_one_table_before_the_rest() -> None:
    rows = [Row(ours="ours", over="theirs", limit=2, by="CPU"), Row(ours="ours", over="theirs")]
    measured = "\n".join(_section(*rows, samples={"ours": [1.0], "theirs": [1.0]}))
    head = "| ours | over | memory | target | |\n|---|---|---|---|---|"
    memory = f"## memory\n\n{head}\n| a | b | +8 MB (+7 to +9) | +9 MB | met |"
    lines = report.render({"case": measured, "memory": memory}, before="", order=["case", "memory"]).splitlines()
    at = lines.index("## Targets")
    assert lines[at + 4 : at + 6] == [
        "| [case](#case) | ours, over theirs | 2.00 x | wall 1.00 x; CPU 1.00 x | met in each by CPU |",
        "| [memory](#memory) | a, over b | +9 MB | memory +8 MB | met |",
    ]
    assert lines[at + 7] == "## case"


def test_a_section_that_is_not_measured_now_stays_as_it_is() -> None:
    before = report.render({"b": "## b\n\nAbout b.\n", "a": "## a\n\nOld.\n"}, before="", order=["a", "b"])
    after = report.render({"a": "## a\n\nNew.\n"}, before=before, order=["a", "b"])
    assert after == before.replace("Old.", "New.")
