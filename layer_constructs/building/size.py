"""A layer's unzipped size against what Lambda takes, and what would make it smaller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from layer_constructs.building.progress import megabytes
from layer_constructs.errors import LayerError

# Bytes, unzipped, of a function's code and all its layers together: "250 MB" in Lambda's quotas ("Deployment package
# (.zip file archive) size"). A layer alone is held to it when it is published.
LIMIT = 262_144_000

# The function's own code and other layers need room too.
WARN_ABOVE = 0.8 * LIMIT

_MOST_LISTED = 10

# Less is not worth a line, in bytes.
_NOTEWORTHY = 100_000


class Savings(NamedTuple):
    """What each choice would take off a layer as it is, in bytes, about.

    ``slim`` and ``strip`` may be chosen together: their numbers add up. ``provided_by_runtime`` may share some with
    ``slim``.

    :param bytecode: what the ``.pyc`` files take.
    """

    slim: int = 0
    strip: int = 0
    provided_by_runtime: int = 0
    bytecode: int = 0


class LayerTooLargeError(LayerError):
    """A layer that Lambda refuses for its unzipped size.

    :param sizes: bytes of each package.
    """

    def __init__(self, *, total: int, sizes: Mapping[str, int], savings: Savings) -> None:
        super().__init__(
            f"the layer has {megabytes(total)} unzipped, and Lambda takes {megabytes(LIMIT)}",
            details=[
                f"{total:,} of {LIMIT:,} bytes, the function's code and other layers not counted",
                *_largest(sizes),
                *_choices(savings),
            ],
            fix=_fix(total, savings),
        )


def check_size(total: int, *, sizes: Mapping[str, int], savings: Savings) -> str | None:
    """A warning for a layer that leaves little room; None for one that doesn't.

    :param total: bytes of all its files, unzipped.
    :param sizes: bytes of each package.
    :raises LayerTooLargeError: if Lambda refuses it.
    """
    if total > LIMIT:
        raise LayerTooLargeError(total=total, sizes=sizes, savings=savings)
    if total <= WARN_ABOVE:
        return None
    lines = [
        f"the layer has {megabytes(total)} unzipped, {total / LIMIT:.0%} of what Lambda takes with the function's code",
        *_largest(sizes),
        *_choices(savings),
    ]
    return "\n  ".join(lines)


def _largest(sizes: Mapping[str, int]) -> list[str]:
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{megabytes(size):>9}  {name}" for name, size in ordered[:_MOST_LISTED]]
    rest = ordered[_MOST_LISTED:]
    if rest:
        lines.append(f"{megabytes(sum(size for _, size in rest)):>9}  {len(rest)} more")
    return lines


def _choices(savings: Savings) -> list[str]:
    offered = [
        (savings.slim, "slim=True"),
        (savings.strip, "strip=True"),
        (savings.provided_by_runtime, "provided_by_runtime=True"),
        (savings.bytecode, "bytecode=False"),
    ]
    return [f"{choice} would save about {megabytes(size)}" for size, choice in offered if size >= _NOTEWORTHY]


def _fix(total: int, savings: Savings) -> str:
    """The mildest choice that is enough: by what it may change, not by what it saves."""
    chosen: list[str] = []
    left = total
    for size, choice in (
        (savings.slim, "slim=True"),
        (savings.bytecode, "bytecode=False"),
        (savings.strip, "strip=True"),
        (savings.provided_by_runtime, "provided_by_runtime=True"),
    ):
        if left > LIMIT and size:
            chosen.append(choice)
            left -= size
    last = "exclude=[...] for what the code never reads, fewer packages, or a container image, which may have 10 GB"
    if left <= LIMIT:
        return f"{' and '.join(chosen)}, then about {megabytes(left)}; or {last}"
    return f"{last}; the choices above leave about {megabytes(left)}" if chosen else last
