"""The guide `docs/trying.md` is true: its commands exist as it writes them; `test_plugin` runs its test."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from layer_constructs.commands.invoke import invoke
from layer_constructs.commands.verify import verify

GUIDE = (Path(__file__).parents[2] / "docs" / "trying.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    assert found
    return found


def test_its_commands_are_understood() -> None:
    commands = {"invoke": invoke, "verify": verify}
    lines = [shlex.split(line) for block in blocks("console") for line in block.splitlines()]
    ours = [line for line in lines if line[0] == "layer-constructs"]
    assert {line[1] for line in ours} == set(commands)
    for line in ours:
        commands[line[1]].make_context(line[1], line[2:])


def test_every_option_that_it_names_exists() -> None:
    named = {option for command in (invoke, verify) for each in command.params for option in each.opts}
    said = set(re.findall(r"(?<!\w)--[a-z-]+", GUIDE))
    assert said <= named
