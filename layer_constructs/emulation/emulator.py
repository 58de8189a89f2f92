"""AWS's emulator while it serves one event."""

from __future__ import annotations

import http.client
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from layer_constructs.building.process import Pipe, pipe
from layer_constructs.emulation.ports import HOST
from layer_constructs.errors import ToolFailedError

# In a folder, becomes the emulator, which is stopped when this program's input ends, however that comes about: nothing
# is left running, and nobody has to be told its process id.
SERVE = 'cd "$1" && shift && exec 3<&0; { cat <&3; kill $$; } >/dev/null 2>&1 3<&3 & exec "$@" 3<&- </dev/null 2>&1'

_PATH = "/2015-03-31/functions/function/invocations"
_PATIENCE = 30.0  # a container of an emulated architecture takes seconds to start
_LONGER = 30.0  # than the function's own timeout, which the emulator sees to
_CANT_START = re.compile(r"address already in use|exec format error|: not found|FATAL|cannot execute|permission denied")
_STOP_AFTER = 0.5  # of such a line in a log that says nothing more


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """:param status: of HTTP: the emulator's own failures have another than a function's.
    :param log: everything that was printed, the emulator's lines too.
    """

    status: int
    body: bytes
    log: str
    seconds: float


def serve(
    argv: Sequence[str], *, env: Mapping[str, str], port: int, event: bytes, timeout: float, pipe: Pipe = pipe
) -> Answer:
    """Start the emulator, send it one event and stop it.

    :param argv: a program that becomes the emulator and ends when its standard input does.
    :param port: where it will listen.
    :raises ToolFailedError: if it doesn't start, or doesn't answer.
    """
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
        output, errors = Path(folder) / "output.txt", Path(folder) / "errors.txt"
        answered: list[tuple[int, bytes, float]] = []
        failed: list[BaseException] = []

        def send(_: IO[bytes], /) -> None:
            # Kept and raised later: the end of this function is what stops the emulator.
            try:
                _wait_for(port, output, errors)
                started = time.monotonic()
                status, body = _post(port, event, timeout + _LONGER)
                answered.append((status, body, time.monotonic() - started))
            except BaseException as error:  # noqa: BLE001 - raised again below
                failed.append(error)

        pipe(argv, env=env, send=send, answer=output, log=errors)
        log = _text(output)
        if failed and not isinstance(failed[0], OSError | http.client.HTTPException):
            raise failed[0]
        if failed:
            raise ToolFailedError(
                f"the emulator doesn't answer: {failed[0]}",
                details=[*_text(errors).splitlines(), *log.splitlines()][-10:],
            ) from failed[0]
        status, body, seconds = answered[0]
        return Answer(status=status, body=body, log=log, seconds=seconds)


def _wait_for(port: int, output: Path, errors: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        connection = http.client.HTTPConnection(HOST, port, timeout=1)
        try:
            connection.connect()
        except OSError:
            if _CANT_START.search(_text(errors) + _text(output)):
                until = min(until, time.monotonic() + _STOP_AFTER)
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise ConnectionRefusedError("it doesn't start")


def _post(port: int, event: bytes, timeout: float) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("POST", _PATH, body=event, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
