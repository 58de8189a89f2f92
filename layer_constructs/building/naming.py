"""For which targets it was that something failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from layer_constructs.building.target import Platform
from layer_constructs.errors import LayerError


@contextmanager
def naming(*targets: Platform) -> Iterator[None]:
    """Say for which targets something was done that failed, where the error itself doesn't."""
    try:
        yield
    except LayerError as error:
        names = ", ".join(map(str, targets))
        if names not in str(error):
            error.add_note(f"this was for {names}")
        raise
