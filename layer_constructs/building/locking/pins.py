"""What is pinned for one runtime, and what of it may be let go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from layer_constructs.building.sdist import BuildImage, LockedSdist
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName
from layer_constructs.building.wheel import LockedWheel

# What a lock names: a wheel, or a source distribution of which none was built for the architecture yet.
LockedFile = LockedWheel | LockedSdist


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade:
    """Which of the pins before are let go."""

    everything: bool = False
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """The answer for one runtime.

    :param unavailable: why there is none for an architecture.
    :param bytecode: the exact CPython that compiles the modules, where that is wanted.
    :param images: in what the wheels of an architecture were built, where any were.
    """

    wheels: Mapping[ArchitectureName, tuple[LockedFile, ...]]
    unavailable: Mapping[ArchitectureName, str] = field(default_factory=dict)
    images: Mapping[ArchitectureName, BuildImage] = field(default_factory=dict)
    bytecode: str | None = None

    def differences(self) -> list[str]:
        """Packages whose version is not the same on both architectures, in words."""
        if len(self.wheels) < len(ARCHITECTURES):
            return []
        versions = [{wheel.name: wheel.version for wheel in self.wheels[a]} for a in ARCHITECTURES]
        return [
            f"{name}: " + ", ".join(f"{v[name]} on {a}" for a, v in zip(ARCHITECTURES, versions, strict=True))
            for name in sorted(versions[0].keys() & versions[1].keys())
            if versions[0][name] != versions[1][name]
        ]
