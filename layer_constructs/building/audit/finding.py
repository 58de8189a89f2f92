"""One thing that is wrong with a layer."""

from __future__ import annotations

from typing import Literal, NamedTuple

# Of the set of rules: findings that were made by an older one are made again.
RULES = 1

Rule = Literal[
    "alignment",
    "case-collision",
    "damaged",
    "glibc-too-new",
    "library-missing",
    "library-too-new",
    "name-collision",
    "outside-link",
    "pth-file",
    "python-abi",
    "wheel-tag",
    "wrong-machine",
]


class Finding(NamedTuple):
    """What one file of a layer has against the target. ``Finding(**finding._asdict())`` is the same again.

    :param package: canonical name of the distribution that brought the file; None where no RECORD lists it.
    :param path: relative to the layer's root, with ``/``.
    :param text: what is said of the path; the two read as a sentence.
    """

    rule: Rule
    package: str | None
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path} {self.text}"
