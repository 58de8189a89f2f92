"""The only door to a subprocess, and what a subprocess gets to see of the environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Protocol

from layer_constructs.building.progress import is_quiet
from layer_constructs.errors import ToolFailedError

# What a tool needs to start and to find its files. Nothing here changes what it resolves or installs.
_SYSTEM = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TERM", "NO_COLOR", "TMPDIR", "TEMP", "TMP",
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
        "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "PYTHON_KEYRING_BACKEND",  # for keyring, which uv asks
        "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA",
    }
)  # fmt: skip

# How to reach an index: documented in docs/reference.md ("Variables"). The names of indexes themselves
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

    :param show_progress: on a terminal, let the program draw its progress there too.
    :raises ToolFailedError: if it can't be started.
    """
    drawn = show_progress and sys.stderr.isatty() and not is_quiet() and os.name == "posix"
    try:
        with _screen() if drawn else nullcontext() as screen:
            process = subprocess.Popen(
                list(argv),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=screen.theirs if screen else subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
            with process:
                stdout, stderr = process.communicate()
    except OSError as error:
        raise ToolFailedError(f"{argv[0]} can't be started: {error}") from error
    if screen:
        stderr = screen.said()
    secrets = tuple(secrets)
    return Completed(process.returncode, mask(stdout, secrets), mask(stderr, secrets))


class Pipe(Protocol):
    """The seam for a program that is given and gives back a stream of bytes."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        send: Callable[[IO[bytes]], None],
        answer: Path,
        log: Path,
        secrets: Iterable[str] = (),
    ) -> int: ...


def pipe(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    send: Callable[[IO[bytes]], None],
    answer: Path,
    log: Path,
    secrets: Iterable[str] = (),
) -> int:
    """Run a program to its end, without a shell.

    :param send: writes its standard input; nothing of it touches the disk.
    :param answer: the file for its standard output.
    :param log: the file for what it says, with every secret masked.
    :returns: its exit code.
    :raises ToolFailedError: if it can't be started.
    """
    secrets = tuple(secrets)
    with answer.open("wb") as answered, log.open("w", encoding="utf-8") as said:
        try:
            process = subprocess.Popen(
                list(argv), env=dict(env), stdin=subprocess.PIPE, stdout=answered, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise ToolFailedError(f"{argv[0]} can't be started: {error}") from error

        def keep() -> None:
            assert process.stderr is not None  # noqa: S101 - a pipe
            for line in process.stderr:
                said.write(mask(line.decode("utf-8", errors="replace"), secrets))

        reader = Thread(target=keep, daemon=True)
        reader.start()
        with process:
            assert process.stdin is not None  # noqa: S101 - a pipe
            try:
                with suppress(BrokenPipeError), process.stdin:  # it may end before it has read everything, and say why
                    send(process.stdin)
                process.wait()
            except BaseException:
                process.kill()
                raise
            finally:
                reader.join()
    return process.returncode


class _Screen:
    """A terminal for a program, which shows on ours what the program draws, and keeps it."""

    def __init__(self) -> None:
        import fcntl
        import termios

        self._ours, self.theirs = os.openpty()
        self._kept = bytearray()
        with suppress(OSError):  # as wide as ours, if ours knows
            size = fcntl.ioctl(sys.stderr.fileno(), termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, size)
        self._shown = Thread(target=self._show, daemon=True)
        self._shown.start()

    def _show(self) -> None:
        with suppress(OSError):  # Linux's way of saying that the last who could write is gone
            while chunk := os.read(self._ours, 65536):
                self._kept += chunk
                os.write(sys.stderr.fileno(), chunk)

    def close(self) -> None:
        """To be called when the program has ended."""
        os.close(self.theirs)
        self._shown.join()
        os.close(self._ours)

    def said(self) -> str:
        """What was drawn, as plain text."""
        text = self._kept.decode("utf-8", errors="replace").replace("\r\n", "\n")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@contextmanager
def _screen() -> Iterator[_Screen]:
    screen = _Screen()
    try:
        yield screen
    finally:
        screen.close()
