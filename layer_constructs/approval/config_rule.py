"""A catalog as a rule of AWS Config, which looks at the functions that there are."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_config as config

from layer_constructs.approval.guard_rule import configuration_rule
from layer_constructs.errors import LayerError
from layer_constructs.layer_arn import CDK_TOKEN

if TYPE_CHECKING:
    from constructs import Construct

    from layer_constructs.approval.catalog import LayerCatalog

# Characters. Source: PolicyText of CustomPolicyDetails in the AWS Config API reference.
_LIMIT = 10_000


class ConfigRuleTooLargeError(LayerError):
    """What is approved doesn't fit into one rule of AWS Config.

    :param over: characters too many.
    """

    def __init__(self, size: int) -> None:
        self.over = size - _LIMIT
        super().__init__(
            f"the rule has {size:,} characters, {self.over:,} more than the {_LIMIT:,} that AWS Config takes",
            fix="keep to the regions or the partition you use (catalog.only(regions=[...])), or approve a prefix or an "
            "account instead of many names",
        )


class ApprovedLayersConfigRule(config.CustomPolicy):
    """A rule of AWS Config: functions with a layer that isn't approved, or without one that is required, don't comply.

    It is written in Guard, so there is no function behind it. It reports and prevents nothing; the account must record
    ``AWS::Lambda::Function``.

    :param scope: the parent construct, in a stack of the account and region that are looked at.
    :param id: the construct's id.
    :param catalog: what is approved.
    :param on: the day that it is made for; needed if something in the catalog depends on a day. On the day on which an
        approval ends, deploy it for that day.
    :param config_rule_name: by default one that CloudFormation makes.
    :param description: by default, what it does.
    :raises ConfigRuleTooLargeError: if it has more than the 10,000 characters that AWS Config takes.
    :raises ArgumentError: if the catalog depends on the day and ``on`` is not given.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        catalog: LayerCatalog,
        on: date | None = None,
        config_rule_name: str | None = None,
        description: str = "Lambda functions have approved layers only",
    ) -> None:
        text = configuration_rule(catalog, on=on, own_account=cdk.Stack.of(scope).account)
        size = len(CDK_TOKEN.sub("x" * 12, text))
        if size > _LIMIT:
            raise ConfigRuleTooLargeError(size)
        super().__init__(
            scope,
            id,
            policy_text=text,
            config_rule_name=config_rule_name,
            description=description,
            rule_scope=config.RuleScope.from_resource(config.ResourceType.LAMBDA_FUNCTION),
        )
