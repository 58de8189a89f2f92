"""The installed distributions of a layer, as their own metadata describe them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from layer_constructs.building.inventory.clean import one_line
from layer_constructs.building.inventory.licences import licence_of, said_licence
from layer_constructs.building.inventory.metadata import read_metadata
from layer_constructs.building.tree import Tree
from layer_constructs.building.wheel import LockedWheel

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One distribution in a layer.

    :param name: normalised.
    :param version: empty if it isn't known.
    :param license: an SPDX expression; None if it isn't known.
    :param license_said: what its metadata say of the licence, in one line.
    :param filename: of the wheel, as ``sha256`` is of it; None if it isn't known from which wheel it is.
    """

    name: str
    version: str
    license: str | None = None
    license_said: str | None = None
    summary: str | None = None
    homepage: str | None = None
    filename: str | None = None
    sha256: str | None = None

    @property
    def label(self) -> str:
        """What the user calls it, such as ``numpy 2.5.5``."""
        return f"{self.name} {self.version or 'of an unknown version'}"

    @property
    def purl(self) -> str:
        """Its package URL (the type ``pypi`` of the purl specification)."""
        version = f"@{quote(self.version, safe='')}" if self.version else ""
        return f"pkg:pypi/{quote(self.name, safe='')}{version}"


def components(
    root: Path, tree: Tree, *, wheels: Iterable[LockedWheel] = (), site: str = "python"
) -> tuple[Component, ...]:
    """Every distribution with a dist-info, sorted by name.

    Whatever its metadata lack, a distribution is listed: an inventory must not leave out what is there.

    :param root: the layer's root.
    :param wheels: what was installed, if that is known.
    :param site: the folder in ``root`` with the packages.
    """
    by_name = {wheel.name: wheel for wheel in wheels}
    pattern = re.compile(rf"{re.escape(site)}/(?P<folder>[^/]+)\.dist-info/(?:METADATA|RECORD|WHEEL)")
    folders = {found["folder"] for file in tree.files if (found := pattern.fullmatch(file.path))}
    listed = [_component(root / site / f"{folder}.dist-info", folder, by_name) for folder in sorted(folders)]
    # Two folders may differ in spelling only.
    return tuple(sorted({(each.name, each.version): each for each in reversed(listed)}.values(), key=_order))


def _component(path: Path, folder: str, wheels: dict[str, LockedWheel]) -> Component:
    try:
        raw: RawMetadata = read_metadata((path / "METADATA").read_bytes())
    except OSError:
        raw = {}
    # The folder's name counts, as it does for an installer: METADATA of another package can't hide this one.
    name, _, version = folder.rpartition("-")
    name, version = canonicalize_name(name or folder), _version(version if name else raw.get("version", ""))
    wheel = wheels.get(name)
    if wheel and wheel.version != version:
        wheel = None
    return Component(
        name=name,
        version=version,
        license=licence_of(raw),
        license_said=said_licence(raw),
        summary=_text(raw.get("summary")),
        homepage=_homepage(raw),
        filename=wheel.filename if wheel else None,
        sha256=wheel.sha256 if wheel else None,
    )


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        return one_line(text)


def _text(value: str | None) -> str | None:
    text = one_line(value or "")
    return None if text.upper() in {"", "UNKNOWN"} else text  # old versions of setuptools wrote UNKNOWN


def _homepage(raw: RawMetadata) -> str | None:
    # Labels are compared as PyPA's "well-known project URLs" has it: without blanks and punctuation.
    urls = {re.sub(r"[\W_]", "", label).lower(): url for label, url in raw.get("project_urls", {}).items()}
    for url in (raw.get("home_page", ""), urls.get("homepage", "")):
        if re.fullmatch(r"https?://[!-~]+", url) and not re.search(r'[<>"{}|\\^`\[\]]', url):
            return url
    return None


def _order(component: Component) -> tuple[str, str]:
    return component.name, component.version
