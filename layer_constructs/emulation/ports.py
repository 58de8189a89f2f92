"""Free ports for the emulator."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from layer_constructs.errors import ArgumentError

HOST = "127.0.0.1"


def free_ports(wanted: int | None = None) -> tuple[int, int]:
    """One for events, and one for the runtime.

    :param wanted: for events; by default any.
    :raises ArgumentError: if that one is taken.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        try:
            sockets[0].bind((HOST, wanted or 0))
        except OSError as error:
            raise ArgumentError(
                f"the emulator can't listen on port {wanted}: {error.strerror}",
                fix="stop what listens there, or leave --port out: a free one is chosen then",
            ) from error
        sockets[1].bind((HOST, 0))
        events, runtime = (each.getsockname()[1] for each in sockets)
        return events, runtime
