"""What a program does, as its own interpreter reports it: processes, connections, files, hashed bytes, calls of jsii.

``python -m tests.support.costs SCRIPT ARGUMENT...`` runs a script that says with ``counted(name)`` what is to be
counted apart, and prints the counts as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

_STARTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec", "os.system"})
_CONNECTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname"})

_MODULE = re.compile(r"\.(py|so|pyc(\.\d+)?)$")  # bytecode is written under a name with a number first


@dataclass(kw_only=True, slots=True)
class Counts:
    """:param started: the programs of the processes that were started.
    :param connected: to whom.
    :param opened: files but for modules, each as often as it was opened.
    :param hashed: bytes given to ``hashlib``.
    :param calls: messages to jsii's kernel.
    :param modules: that were imported.
    :param dataclasses: of those of our own among them; each compiles its methods when it is imported.
    """

    started: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    hashed: int = 0
    calls: int = 0
    modules: list[str] = field(default_factory=list)
    dataclasses: list[str] = field(default_factory=list)


def run_counted(
    script: Path, *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> dict[str, Counts]:
    """The counts of each part of a script, by name."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.costs", str(script), *map(str, arguments)],
        env={**os.environ, **(env or {}), "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name: Counts(**counts) for name, counts in json.loads(done.stdout.splitlines()[-1]).items()}


_counting: Counts | None = None
_parts: dict[str, Counts] = {}


@contextmanager
def counted(name: str) -> Iterator[None]:
    """Count what is done in the block."""
    global _counting  # noqa: PLW0603 - an audit hook can't be taken away again, so it is switched
    before = set(sys.modules)
    _count_calls_of_jsii()
    _parts[name] = _counting = Counts()
    try:
        yield
    finally:
        _counting = None
        modules = sorted(set(sys.modules) - before)
        _parts[name].modules = modules
        _parts[name].dataclasses = [each for module in modules for each in _dataclasses_of(module)]


def _dataclasses_of(module: str) -> Iterator[str]:
    if module.partition(".")[0] == "layer_constructs":
        for name, value in vars(sys.modules[module]).items():
            if isinstance(value, type) and is_dataclass(value) and value.__module__ == module:
                yield name


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _counting is None:
        return
    if event in _STARTS:
        _counting.started.append(str(arguments[0] if arguments else event))
    elif event in _CONNECTS:
        _counting.connected.append(str(arguments[-1]))
    elif event == "open" and isinstance(arguments[0], str) and not _MODULE.search(arguments[0]):
        _counting.opened.append(arguments[0])


class _CountingHash:
    def __init__(self, hasher: Any, data: Any = b"") -> None:
        self._hasher = hasher
        self._note(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)

    def update(self, data: Any, /) -> None:
        self._note(data)
        self._hasher.update(data)

    def copy(self) -> _CountingHash:
        return _CountingHash(self._hasher.copy())

    @staticmethod
    def _note(data: Any) -> None:
        if _counting is not None:
            _counting.hashed += memoryview(data).nbytes


def _count_hashing() -> None:
    """Who takes a constructor out of ``hashlib`` from now on gets one that counts; ``file_digest`` does, too."""

    def counting(real: Any, named: bool) -> Any:
        def construct(*arguments: Any, **options: Any) -> _CountingHash:
            data = arguments[named] if len(arguments) > named else options.get("data", options.get("string", b""))
            return _CountingHash(real(*arguments, **options), data)

        return construct

    for name in (*hashlib.algorithms_guaranteed, "new"):
        setattr(hashlib, name, counting(getattr(hashlib, name), name == "new"))


def _count_calls_of_jsii() -> None:
    """Once jsii is there: importing it here would start Node."""
    process = sys.modules.get("jsii._kernel.providers.process")
    if process is None or hasattr(process, "counted"):
        return
    node, send = process._NodeProcess, process._NodeProcess.send

    def counting(self: Any, *arguments: Any, **options: Any) -> Any:
        if _counting is not None:
            _counting.calls += 1
        return send(self, *arguments, **options)

    node.send, process.counted = counting, True  # type: ignore[attr-defined]


def _main(script: str, *arguments: str) -> None:
    _count_hashing()
    sys.addaudithook(_hook)
    sys.argv = [script, *arguments]
    runpy.run_path(script, {"counted": counted}, "__main__")
    sys.stdout.write(json.dumps({name: asdict(counts) for name, counts in _parts.items()}) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
