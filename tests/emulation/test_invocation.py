"""What the emulator's answer and its log say of an invocation."""

from __future__ import annotations

import json

import pytest

from layer_constructs.emulation.emulator import Answer
from layer_constructs.emulation.invocation import FunctionError, Invocation, read_invocation

NOTICE = "21 Nov 2026 20:05:34,455 [INFO] (rapid) "


def read(body: str, log: str = "", status: int = 200) -> Invocation:
    return read_invocation(Answer(status=status, body=body.encode(), log=log, seconds=1.0), notes=())


@pytest.mark.parametrize("response", [None, 0, "text", [1], {"errorMessage": "of mine"}, {"a": {"errorType": "x"}}])
def test_a_response_is_what_was_returned(response: object) -> None:
    done = read(json.dumps(response))
    assert (done.response, done.error) == (response, None)


def test_what_is_no_json_is_text() -> None:
    assert read("<html>").response == "<html>"


def test_an_object_with_more_than_an_error_has_is_a_response() -> None:
    response = {"errorMessage": "m", "errorType": "t", "statusCode": 500}
    assert read(json.dumps(response)).response == response


def test_a_custom_runtimes_error_needs_no_stack_trace() -> None:
    done = read('{"errorMessage": "m", "errorType": "t"}')
    assert (done.response, done.error) == (None, FunctionError(type="t", message="m"))


def test_a_runtime_that_ends_says_why_in_its_last_line() -> None:
    done = read("", f"first\n{NOTICE}Init failed\nbootstrap: not found\n", status=502)
    assert str(done.error) == "bootstrap: not found (Runtime.ExitError)"
    assert str(read("", status=502).error) == "the runtime ended without a word (Runtime.ExitError)"


def test_the_log_is_the_functions_also_where_a_line_of_the_emulator_follows_without_a_break() -> None:
    log = (
        f"{NOTICE}INIT REPORT(durationMs: 489.5)\nSTART RequestId: 1 Version: $LATEST\none\ntwo{NOTICE}INVOKE RTDONE\n"
        "END RequestId: 1\nREPORT RequestId: 1\tInit Duration: 0.1 ms\n"
    )
    done = read("1", log)
    assert (done.log, done.init_seconds) == ("one\ntwo\n", 0.4895)
