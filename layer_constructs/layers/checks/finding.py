"""Something that doesn't hold for a function or a layer."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

# Part of the id by which a finding is accepted: `layer-constructs::wrong-architecture:Stack/Deps`.
PLUGIN = "layer-constructs"

Rule = Literal[
    "bootstrap-not-used",
    "conflict",
    "layer-twice",
    "no-bootstrap",
    "no-layers-here",
    "permission-not-kept",
    "ships-again",
    "too-large",
    "too-many-layers",
    "wrong-architecture",
    "wrong-runtime",
]

RULES: tuple[Rule, ...] = get_args(Rule)

# What AWS refuses whatever anybody accepts.
_REFUSED = frozenset({"no-layers-here", "too-large", "too-many-layers"})


class Finding(NamedTuple):
    """:param path: of the construct that it is about.
    :param layers: the paths of the function's layers it is about, which are part of what is accepted.
    :param text: several lines; the first says what is wrong.
    """

    rule: Rule
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
    def about(self) -> Literal["function", "layer"]:
        return "layer" if self.rule == "permission-not-kept" else "function"

    @property
    def location(self) -> str:
        """What to look at in the resource."""
        return "Properties/Layers" if self.about == "function" else "UpdateReplacePolicy"

    @property
    def severity(self) -> str:
        """The CDK lets an ``error`` be accepted, and nothing that is ``fatal``."""
        return "fatal" if self.rule in _REFUSED else "error"

    @property
    def acceptable(self) -> bool:
        return self.severity != "fatal"
