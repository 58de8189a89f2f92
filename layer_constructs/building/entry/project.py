"""What must be known of the wheel of the user's own project: what looks like a secret in it, and what it needs."""

from __future__ import annotations

import email.parser
import re
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from layer_constructs.building.entry.secrets import looks_secret

if TYPE_CHECKING:
    from layer_constructs.building.target import Target
    from layer_constructs.building.wheel import LockedWheel

# Where an installer puts what is in `NAME.data/` (PyPA's specification of binary distributions).
_DATA = re.compile(r"^[^/]+\.data/(?P<scheme>[^/]+)/")
_SCHEMES = {"scripts": "bin/"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project of the user's own.

    :param path: as the user wrote it.
    :param secrets: what looks like a secret, and why, by path in the layer.
    :param requires: its ``Requires-Dist``.
    """

    path: Path
    wheel: LockedWheel
    secrets: Mapping[str, str]
    requires: tuple[str, ...]

    def missing(self, target: Target, there: Collection[str]) -> list[str]:
        """The packages that it needs, and that neither the layer nor the runtime has.

        :param there: normalised names.
        """
        from packaging.requirements import Requirement
        from packaging.utils import canonicalize_name

        from layer_constructs.building.runtime_packages import PROVIDED

        needed = (Requirement(line) for line in self.requires)
        here = cast("dict[str, str]", {**target.environment(), "extra": ""})
        names = {canonicalize_name(r.name) for r in needed if r.marker is None or r.marker.evaluate(here)}
        return sorted(names - {*there, *PROVIDED})


def look_into(file: Path) -> tuple[dict[str, str], list[str]]:
    """What looks like a secret in a wheel, by path where it is installed to, and its ``Requires-Dist``."""
    secrets: dict[str, str] = {}
    requires: list[str] = []
    with zipfile.ZipFile(file) as wheel:
        for name in wheel.namelist():
            content = wheel.read(name)
            placed = _DATA.sub(lambda found: _SCHEMES.get(found["scheme"], ""), name)
            secret = None if name.endswith("/") else looks_secret([placed], content)
            if secret:
                secrets[placed] = secret
            if name.count("/") == 1 and name.endswith(".dist-info/METADATA"):
                message = email.parser.BytesHeaderParser().parsebytes(content)
                requires += [str(each) for each in message.get_all("Requires-Dist") or ()]
    return secrets, requires
