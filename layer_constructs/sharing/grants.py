"""Grants of layer versions that are in an account: which there are, and which may go.

A replaced version keeps its grants, and no template knows of them any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from layer_constructs.errors import ArgumentError, LayerError
from layer_constructs.layer_arn import NAME
from layer_constructs.sharing.share import EVERYBODY

PUBLIC = "public"

_ARN = re.compile(
    r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):[0-9]{12}:layer:(?P<name>[a-zA-Z0-9_-]{1,140})(?::(?P<version>[0-9]+))?"
)
_WHOM = re.compile(rf"[0-9]{{12}}|o-[a-z0-9]{{10,32}}|{PUBLIC}")
# How Lambda writes an account that was named by its number.
_ROOT = re.compile(r"arn:[a-z-]+:iam::([0-9]{12}):root|([0-9]{12})")


class LayerAccount(Protocol):
    """The seam to an account: what is asked there, and the one thing that is done."""

    def versions(self, layer: str) -> Sequence[int]:
        """The numbers of the versions that there are, in any order."""

    def policy(self, layer: str, version: int) -> str | None:
        """The policy of a version as JSON; None if it has none."""

    def remove(self, layer: str, version: int, statement_id: str) -> None:
        """Take one statement out of a version's policy; it may be gone already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """One statement of a version's policy.

    :param shared_with: an account id, an organisation's id, ``public``, or another principal as the policy has it,
        such as the unique id that is left of an account that was closed.
    """

    version: int
    statement_id: str
    shared_with: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Grants:
    """:param latest: the newest version that there is; its grants are not for here, but for the app that declares it.
    :param grants: of the versions that were looked at, by version.
    """

    latest: int
    grants: tuple[Grant, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which grants are asked for.

    :param versions: of these versions only, of which one may be the latest; without any, of all but the latest.
    :param keep: not of these versions.
    :param shares: only of those shared with these, as `share_of` reads them; without any, of all.
    """

    versions: frozenset[int] = frozenset()
    keep: frozenset[int] = frozenset()
    shares: frozenset[str] = frozenset()


def share_of(text: str) -> str:
    """Whom a user names: an account, an organisation or ``public``.

    :raises ArgumentError: for anything else.
    """
    if _WHOM.fullmatch(text):
        return text
    raise ArgumentError(
        f"{text!r} is nobody a layer is shared with",
        details=["allowed: an account's number of 12 digits, an organisation's id (o-...), or public"],
    )


def region_of(layer: str) -> str | None:
    """The region in a layer's ARN; None for a name.

    :raises ArgumentError: for what is neither, or an ARN with a version.
    """
    arn = _ARN.fullmatch(layer)
    if arn is None:
        if NAME.fullmatch(layer):
            return None
        raise ArgumentError(
            f"{layer!r} is neither the name nor the ARN of a layer",
            details=["allowed: 1 to 140 letters, digits, - and _, or arn:PARTITION:lambda:REGION:ACCOUNT:layer:NAME"],
        )
    if arn["version"]:
        bare = layer.removesuffix(f":{arn['version']}")
        raise ArgumentError(f"{layer} is the ARN of one version", fix=f"write {bare} --version {arn['version']}")
    return arn["region"]


def find_grants(account: LayerAccount, layer: str, wanted: Wanted) -> Grants:
    """Look at the versions that are wanted, and at no other.

    :raises LayerError: if there is no such layer, or no such version.
    """
    there = sorted(account.versions(layer))
    if not there:
        raise LayerError(
            f"there is no layer {layer!r} with a version here", fix="check its name, the region and the account"
        )
    latest = there[-1]
    missing = sorted((wanted.versions | wanted.keep) - set(there))
    if missing:
        raise ArgumentError(
            f"{layer} has no version {', '.join(map(str, missing))}",
            details=[f"there are: {', '.join(map(str, there))}"],
        )
    chosen = wanted.versions or set(there) - {latest}
    found = [
        grant
        for version in sorted(chosen - wanted.keep)
        for grant in grants_of(account.policy(layer, version), version=version)
        if not wanted.shares or grant.shared_with in wanted.shares
    ]
    return Grants(latest=latest, grants=tuple(found))


def remove_grants(account: LayerAccount, layer: str, grants: Iterable[Grant]) -> None:
    """Remove them one by one; what was removed before one can't be stays removed."""
    for grant in grants:
        account.remove(layer, grant.version, grant.statement_id)


def grants_of(policy: str | None, *, version: int) -> list[Grant]:
    """What a version's policy grants.

    :param policy: as GetLayerVersionPolicy returns it.
    """
    statements = json.loads(policy)["Statement"] if policy else []
    return [
        Grant(version=version, statement_id=statement["Sid"], shared_with=_shared_with(statement))
        for statement in statements
    ]


def _shared_with(statement: dict[str, object]) -> str:
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        principal = principal.get("AWS", principal)
    if principal == EVERYBODY:
        return _organization(statement.get("Condition")) or PUBLIC
    root = _ROOT.fullmatch(principal) if isinstance(principal, str) else None
    if root:
        return root[1] or root[2]
    return principal if isinstance(principal, str) else json.dumps(principal)


def _organization(condition: object) -> str | None:
    """A condition that is not known is shown as it is: it must not be taken for a public grant."""
    match condition:
        case None:
            return None
        case {"StringEquals": {"aws:PrincipalOrgID": str(organization)}}:
            return organization
    return json.dumps(condition)
