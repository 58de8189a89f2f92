"""What goes into one layer, and the digest that names it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

from layer_constructs.building.contents import Contents
from layer_constructs.building.target import ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel

if TYPE_CHECKING:
    from layer_constructs.building.entry.entry import Entry

# Moved when the same wheels would give another tree or another meaning: every layer is then published anew.
LAYOUT = 1


class Pin(NamedTuple):
    """A package that a user's own file pins: one version, and the hashes of the files it may be."""

    name: str
    version: str
    hashes: tuple[str, ...]


class BuildPlan(NamedTuple):
    """The inputs of one layer: exact wheels, hashed pins among whose files the target's are chosen, or own files.

    :param target: what the layer is built for.
    :param architectures: every architecture that gets the same content.
    :param contents: what of the packages goes in.
    :param left_out: the pinned packages that are left to the runtime.
    :param own: files of the user's own besides.
    :param made_in: the image and options of the container in which it is installed; None without one.
    """

    target: Target
    architectures: tuple[ArchitectureName, ...]
    wheels: tuple[LockedWheel, ...] = ()
    pins: tuple[Pin, ...] = ()
    made_in: str | None = None
    contents: Contents = Contents()
    left_out: tuple[str, ...] = ()
    own: Entry | None = None

    @property
    def packages(self) -> dict[str, str]:
        """Each distribution's version, by normalised name."""
        pinned = {pin.name: pin.version for pin in self.pins if pin.name not in self.left_out}
        return {w.name: w.version for w in self.wheels} | pinned

    @property
    def digest(self) -> str:
        """Names the content: the same on every host, and for every target that gets the same files."""
        content = self._packages_digest()
        chosen = self.contents.fingerprint
        if self.made_in is None and chosen is None and self.own is None:
            return content
        value = {"content": content, "made in": self.made_in, "contents": chosen}
        return _sha256(value if self.own is None else {**value, "own": self.own.digest})

    def _packages_digest(self) -> str:
        pins = tuple(pin for pin in self.pins if pin.name not in self.left_out)
        if not pins:
            return digest_of(self.wheels) if self.wheels else ""
        pinned = _digest_of_pins(self.target, pins)
        return _sha256({"pins": pinned, "wheels": digest_of(self.wheels)}) if self.wheels else pinned


def digest_of(wheels: tuple[LockedWheel, ...]) -> str:
    """The digest of a layer made of exactly these wheels."""
    return _sha256({"layout": LAYOUT, "wheels": sorted([wheel.filename, wheel.sha256] for wheel in wheels)})


def _digest_of_pins(target: Target, pins: tuple[Pin, ...]) -> str:
    listed = sorted([pin.name, pin.version, sorted(pin.hashes)] for pin in pins)
    return _sha256({"layout": LAYOUT, "target": str(target), "pins": listed})


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
