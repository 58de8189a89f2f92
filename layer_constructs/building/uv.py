"""Argument lists for uv, and the calls made of it.

Nothing that is secret is ever an argument: indexes and their credentials go through the environment.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock

from layer_constructs.building.process import Completed, Run, clean_environment
from layer_constructs.building.target import Target

# Quick, clear failures instead of minutes of silence; the user's own values win. A Python is never fetched: uv would
# want one only to build, and nothing is built.
DEFAULTS = {
    "UV_HTTP_RETRIES": "1",
    "UV_HTTP_TIMEOUT": "15",
    "UV_HTTP_CONNECT_TIMEOUT": "5",
    "UV_PYTHON_DOWNLOADS": "never",
}


def binary() -> str:
    """The uv that was installed with this library."""
    with _FINDING:
        return _found()


# uv asks sysconfig, whose first answer is not safe to ask for in two threads at once (CPython 3.11).
_FINDING = Lock()


@cache
def _found() -> str:
    from uv import find_uv_bin

    return str(find_uv_bin())


def compile_arguments(
    target: Target,
    *,
    project: Path,
    output: Path,
    indexes: Sequence[str] = (),
    constraints: Sequence[Path] = (),
    exclude_newer: str | None = None,
    prereleases: bool = False,
    upgrade: bool = False,
    upgrade_packages: Iterable[str] = (),
    from_source: Iterable[str] = (),
    configuration: Path | None = None,
) -> list[str]:
    """``uv pip compile`` for one target: markers, tags and glibc are the target's, and no build code is run.

    :param from_source: packages of which only source distributions count.
    :param configuration: a ``uv.toml`` with the metadata of each of these, which uv would otherwise build to see.
    """
    assert configuration or not from_source  # noqa: S101 - without, uv would run their code here
    arguments = [
        "pip", "compile", str(project),
        "--output-file", str(output),
        "--format", "pylock.toml",
        "--python", sys.executable,
        "--python-version", target.python,
        "--python-platform", target.uv_platform,
        "--only-binary", ":all:", "--no-header", "--quiet",
    ]  # fmt: skip
    for name in sorted(from_source):
        arguments += ["--no-binary", name]
    arguments += ["--config-file", str(configuration)] if configuration else ["--no-config"]
    arguments += indexes
    for path in constraints:
        arguments += ["--constraints", str(path)]
    if exclude_newer:
        arguments += ["--exclude-newer", exclude_newer]
    if prereleases:
        arguments += ["--prerelease", "allow"]
    if upgrade:
        arguments.append("--upgrade")
    for name in upgrade_packages:
        arguments += ["--upgrade-package", name]
    return arguments


def install_arguments(
    target: Target,
    *,
    pylock: Path | str,
    into: Path | str,
    offline: bool,
    again: bool = False,
    python: str = sys.executable,
) -> list[str]:
    """``uv pip install`` of exactly the wheels in ``pylock``, each checked against its hash.

    Copied, never linked: a change to the installed tree would change uv's cache for every other project.
    The wheels are chosen already; the platform given here is the newest glibc that the target may see.

    :param python: any interpreter: uv wants one, and none of its own facts count.
    """
    arguments = [
        "pip", "install",
        "--requirements", str(pylock),
        "--target", str(into),
        "--python", python,
        "--python-version", target.python,
        "--python-platform", f"{target.machine}-manylinux_2_40",
        "--no-deps", "--no-build", "--no-config", "--no-installer-metadata",
        "--link-mode", "copy",
        "--preview-features", "pylock",
    ]  # fmt: skip
    if offline:
        arguments.append("--offline")
    if again:
        arguments.append("--reinstall")
    return arguments


def call(
    arguments: Sequence[str],
    *,
    run: Run,
    environment: Mapping[str, str],
    secrets: Iterable[str],
    cwd: Path,
    show_progress: bool = False,
) -> Completed:
    """Run uv with the cleaned environment plus ``environment`` (indexes and their credentials)."""
    env = {**DEFAULTS, **clean_environment(), **environment}
    return run([binary(), *arguments], env=env, cwd=cwd, secrets=secrets, show_progress=show_progress)
