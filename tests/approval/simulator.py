"""An independent IAM evaluator, which runs in a process of its own for as long as the tests need it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from layer_constructs.approval.policy_size import Statement

ROOT = Path(__file__).parents[2]
OWN = "999988887777"
CREATE, UPDATE = "lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"

Form = Literal["identity", "boundary", "scp", "allow"]
Answer = Literal["A", "i", "D"]
_ANSWERS: dict[str, Answer] = {"Allowed": "A", "ImplicitlyDenied": "i", "ExplicitlyDenied": "D"}


@dataclass(frozen=True)
class Request:
    """A call of Lambda's API.

    :param layers: None if the call doesn't name any.
    :param time: when, in UTC.
    """

    layers: Sequence[str] | None = ()
    action: str = CREATE
    resource: str = f"arn:aws:lambda:eu-west-1:{OWN}:function:shop"
    time: str = "2026-06-01T12:00:00Z"
    account: str = OWN
    context: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        context: dict[str, object] = {"aws:CurrentTime": self.time, **self.context}
        if self.layers is not None and self.action in {CREATE, UPDATE}:
            context["lambda:Layer"] = list(self.layers)
        return {"action": self.action, "resource": self.resource, "account": self.account, "context": context}


class Simulator:
    """Allowed, implicitly or explicitly denied: A, i, D."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, form: Form, statements: Sequence[Statement], requests: Sequence[Request]) -> list[Answer]:
        """What each request gets, where these statements are the policy of that form."""
        assert self._process.stdin
        assert self._process.stdout
        line = {"form": form, "statements": statements, "requests": [request.as_json() for request in requests]}
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        answers = json.loads(self._process.stdout.readline())
        assert len(answers) == len(requests)
        assert set(answers) <= set(_ANSWERS), set(answers) - set(_ANSWERS)
        return [_ANSWERS[answer] for answer in answers]


def start() -> subprocess.Popen[str]:
    """The evaluator; the caller ends it."""
    if not (ROOT / "node_modules" / "@cloud-copilot" / "iam-simulate").is_dir():
        pytest.skip("@cloud-copilot/iam-simulate is not installed: make test installs it")
    beside = Path(sys.executable).with_name("node")
    node = str(beside) if beside.exists() else shutil.which("node")
    assert node, "there is no node"
    script = str(Path(__file__).with_name("simulate.mjs"))
    return subprocess.Popen([node, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
