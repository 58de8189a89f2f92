"""Where a stack reads the parameter of a released layer: by its name, or in another account by its full ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import ACCOUNT, partition_of
from layer_constructs.releasing.arguments import constants_of
from layer_constructs.releasing.consuming_stack import known, name_of
from layer_constructs.releasing.parameter_names import parameter_folder
from layer_constructs.sharing.tokens import is_token

if TYPE_CHECKING:
    from constructs import Construct


def parameter_address(
    scope: Construct,
    *,
    library: str,
    runtime: lambda_.Runtime,
    architecture: lambda_.Architecture,
    version: str,
    prefix: str,
    account: str | None,
    region: str | None,
) -> str:
    """The name of the parameter, or for another account its full ARN.

    :param scope: in the stack that reads it.
    :param version: a number, or ``latest``.
    :param account: the publisher's; None is the stack's.
    :param region: None is the stack's.
    :raises ArgumentError: for a name that SSM wouldn't take or that isn't known yet, and for another region.
    """
    (runtime,) = constants_of([runtime], lambda_.Runtime, "runtime", "lambda_.Runtime.PYTHON_3_13")
    (architecture,) = constants_of([architecture], lambda_.Architecture, "architecture", "lambda_.Architecture.ARM_64")
    for argument, text in (
        ("library", library),
        ("parameter_prefix", prefix),
        ("account", account),
        ("region", region),
    ):
        if text is not None and is_token(text):
            raise ArgumentError(
                f"{argument} is a token, and the parameter's name must be known when the app is synthesised",
                fix=f"write {argument} out, or read it from the context: self.node.get_context('{argument}')",
            )
    folder = parameter_folder(prefix=prefix, library=library, runtime=runtime.name, architecture=architecture.name)
    name = f"{folder}/{version}"
    stack = cdk.Stack.of(scope)
    own_region = known(stack.region)
    if region is not None and own_region is not None and region != own_region:
        raise ArgumentError(
            f"region is {region!r}, and {name_of(scope)} is in {own_region}",
            details=["a function takes layers of its own region only"],
            fix="leave region out, and release the layer in the stack's region",
        )
    if account is None:
        return name
    if not _is_account(account):
        raise ArgumentError(f"account is {account!r}", details=["allowed: 12 digits, as text"])
    if account == known(stack.account):
        return name
    there = region or own_region
    if there is None:
        raise ArgumentError(
            f"the parameter of account {account} is read by its full ARN, and {name_of(scope)} doesn't tell its region",
            fix="write region='eu-central-1', or give the stack env=cdk.Environment(region=...)",
        )
    return f"arn:{partition_of(there)}:ssm:{there}:{account}:parameter{name}"


def _is_account(value: object) -> bool:
    return isinstance(value, str) and ACCOUNT.fullmatch(value) is not None
