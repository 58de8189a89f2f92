"""The exact CPython that makes a layer's bytecode: found on this machine, or fetched by uv."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from layer_constructs.building import uv
from layer_constructs.building.process import Completed, Run, clean_environment, run
from layer_constructs.errors import ArgumentError, LayerError

# The first whose bytecode is the same every time: before it, marshal wrote down how many references the process
# happened to hold (1,418 of 2,490 files of CPython 3.10.13 differed between one worker and two, none of 3.11.7).
OLDEST = (3, 11)

# Where uv gets a Python from and puts it; see uv's documentation of its environment variables.
_UV_PYTHON_VARIABLES = ("UV_PYTHON_INSTALL_DIR", "UV_PYTHON_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS_JSON_URL")
_UV_DOWNLOADS = "UV_PYTHON_DOWNLOADS"

_VERSION = re.compile(r"3\.[0-9]+(?:\.[0-9]+)?")

# A free-threaded or debug build compiles otherwise; `sys.executable` is the program itself where the path is a shim.
_QUESTION = """
import json, sys, sysconfig
print(json.dumps({
    "path": sys.executable,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "cache_tag": sys.implementation.cache_tag,
    "usual": sys.implementation.name == "cpython" and sys.version_info[3] == "final"
        and not hasattr(sys, "gettotalrefcount") and not sysconfig.get_config_var("Py_GIL_DISABLED"),
}))
"""


class InterpreterMissingError(LayerError):
    """The Python that makes the bytecode is not on this machine and can't be fetched."""

    def __init__(self, *, version: str, found: Mapping[str, Path], reason: str) -> None:
        minor = ".".join(version.split(".")[:2])
        others = [f"found: {other} ({path})" for other, path in found.items() if other.startswith(f"{minor}.")]
        fix = f"install Python {version}"
        if others:
            fix += ", name one that was found and lock again"
        super().__init__(
            f"Python {version}, which makes the layer's bytecode, is not on this machine",
            details=[*others, reason],
            fix=f"{fix}, or leave the bytecode out",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A release of CPython, built as usual.

    :param version: with its patch, such as ``3.13.5``.
    :param cache_tag: as in the names of its bytecode files, such as ``cpython-313``.
    """

    path: Path
    version: str
    cache_tag: str

    @property
    def number(self) -> tuple[int, ...]:
        """The version, to compare it by."""
        return tuple(map(int, self.version.split(".")))

    @property
    def minor(self) -> tuple[int, ...]:
        return self.number[:2]


def find(version: str, *, environ: Mapping[str, str] | None = None, run: Run = run) -> Interpreter:
    """A CPython of this version: this one, else one on this machine, else one that uv fetches into its own place.

    Looked for among uv's own, on the path, in the registry of Windows and among pyenv's, whether or not pyenv has it
    switched on. Prereleases, free-threaded and debug builds and other implementations don't count. Of several patches
    of one minor version this one comes first, then the newest. ``UV_PYTHON_DOWNLOADS=never`` keeps uv from fetching.

    :param version: ``3.13.5``, or ``3.13`` for any patch of it.
    :raises ArgumentError: if it isn't a version.
    :raises InterpreterMissingError: if it is neither there nor to be had.
    """
    if not _VERSION.fullmatch(version):
        raise ArgumentError(f"{version!r} is no Python version", details=["allowed: such as 3.13.5 or 3.13"])
    environ = os.environ if environ is None else environ
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.executable and _fits(running, version):
        this = _ask(Path(sys.executable), run)
        if this and _fits(this.version, version):
            return this
    minor = ".".join(version.split(".")[:2])
    installed = _installed(minor, environ, run)
    fitting = [each for each in installed if _fits(each.version, version)]
    if not fitting:
        reason = _fetch(version, environ, run)
        fitting = [] if reason else [each for each in _installed(version, environ, run) if _fits(each.version, version)]
        if not fitting:
            raise InterpreterMissingError(
                version=version,
                found={each.version: each.path for each in reversed(installed)},
                reason=reason or "uv fetched it, and it doesn't run here",
            )
    return max(fitting, key=lambda each: each.number)


def _fits(version: str, wanted: str) -> bool:
    return f"{version}.".startswith(f"{wanted}.")


def _ask(path: Path, run: Run) -> Interpreter | None:
    """What a program says of itself; None if it is no usual CPython, or doesn't start, as a shim may not."""
    try:
        done = run([os.fspath(path), "-I", "-S", "-c", _QUESTION], env=clean_environment())
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
    except (LayerError, ValueError):
        return None
    if not answer.get("usual"):
        return None
    return Interpreter(path=Path(answer["path"]), version=answer["version"], cache_tag=answer["cache_tag"])


def _installed(version: str, environ: Mapping[str, str], run: Run) -> list[Interpreter]:
    """Every usual CPython of this version on this machine; the first of those that are of one patch."""
    found: dict[str, Interpreter] = {}
    for path in dict.fromkeys(_candidates(version, environ, run)):
        each = _ask(path, run)
        if each and _fits(each.version, version):
            found.setdefault(each.version, each)
    return list(found.values())


def _candidates(version: str, environ: Mapping[str, str], run: Run) -> Iterator[Path]:
    done = _uv(["python", "list", version, "--only-installed", "--output-format", "json"], environ, run)
    listed = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    for each in listed:
        if each["implementation"] == "cpython" and each["variant"] == "default":
            yield Path(each["path"])
    # uv sees pyenv's shims only, of which those that aren't switched on don't start.
    pyenv = Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for folder in sorted((pyenv / "versions").glob(f"{version}*")):
        if (folder / "bin" / "python").is_file():
            yield folder / "bin" / "python"


def _fetch(version: str, environ: Mapping[str, str], run: Run) -> str | None:
    """Have uv fetch it; the reason if it couldn't."""
    if environ.get(_UV_DOWNLOADS, "").lower() in {"never", "false"}:
        return f"uv may not fetch it: {_UV_DOWNLOADS} is {environ[_UV_DOWNLOADS]}"
    done = _uv(["python", "install", version, "--no-bin", "--no-registry"], environ, run, {_UV_DOWNLOADS: "manual"})
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return "uv can't fetch it: " + "\n  ".join(lines)


def _uv(arguments: list[str], environ: Mapping[str, str], run: Run, more: Mapping[str, str] | None = None) -> Completed:
    own = {name: environ[name] for name in _UV_PYTHON_VARIABLES if environ.get(name)}
    parts = [urlsplit(value) for value in own.values()]
    return uv.call(
        [*arguments, "--no-config"],
        run=run,
        environment={**own, **(more or {})},
        secrets=[secret for part in parts for secret in (part.username, part.password) if secret],
        cwd=Path(tempfile.gettempdir()),  # a folder whose .python-version says nothing to a shim
    )
