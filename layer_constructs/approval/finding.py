"""What a catalog says against a function."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from layer_constructs.layers.checks.finding import PLUGIN

Rule = Literal["unapproved-layer", "unknown-layer", "required-layer"]

RULES: tuple[Rule, ...] = ("unapproved-layer", "unknown-layer", "required-layer")


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalFinding:
    """One layer of a function, or one that it lacks.

    :param path: the function's.
    :param layer: the layer's path or ARN, or the label of what is lacking: with it, it is accepted alone.
    :param text: several lines; the first says what is wrong.
    :param refuses: False if it is only told.
    """

    rule: Rule
    path: str
    layer: str
    text: str
    fix: str
    refuses: bool = True

    @property
    def name(self) -> str:
        # In the CDK's ids a space is a dash, and two colons part the plugin's name from the rule's.
        return re.sub(r":{2,}", ":", f"{self.rule}:{self.layer}".replace(" ", "-"))

    @property
    def id(self) -> str:
        return f"{PLUGIN}::{self.name}"

    @property
    def about(self) -> str:
        return "function"

    @property
    def location(self) -> str:
        return "Properties/Layers"

    @property
    def severity(self) -> str:
        return "error" if self.refuses else "warning"
