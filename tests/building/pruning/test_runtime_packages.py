"""What a layer may leave to the runtime."""

from __future__ import annotations

import pytest

from layer_constructs.building.runtime_packages import DRIFT, KNOWN, PROVIDED, Locked, provision
from layer_constructs.building.target import RUNTIMES, Target

SDK = [Locked(name=name, version="1") for name in PROVIDED]
HERE = {"boto3": "1.40.4", "urllib3": "1.26.20"}


def test_the_sdk_and_what_it_needs_are_left_out_and_nothing_else() -> None:
    given = provision([*SDK, Locked(name="requests", version="2.32")], Target())
    assert given.left_out == PROVIDED
    assert given.conflicts == ()
    assert given.notes == (DRIFT,)


def test_nothing_of_it_is_no_word() -> None:
    given = provision([Locked(name="requests", version="2.32")], Target())
    assert (given.left_out, given.conflicts, given.notes) == ((), (), ())


def test_the_users_requirement_is_held_against_the_runtimes_version() -> None:
    given = provision(SDK, Target(), requirements=[("boto3>=1.41", "req.txt:3"), ("boto3>=1.40", "a:1")], versions=HERE)
    (conflict,) = given.conflicts
    assert conflict.startswith("req.txt:3 asks for boto3>=1.41, and python3.13 had 1.40.4")


def test_what_a_package_that_stays_needs_is_too_where_its_marker_holds() -> None:
    stays = Locked(
        name="x",
        version="3",
        requires=[
            "urllib3>=2; python_version >= '3.13'",
            "urllib3>=3; python_version < '3.13'",
            "boto3>=1.50; extra == 'aws'",
            "boto3>=1.60; extra == 'other'",
        ],
        extras=["aws"],
    )
    given = provision([*SDK, stays], Target(), versions=HERE)
    assert [line.partition(",")[0] for line in given.conflicts] == [
        "x 3 asks for urllib3>=2",
        "x 3 asks for boto3>=1.50",
    ]


def test_a_version_that_nobody_knows_is_said_and_not_taken_for_fitting() -> None:
    given = provision(SDK, Target(), requirements=[("six>=1.17", "req.txt:1")])
    assert given.conflicts == ()
    assert given.notes[1:] == ("req.txt:1 asks for six>=1.17, and which six python3.13 has is not known",)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_has_its_facts(runtime: str) -> None:
    assert KNOWN[runtime].keys() <= set(PROVIDED)
