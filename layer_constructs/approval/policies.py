"""A catalog as policies: to attach to whoever makes functions, or to a whole organisation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_organizations as organizations
from constructs import Construct

from layer_constructs.approval import policy_size
from layer_constructs.approval.policy_size import Form, PolicyTooLargeError, Statement
from layer_constructs.errors import ArgumentError

if TYPE_CHECKING:
    from layer_constructs.approval.catalog import LayerCatalog

# "TargetId" of AttachPolicy in the AWS Organizations API reference.
_TARGET = re.compile(r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|[0-9]{12}", re.ASCII)

# A managed policy's description can't be changed: the policy would be replaced.
_DESCRIPTION = "Refuses Lambda functions with layers that are not approved"


class ApprovedLayersPolicy(iam.ManagedPolicy):
    """A managed policy that refuses functions with layers that aren't approved; it allows nothing.

    It belongs on whoever makes functions: the roles and groups of deployers, and the CDK's execution role
    (``cdk bootstrap --cloudformation-execution-policies``, beside the policies that allow).

    :param scope: the parent construct.
    :param id: the construct's id.
    :param catalog: what is approved. What it requires (``required_as``) is required here, too.
    :param publishers: ARNs of the roles and users that may publish layers, such as
        ``arn:aws:iam::*:role/layer-pipeline``; an empty list is nobody. None, the default, leaves publishing alone.
        Where the account's own layers are approved, whoever publishes there approves.
    :param managed_policy_name: by default one that CloudFormation makes.
    :param path: of the policy.
    :param description: by default, what it does.
    :param groups: to attach it to.
    :param roles: to attach it to.
    :param users: to attach it to.
    :raises PolicyTooLargeError: if it doesn't fit into one policy.
    :raises ArgumentError: for a layer of the app without a ``layer_version_name``, or a publisher that is everybody.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        catalog: LayerCatalog,
        publishers: Sequence[str] | None = None,
        managed_policy_name: str | None = None,
        path: str | None = None,
        description: str = _DESCRIPTION,
        groups: Sequence[iam.IGroup] = (),
        roles: Sequence[iam.IRole] = (),
        users: Sequence[iam.IUser] = (),
    ) -> None:
        super().__init__(
            scope,
            id,
            document=_document(catalog, "identity", publishers),
            managed_policy_name=managed_policy_name,
            path=path,
            description=description,
            groups=list(groups),
            roles=list(roles),
            users=list(users),
        )


class ApprovedLayersBoundary(iam.ManagedPolicy):
    """A permissions boundary that refuses functions with layers that aren't approved, and allows all the rest.

    Attach it with ``iam.PermissionsBoundary.of(scope).apply(boundary)``, or to the CDK's execution role with
    ``cdk bootstrap --custom-permissions-boundary NAME``.

    The parameters are those of :class:`ApprovedLayersPolicy`. A boundary is no policy: it isn't attached to groups.

    :raises PolicyTooLargeError: if it doesn't fit into one policy.
    :raises ArgumentError: as :class:`ApprovedLayersPolicy`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        catalog: LayerCatalog,
        publishers: Sequence[str] | None = None,
        managed_policy_name: str | None = None,
        path: str | None = None,
        description: str = _DESCRIPTION,
    ) -> None:
        super().__init__(
            scope,
            id,
            document=_document(catalog, "boundary", publishers),
            managed_policy_name=managed_policy_name,
            path=path,
            description=description,
        )


class ApprovedLayersScp(Construct):
    """A service control policy that refuses functions with layers that aren't approved, for accounts and units.

    It stands beside ``FullAWSAccess``, and its stack belongs in the management account, or one that administers
    policies for it. It binds neither the management account nor service-linked roles.

    :param scope: the parent construct.
    :param id: the construct's id.
    :param catalog: what is approved. What it requires (``required_as``) is required here, too.
    :param targets: accounts (``111122223333``), units (``ou-ab12-11112222``) or the root (``r-ab12``) to attach it to.
    :param publishers: see :class:`ApprovedLayersPolicy`.
    :param policy_name: one that the organisation doesn't have yet; by default made of the construct's path.
    :param description: by default, what it does.
    :raises PolicyTooLargeError: if it doesn't fit into one policy.
    :raises ArgumentError: for no target or what is none, and as :class:`ApprovedLayersPolicy`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        catalog: LayerCatalog,
        targets: Sequence[str],
        publishers: Sequence[str] | None = None,
        policy_name: str | None = None,
        description: str = _DESCRIPTION,
    ) -> None:
        target_ids = _targets(targets)
        content = policy_size.document(_statements(catalog, "scp", publishers))
        super().__init__(scope, id)
        self._policy = organizations.CfnPolicy(
            self,
            "Resource",
            name=policy_name or cdk.Names.unique_resource_name(self, max_length=128),
            type="SERVICE_CONTROL_POLICY",
            content=content,
            description=description,
            target_ids=target_ids,
        )

    @property
    def policy_id(self) -> str:
        """Such as ``p-a1b2c3d4``; a token."""
        return self._policy.attr_id


def _document(catalog: LayerCatalog, form: Form, publishers: Sequence[str] | None) -> iam.PolicyDocument:
    return iam.PolicyDocument.from_json(policy_size.document(_statements(catalog, form, publishers)))


def _statements(catalog: LayerCatalog, form: Form, publishers: Sequence[str] | None) -> list[Statement]:
    """All that one policy has, if it has room for it."""
    parts = {"what is approved": catalog.deny_statements(form)}
    if any(entry.required_as for entry in catalog.entries):
        parts["what is required"] = catalog.required_statements(form)
    if publishers is not None:
        parts["who may publish"] = catalog.publishing_statements(publishers=publishers, form=form)
    statements: list[dict[str, Any]] = [statement for part in parts.values() for statement in part]
    size = policy_size.size_of(statements)
    if size > policy_size.LIMITS[form]:
        alone = [(what, policy_size.size_of(part)) for what, part in parts.items()]
        raise PolicyTooLargeError(form=form, size=size, largest=sorted(alone, key=lambda each: -each[1]))
    return statements


def _targets(targets: Sequence[str]) -> list[str]:
    if isinstance(targets, str):
        raise ArgumentError("targets is a text, and must be a list", fix=f"write targets=[{targets!r}]")
    if not targets:
        raise ArgumentError("targets is empty", fix="name an account, an organisational unit or the root")
    for target in targets:
        if not (cdk.Token.is_unresolved(target) or _TARGET.fullmatch(str(target))):
            raise ArgumentError(
                f"targets has {target!r}", details=["allowed: 111122223333, ou-ab12-11112222, r-ab12"]
            )  # fmt: skip
    return list(dict.fromkeys(targets))
