"""Which wheels fit a target, and which of them best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from packaging.tags import Tag, create_compatible_tags_selector
from packaging.utils import parse_wheel_filename

from layer_constructs.building.target import ARCHITECTURES, RUNTIMES, Target


def best(wheels: Iterable[tuple[str, str]], target: Target) -> str | None:
    """Of pairs of an identifier and a wheel file name, the identifier of the one that fits ``target`` best."""
    pick: Callable[[Iterable[tuple[str, frozenset[Tag]]]], Iterator[str]] = _selector(target)
    return next(pick((key, parse_wheel_filename(name)[-1]) for key, name in wheels), None)


def offered(names: Iterable[str]) -> list[str]:
    """The targets that one of these wheel files fits."""
    wheels = [("", name) for name in names]
    return [str(other) for other in all_targets() if best(wheels, other) is not None]


def all_targets() -> list[Target]:
    """Every target there is."""
    return [Target(runtime, architecture) for runtime in RUNTIMES for architecture in ARCHITECTURES]


@lru_cache(maxsize=32)
def tags_of(target: Target) -> tuple[Tag, ...]:
    return tuple(target.tags())


@lru_cache(maxsize=32)
def _selector(target: Target) -> Any:
    return create_compatible_tags_selector(tags_of(target))
