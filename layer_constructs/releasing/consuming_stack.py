"""The stack that uses a released layer, as far as it is known when the app is synthesised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from layer_constructs.sharing.tokens import is_token

if TYPE_CHECKING:
    from constructs import Construct


def known(value: str) -> str | None:
    """Its account or region; None if the deployment decides."""
    return None if is_token(value) else value


def name_of(scope: Construct) -> str:
    """How it is called in errors."""
    return f"stack {cdk.Stack.of(scope).node.path or 'Default'}"
