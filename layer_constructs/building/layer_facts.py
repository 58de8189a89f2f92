"""What is known of a finished layer, as it is kept beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from layer_constructs.building import sealed_file


class Package(NamedTuple):
    """One distribution in a layer; ``size`` in bytes, unzipped."""

    version: str
    size: int


class LayerFacts(NamedTuple):
    """What is known of a finished layer; sizes in bytes."""

    digest: str
    sha256: str
    size: int
    unzipped_size: int
    packages: Mapping[str, Package]

    def write(self, path: Path) -> None:
        packages = {name: package._asdict() for name, package in self.packages.items()}
        sealed_file.write(path, {**self._asdict(), "packages": packages})

    @classmethod
    def read(cls, path: Path, *, digest: str) -> LayerFacts | None:
        """What :meth:`write` wrote of the layer of ``digest``; None if it is damaged or of another layer."""
        facts = sealed_file.read(path)
        try:
            if facts is None or facts["digest"] != digest:
                return None
            packages = {name: Package(**package) for name, package in facts["packages"].items()}
            return cls(**{**facts, "packages": packages})
        except (KeyError, TypeError, AttributeError):  # of another version of this library
            return None
