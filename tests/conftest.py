"""What every test gets: an environment of its own, and no skipping where CI forbids it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import ci_info
import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

REQUIRE_REAL = "LAYER_CONSTRUCTS_REQUIRE_REAL"

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _refuse_skip(report: Report) -> Report:
    """The report, failed if it was a skip that CI forbids; an expected failure is not a skip."""
    if os.environ.get(REQUIRE_REAL) and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_REAL} is set, and this was skipped: {reason.removeprefix('Skipped: ')}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _refuse_skip((yield))


def ci_variables() -> Iterator[str]:
    """The variables by which ``ci_info`` knows a CI system, and the generic ones."""
    yield from ("CI", "CONTINUOUS_INTEGRATION", "BUILD_NUMBER")
    for vendor in ci_info.vendors:
        match vendor["env"]:
            case str(name) | {"env": str(name)}:
                yield name
            case list(names) | {"any": list(names)}:
                yield from names
            case values:
                yield from values


@pytest.fixture(scope="session")
def shared_layer_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of finished layers that all tests share, and no other run."""
    return tmp_path_factory.mktemp("layer-cache")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, shared_layer_cache: Path) -> None:
    """No CI system, no cache of the user's, no progress lines. ``UV_CACHE_DIR`` stays: wheels are worth keeping."""
    for name in ci_variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(shared_layer_cache))
    monkeypatch.setenv("LAYER_CONSTRUCTS_QUIET", "1")


def _patch_number(installed: Path) -> int:
    patch = installed.name.rpartition(".")[2]
    return int(patch) if patch.isdigit() else -1


def _find_python(version: str) -> Path | None:
    """An interpreter of this version that starts: of pyenv, on the path, or the one that runs the tests."""
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*"), key=_patch_number, reverse=True)
    candidates = [str(folder / "bin" / f"python{version}") for folder in installed]
    candidates += [found for found in (shutil.which(f"python{version}"), sys.executable) if found]
    question = ["-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    for candidate in candidates:
        try:
            answer = subprocess.run([candidate, *question], capture_output=True, text=True, check=False)
        except OSError:
            continue
        if answer.returncode == 0 and answer.stdout.strip() == version:  # a pyenv shim may be there and not start
            return Path(candidate)
    return None


@pytest.fixture(scope="session")
def pythons() -> Mapping[str, Path]:
    """The interpreters found on this machine, by version: ``{"3.11": Path(".../python3.11"), ...}``.

    `tests/pythons/prepare` installs the newest.
    """
    found = {version: _find_python(version) for version in (f"3.{minor}" for minor in range(9, 15))}
    return {version: path for version, path in found.items() if path is not None}
