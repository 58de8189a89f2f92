"""Something that doesn't hold for a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from layer_constructs.layers.templates import Resource

# Part of the id by which a finding is accepted: `layer-constructs::wrong-architecture:Stack/Deps`.
PLUGIN = "layer-constructs"

Rule = Literal[
    "conflict", "no-layers-here", "ships-again", "too-large", "too-many-layers", "wrong-architecture", "wrong-runtime"
]

RULES: tuple[Rule, ...] = (
    "conflict",
    "no-layers-here",
    "ships-again",
    "too-large",
    "too-many-layers",
    "wrong-architecture",
    "wrong-runtime",
)

# What AWS refuses whatever anybody accepts.
_REFUSED = frozenset({"no-layers-here", "too-large", "too-many-layers"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """:param layers: the paths of the layers it is about, which are part of what is accepted.
    :param text: several lines; the first says what is wrong.
    """

    rule: Rule
    function: Resource
    path: str
    text: str
    fix: str
    layers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ":".join((self.rule, *self.layers)).replace(" ", "-")  # as the CDK writes them in ids

    @property
    def id(self) -> str:
        return f"{PLUGIN}::{self.name}"

    @property
    def severity(self) -> str:
        """The CDK lets an ``error`` be accepted, and nothing that is ``fatal``."""
        return "fatal" if self.rule in _REFUSED else "error"

    @property
    def acceptable(self) -> bool:
        return self.severity != "fatal"
