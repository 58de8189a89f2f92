"""A layer whose replaced versions are kept, but not who may use them.

The CDK's ``LayerVersion(removal_policy=RETAIN).add_permission(...)`` keeps the old version and deletes its permission
when a new version ships (aws-cdk issues 15524, 21232, 30686). Nothing breaks on that day: the functions of consumers
run on, and their next deployment fails, in accounts whose owners changed nothing. So it is an error, which can be
accepted where it is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from layer_constructs.layers.checks.finding import Finding
from layer_constructs.layers.checks.subject import Names
from layer_constructs.layers.of_function import References
from layer_constructs.layers.templates import Resource, Template

_PERMISSION = "AWS::Lambda::LayerVersionPermission"
_RETAIN = "Retain"

# CloudFormation's, where a template says nothing.
_DEFAULT = "Delete"


def lost_permissions(templates: Sequence[Template], names: Names) -> Iterator[Finding]:
    """A finding for each layer in these templates that is kept while a permission of it is not."""
    permissions = [(template, each) for template in templates for each in template.of_type(_PERMISSION)]
    if not permissions:
        return
    references = References(templates)
    by_name = {template.name: template for template in templates}
    lost: dict[tuple[str, str], tuple[Resource, list[Resource]]] = {}
    for template, permission in permissions:
        layer = references.layer(template, permission.properties.get("LayerVersionArn")).declared
        if layer is None or _when_replaced(by_name[layer.template], layer) != _RETAIN:
            continue
        policy = _when_replaced(template, permission)
        if isinstance(policy, str) and policy != _RETAIN:
            lost.setdefault(layer.key, (layer, []))[1].append(permission)
    for layer, its in lost.values():
        yield Finding(
            rule="permission-not-kept",
            path=names.path(layer),
            text="\n".join(
                [
                    "its replaced versions are kept, but the permissions to use them are deleted when a new one ships",
                    *(f"{_whom(each)} ({each.path or each.logical_id})" for each in its),
                ]
            ),
            fix="set the permission's UpdateReplacePolicy to Retain and its DeletionPolicy to Delete: "
            "options = layer.node.find_child(id).cfn_options; "
            "options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN; "
            "options.deletion_policy = cdk.CfnDeletionPolicy.DELETE",
        )


def _when_replaced(template: Template, resource: Resource) -> Any:
    """Not a string where a transform lets the deployment decide."""
    return template.resources[resource.logical_id].get("UpdateReplacePolicy", _DEFAULT)


def _whom(permission: Resource) -> str:
    organization, principal = (permission.properties.get(name) for name in ("OrganizationId", "Principal"))
    if organization is not None:
        return f"organisation {organization}" if isinstance(organization, str) else "an organisation"
    if principal == "*":
        return "everybody"
    return f"account {principal}" if isinstance(principal, str) else "an account"
