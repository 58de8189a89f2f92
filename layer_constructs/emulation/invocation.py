"""What came of an invocation, read from the emulator's answer and its log."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from layer_constructs.emulation.emulator import Answer

# The emulator's own lines between those of the function: `21 Nov 2026 20:05:33,952 [INFO] (rapid) ...`, and what
# Lambda writes around an invocation, whose numbers are not Lambda's here.
_OF_EMULATOR = re.compile(r"\d+ \w+ \d{4} [\d:,]+ \[\w+\] \(rapid\) .*|(?:START|END|REPORT) RequestId: .*")
# What AWS's client says before each error at init, of updates that can't be the reason here.
_OF_CLIENT = re.compile(r"\[WARNING\]\t\S+\t\tLAMBDA_WARNING: .*")
_INIT = re.compile(r"\(rapid\) INIT REPORT\(durationMs: ([\d.]+)\)")
_TIMED_OUT = re.compile(r"\(rapid\) Reset initiated: Timeout")

# As runtimes report an error: AWS's clients and, by its documentation, any custom one.
_ERROR_KEYS = frozenset({"errorMessage", "errorType", "stackTrace", "requestId", "cause"})


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionError:
    """:param type: such as ``ValueError`` or ``Runtime.ImportModuleError``.
    :param stack_trace: as the runtime formats it.
    """

    type: str
    message: str
    stack_trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.message} ({self.type})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """One cold start and one event.

    :param response: what the function returned: read as JSON, or the text if it is none; None after an error.
    :param error: what the function raised, or why it didn't get that far.
    :param log: what the function and its runtime printed.
    :param init_seconds: until the handler could be called, imports included; None if it is not known.
    :param seconds: init and the call together.
    :param notes: what is not as it is on Lambda, a line each.
    """

    response: Any
    error: FunctionError | None
    log: str
    init_seconds: float | None
    seconds: float
    notes: tuple[str, ...] = ()


def read_invocation(answer: Answer, *, notes: tuple[str, ...]) -> Invocation:
    """:param answer: of the emulator, which says little of what went wrong before the function could."""
    text, log = answer.body.decode("utf-8", errors="replace"), function_log(answer.log)
    try:
        response = json.loads(text)
    except ValueError:
        response = text
    error = _error(response)
    if _TIMED_OUT.search(answer.log):
        error = FunctionError(type="Sandbox.Timedout", message=text)
    elif answer.status != HTTPStatus.OK and error is None:
        last = log.rstrip("\n").rpartition("\n")[2]
        error = FunctionError(type="Runtime.ExitError", message=text or last or "the runtime ended without a word")
    init = _INIT.search(answer.log)
    return Invocation(
        response=None if error else response,
        error=error,
        log=log,
        init_seconds=float(init[1]) / 1000 if init else None,
        seconds=answer.seconds,
        notes=notes,
    )


def function_log(log: str) -> str:
    """Without the lines of the emulator."""
    lines = (_OF_EMULATOR.sub("", line) for line in log.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not _OF_CLIENT.fullmatch(line))


def _error(response: object) -> FunctionError | None:
    """The emulator answers an error as it does a response, so its form has to tell."""
    if not isinstance(response, dict) or not response.keys() <= _ERROR_KEYS:
        return None
    match response:
        case {"errorMessage": str(message), "errorType": str(kind)}:
            trace = response.get("stackTrace")
            lines = tuple(map(str, trace)) if isinstance(trace, list) else ()
            return FunctionError(type=kind, message=message, stack_trace=lines)
    return None
