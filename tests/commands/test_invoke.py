"""`layer-constructs invoke`, as a user calls it, on apps as they lie on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from layer_constructs.commands.invoke import invoke
from layer_constructs.errors import LayerError

pytestmark = [pytest.mark.real, pytest.mark.network]

CODE = """
import os
def handler(event, context):
    print("hello")
    return {"event": event, "KEY": os.environ.get("KEY"), "TABLE": os.environ.get("TABLE")}
def fails(event, context):
    raise KeyError("id")
def text(event, context):
    return "just text"
"""


def function(handler: str = "index.handler", **properties: Any) -> Mapping[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.11",
            "Handler": handler,
            "Timeout": 20,
            "Code": {"ZipFile": CODE},
            "Environment": {"Variables": {"KEY": "template", "TABLE": {"Ref": "Table"}}},
            **properties,
        },
    }


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    outdir = tmp_path / "cdk.out"
    outdir.mkdir()
    stack = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "S.template.json"}}
    (outdir / "manifest.json").write_text(json.dumps({"artifacts": {"S": stack}}), encoding="utf-8")
    resources = {
        "One": function(),
        "Fails": function("index.fails"),
        "Text": function("index.text"),
        "Broken": function("nothing.handler"),
    }
    (outdir / "S.template.json").write_text(json.dumps({"Resources": resources}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(invoke, list(arguments), input=text)


def test_the_response_is_all_of_standard_output(app: Path) -> None:
    (app / "event.json").write_text('{"a": 1}', encoding="utf-8")
    done = run("One", "--event", "event.json", "--env", "KEY=mine")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"event": {"a": 1}, "KEY": "mine", "TABLE": None})
    assert done.stderr.startswith("hello\ninit 0.")
    assert "note: TABLE is not set: its value is known only when it's deployed\n" in done.stderr


def test_the_event_may_come_from_standard_input_and_a_variable_from_the_shell(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE", "orders")
    done = run("One", "--event", "-", "--env", "TABLE", "--json", text="[1, 2]")
    said = json.loads(done.stdout)
    assert said["response"] == {"event": [1, 2], "KEY": "template", "TABLE": "orders"}
    assert said["log"] == "hello\n"
    assert said["error"] is None
    assert 0 < said["init_seconds"] <= said["seconds"]
    assert not [note for note in said["notes"] if "TABLE" in note]


def test_json_text_is_shown_as_text(app: Path) -> None:
    assert run("Text").stdout == "just text\n"


def test_a_functions_error_comes_first_and_is_status_1(app: Path) -> None:
    done = run("Fails")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: 'id' (KeyError)\n")
    assert json.loads(run("Fails", "--json").stdout)["error"]["type"] == "KeyError"


def test_a_handler_that_does_not_import_says_why_in_the_first_line(app: Path) -> None:
    first = run("Broken").stderr.splitlines()[0]
    assert first == "error: Unable to import module 'nothing': No module named 'nothing' (Runtime.ImportModuleError)"


@pytest.mark.parametrize(
    ("arguments", "text", "problem"),
    [
        (["Two"], None, "there is no function Two in this app\n  there are: Broken, Fails, One, Text"),
        (["One", "--app", "."], None, ". has no synthesised app"),
        (["One", "--event", "no.json"], None, "the event no.json can't be read: No such file or directory"),
        (["One", "--event", "-"], "{'a': 1}", "the event in standard input is no JSON: "),
        (["One", "--env", "NOT_SET_ANYWHERE"], None, "--env NOT_SET_ANYWHERE: this shell has no such variable"),
        (["One", "--env", "=x"], None, "--env =x names no variable"),
    ],
)
def test_what_can_not_be_run_is_an_error_before_anything_runs(
    app: Path, arguments: list[str], text: str | None, problem: str
) -> None:
    done = run(*arguments, text=text)
    assert isinstance(done.exception, LayerError)
    assert str(done.exception).startswith(problem)
