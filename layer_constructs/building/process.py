"""The only door to a subprocess, and what a subprocess gets to see of the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from layer_constructs.building.progress import is_quiet
from layer_constructs.errors import ToolFailedError

# What a tool needs to start and to find its files. Nothing here changes what it resolves or installs.
_SYSTEM = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TERM", "NO_COLOR", "TMPDIR", "TEMP", "TMP",
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
        "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA",
    }
)  # fmt: skip

# How to reach an index: documented in the README ("What the environment may say"). The names of indexes themselves
# are read in `indexes`, so that they are recorded in the lock.
NETWORK_VARIABLES = frozenset(
    {
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CLIENT_CERT",
        "NETRC", "UV_KEYRING_PROVIDER", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_INSECURE_HOST",
        "UV_HTTP_TIMEOUT", "UV_HTTP_CONNECT_TIMEOUT", "UV_HTTP_RETRIES", "UV_OFFLINE",
        "UV_CACHE_DIR", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Completed:
    """What a finished process said; secrets are masked already."""

    returncode: int
    stdout: str
    stderr: str


class Run(Protocol):
    """The seam at which tests put a fake."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed: ...


def clean_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The part of the environment that a tool may see: no ``UV_*`` or ``PIP_*`` variable that changes a result."""
    environ = os.environ if environ is None else environ
    kept = {name: value for name, value in environ.items() if name.upper() in _SYSTEM | NETWORK_VARIABLES}
    if "SSL_CERT_FILE" not in kept:  # pip's way of naming a company's CA bundle
        bundle = environ.get("PIP_CERT") or environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE")
        if bundle:
            kept["SSL_CERT_FILE"] = bundle
    return kept


def mask(text: str, secrets: Iterable[str]) -> str:
    """``text`` with every secret replaced by stars."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if secret:
            text = text.replace(secret, "****")
    return text


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    secrets: Iterable[str] = (),
    show_progress: bool = False,
) -> Completed:
    """Run a program to its end, without a shell and without standard input.

    :param show_progress: on a terminal, let the program draw its progress there (its messages are then not captured).
    :raises ToolFailedError: if it can't be started.
    """
    live = show_progress and sys.stderr.isatty() and not is_quiet()
    try:
        done = subprocess.run(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if live else subprocess.PIPE,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ToolFailedError(f"{argv[0]} can't be started: {error}") from error
    secrets = tuple(secrets)
    return Completed(done.returncode, mask(done.stdout, secrets), mask(done.stderr or "", secrets))
