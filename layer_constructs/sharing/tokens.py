"""Values that only the deployment knows."""

from __future__ import annotations

import aws_cdk as cdk


def is_token(value: object) -> bool:
    """Asked of anything that a user passes: the CDK's own question fails for objects that aren't JavaScript's."""
    known = isinstance(value, str | int | float | list) or hasattr(type(value), "__jsii_type__")
    return known and cdk.Token.is_unresolved(value)
