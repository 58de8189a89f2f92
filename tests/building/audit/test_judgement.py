from __future__ import annotations

import pytest

from layer_constructs.building.audit.finding import Finding, Rule
from layer_constructs.building.audit.judgement import judge
from layer_constructs.building.target import Target
from layer_constructs.errors import ArgumentError, AuditError


def finding(package: str | None, rule: Rule = "library-missing", path: str = "python/x.so") -> Finding:
    return Finding(rule=rule, package=package, path=path, text="needs libGL.so.1")


def test_everything_is_an_error_that_is_not_allowed() -> None:
    found = [finding("opencv-python"), finding("tiny")]

    judgement = judge(found, {})

    assert judgement.errors == tuple(found)
    assert (judgement.notes, judgement.unused) == ((), ())


@pytest.mark.parametrize("key", ["opencv-python", "OpenCV_Python", "opencv-python:library-missing"])
def test_a_reason_makes_a_note_of_what_it_allows(key: str) -> None:
    other = finding("tiny")

    judgement = judge([finding("opencv-python"), other], {key: "libGL is loaded lazily"})

    [note] = judgement.notes
    assert (note.finding, note.reason) == (finding("opencv-python"), "libGL is loaded lazily")
    assert str(note) == "python/x.so needs libGL.so.1 (allowed: libGL is loaded lazily)"
    assert judgement.errors == (other,)
    assert judgement.unused == ()


def test_one_rule_allowed_leaves_the_others() -> None:
    judgement = judge([finding("tiny"), finding("tiny", "damaged")], {"tiny:damaged": "never loaded"})

    assert [each.rule for each in judgement.errors] == ["library-missing"]
    assert [note.finding.rule for note in judgement.notes] == ["damaged"]


def test_the_reason_for_one_rule_is_the_better_one() -> None:
    judgement = judge([finding("tiny")], {"tiny": "in general", "tiny:library-missing": "in particular"})

    assert [note.reason for note in judgement.notes] == ["in particular"]
    assert judgement.unused == ()


def test_what_no_package_brought_is_allowed_by_its_path() -> None:
    judgement = judge([finding(None, path="python/Own.so")], {"python/Own.so": "never loaded"})

    assert judgement.errors == ()


def test_says_which_reasons_nothing_needed() -> None:
    allow = {"tiny": "why", "gone": "why", "tiny:no-such-rule": "why", "tiny:damaged": "why"}

    assert judge([finding("tiny")], allow).unused == ("gone", "tiny:no-such-rule", "tiny:damaged")


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_must_say_something(reason: str) -> None:
    with pytest.raises(ArgumentError, match="gives no reason"):
        judge([], {"tiny": reason})


def test_the_error_groups_by_package_and_says_what_to_do() -> None:
    found = [finding("opencv-python", path=f"python/{number}.so") for number in range(3)]
    found += [finding("opencv-python", "damaged"), finding(None, path="python/own.so")]

    with pytest.raises(AuditError) as raised:
        judge(found, {}).refuse_errors(Target())

    assert str(raised.value) == (
        "opencv-python, python/own.so won't work on python3.13/x86_64\n"
        "  opencv-python:\n"
        "    library-missing: python/0.so needs libGL.so.1; the same of 2 more\n"
        "    damaged: python/x.so needs libGL.so.1\n"
        "  python/own.so:\n"
        "    library-missing: python/own.so needs libGL.so.1\n"
        "  fix: use another version or build, or, where it does no harm, say why: allow={'opencv-python': '...'}"
    )


def test_says_ten_of_many() -> None:
    found = [
        Finding(rule="library-missing", package="tiny", path="python/x.so", text=f"needs lib{number}.so")
        for number in range(12)
    ]

    with pytest.raises(AuditError) as raised:
        judge(found, {}).refuse_errors(Target())

    assert len(raised.value.details) == 12
    assert raised.value.details[-1] == "  and 2 more"


def test_no_error_where_there_is_none() -> None:
    judge([finding("tiny")], {"tiny": "why"}).refuse_errors(Target())
