"""A guide as a reader takes it: its blocks from top to bottom, and what each of them is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"`(?P<file>[\w./~-]+)`:$")
_FAILED = re.compile(r"(error: |[\w.]+Error: )")

# What moves with the packages of the day stands in a guide as it was that day: counts and sizes, but no `==1.0`.
_NUMBER = re.compile(r"(?<![\w.=])\d+(\.\d+)*(?!\w)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """:param file: the name of the file that it is, which the line before it says (``In `app.py`:``).
    :param shown: what is seen then: the ``text`` block that follows, without a name of its own.
    """

    language: str
    text: str
    file: str | None = None
    shown: str | None = None

    @property
    def fails(self) -> bool:
        """Whether what is shown begins with an error."""
        return self.shown is not None and _FAILED.match(self.shown) is not None


def blocks_of(markdown: str) -> list[Block]:
    """The blocks in their order."""
    blocks: list[Block] = []
    end = 0
    for fence in _FENCE.finditer(markdown):
        between = markdown[end : fence.start()].rstrip()
        named = _FILE.search(between)
        end = fence.end()
        if fence["language"] == "text" and not named:
            last = blocks.pop()
            assert last.shown is None, fence["text"]
            blocks.append(Block(language=last.language, text=last.text, file=last.file, shown=fence["text"]))
            continue
        blocks.append(Block(language=fence["language"], text=fence["text"], file=named["file"] if named else None))
    return blocks


def missing_from(said: str, shown: str) -> str | None:
    """The first line that a guide shows and a program didn't say, in this order; None if there is none.

    ``...`` stands for anything, and a number for another one.
    """
    lines = iter([" ".join(line.split()) for line in said.splitlines()])
    for line in filter(None, (" ".join(line.split()) for line in shown.splitlines())):
        if line == "...":
            continue
        if not any(_matches(line, each) for each in lines):
            return line
    return None


def _matches(line: str, said: str) -> bool:
    pattern = re.escape(_NUMBER.sub("\0", line)).replace("\0", r"\d+(?:\.\d+)*").replace(re.escape("..."), ".*")
    return re.search(pattern, said) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What a CI system runs: the commands of one job in their order, and its variables."""

    name: str
    environment: Mapping[str, str]
    commands: Sequence[str]


def jobs_of(configuration: str) -> Iterator[Job]:
    """The jobs of a workflow of GitHub, a pipeline of GitLab, or a build specification of CodeBuild."""
    read: dict[Any, Any] = yaml.safe_load(configuration)
    if "phases" in read:
        commands = [command for phase in read["phases"].values() for command in phase["commands"]]
        yield Job(name="build", environment=read.get("env", {}).get("variables", {}), commands=commands)
        return
    for name, job in read.get("jobs", read).items():
        if "steps" in job:
            runs = [step["run"] for step in job["steps"] if "run" in step]
            own = {name: value for step in job["steps"] for name, value in step.get("env", {}).items()}
            yield Job(name=name, environment={**job.get("env", {}), **own}, commands=runs)
        elif "script" in job:
            yield Job(
                name=name,
                environment=job.get("variables", {}),
                commands=[*job.get("before_script", []), *job["script"]],
            )
