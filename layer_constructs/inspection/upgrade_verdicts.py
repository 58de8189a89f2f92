"""What packages are on another runtime, and what an architecture of it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from packaging.version import Version

Status = Literal["as-pinned", "newer", "older", "sdist-only", "none", "unneeded"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One package on the other runtime.

    :param pinned: its version now.
    :param status: `as-pinned`: that version has a wheel there. `newer`, `older`: another one has, ``version``.
        `sdist-only`: it would have to be built. `none`: nothing is offered. `unneeded`: nothing asks for it there.
    :param built_now: it has no wheel where it is now either, so that building it is nothing new.
    """

    name: str
    pinned: str
    status: Status
    version: str | None = None
    built_now: bool = False

    @property
    def has_wheel(self) -> bool:
        return self.status not in {"sdist-only", "none"}

    @property
    def moves(self) -> bool:
        return self.has_wheel or (self.status == "sdist-only" and self.built_now)


def verdict_of(name: str, pinned: str, version: str) -> Verdict:
    """Of a package that has a wheel there, in this version."""
    if version == pinned:
        return Verdict(name=name, pinned=pinned, status="as-pinned")
    status: Status = "newer" if Version(version) > Version(pinned) else "older"
    return Verdict(name=name, pinned=pinned, status=status, version=version)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What an architecture of the other runtime has.

    :param added: what is needed there besides, by name.
    :param relaxed: the requirements that have to let a pin go.
    :param problem: why there is no answer for all of it together; None if there is one.
    """

    packages: tuple[Verdict, ...]
    added: Mapping[str, str]
    relaxed: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def can_move(self) -> bool:
        return self.problem is None and all(verdict.moves for verdict in self.packages)
