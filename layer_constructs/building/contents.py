"""What of the wheels goes into a layer, and what is added to it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from layer_constructs.errors import ArgumentError

# Moved when `slim` or `strip` would leave out other bytes, or the bytecode would be written in another way.
RULES = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """A part of a layer's digest.

    :param exclude: globs below ``python/`` of what is left out.
    :param slim: leave out what can't matter at run time.
    :param strip: leave out the symbols of compiled files.
    :param provided_by_runtime: leave out what the runtime ships.
    :param bytecode: the exact CPython that compiles the modules, such as ``3.13.5``; None: they aren't.
    """

    exclude: tuple[str, ...] = ()
    slim: bool = False
    strip: bool = False
    provided_by_runtime: bool = False
    bytecode: str | None = None

    def __post_init__(self) -> None:
        for name in ("slim", "strip", "provided_by_runtime"):
            if not isinstance(getattr(self, name), bool):
                raise ArgumentError(f"{name} is {getattr(self, name)!r}", details=["allowed: True, False"])
        if self.bytecode is not None and not re.fullmatch(r"3\.\d{1,3}\.\d{1,3}", self.bytecode):
            raise ArgumentError(
                f"bytecode is {self.bytecode!r}", details=["allowed: a release such as 3.13.5, or 'any'"]
            )

    @property
    def fingerprint(self) -> dict[str, object] | None:
        """What decides the content; None where everything goes in as it is."""
        if self == Contents():
            return None
        ours = self.slim or self.strip or self.bytecode
        return {**asdict(self), "exclude": sorted(set(self.exclude)), "rules": RULES if ours else 0}
