"""Layers that AWS publishes, and those that the CDK publishes and attaches by itself: data, with its sources."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Any

from layer_constructs.approval.patterns import OWN_ACCOUNT, LayerPattern
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import is_token


def names() -> list[str]:
    """What presets there are."""
    return list(_read())


def what(name: str) -> str:
    """What a preset approves, in a line."""
    return str(_read()[name]["what"])


def sources(name: str) -> list[str]:
    """Where it is from."""
    return list(_read()[name]["sources"])


def check(name: str, *, regions: Iterable[str] = (), partition: str | None = None) -> None:
    """Whether there is such a preset, with a layer in each of these places.

    :raises ArgumentError: if there isn't.
    """
    if name not in _read():
        raise ArgumentError(f"there is no preset {name!r}", details=[f"allowed: {', '.join(names())}"])
    for region in regions or (None,):
        if region and is_token(region):
            raise ArgumentError(
                f"regions of the preset {name} has {region}, which is known only at deployment",
                fix="name the regions that the app is deployed to",
            )
        if not patterns(name, regions=[region] if region else (), partition=partition):
            known = sorted({pattern.region for pattern in _patterns(name) if pattern.region})
            raise ArgumentError(
                f"the preset {name} knows of no layer in {region or partition}",
                details=[f"known: {', '.join(known)}"],
                fix="leave it out there, or approve the layer by its ARN if AWS lists one",
            )


def patterns(name: str, *, regions: Iterable[str] = (), partition: str | None = None) -> list[LayerPattern]:
    """A preset's layers in these regions; none is all of them."""
    places: list[str | None] = [*regions] or [None]
    found = [pattern.within(partition=partition, region=region) for pattern in _patterns(name) for region in places]
    return [pattern for pattern in found if pattern]


@cache
def _patterns(name: str) -> tuple[LayerPattern, ...]:
    return tuple(pattern for layer in _read()[name]["layers"] for pattern in _layer(layer))


def _layer(layer: dict[str, Any]) -> Iterator[LayerPattern]:
    name = layer.get("name") or layer.get("glob") or f"{layer['prefix']}*"
    if layer.get("own_account"):
        yield LayerPattern(account=OWN_ACCOUNT, name=name)
    for account, regions in layer.get("accounts", {}).items():
        if isinstance(regions, str):
            yield LayerPattern(partition=regions, account=account, name=name)
            continue
        for region in regions:
            yield LayerPattern(region=region, account=account, name=name)


@cache
def _read() -> dict[str, Any]:
    text = resources.files(__package__ or __name__).joinpath("presets.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data
