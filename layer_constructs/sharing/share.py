"""Whom a layer version is shared with: a value, checked where it is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import ACCOUNT

# As Lambda's AddLayerVersionPermission takes them: Principal `\d{12}|\*`, OrganizationId `o-[a-z0-9]{10,32}`.
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")

# Of AWS Organizations, bare or at the end of an ARN or an organisation's path.
_UNIT = re.compile(r"(?:^|/)(ou-[0-9a-z]+-[0-9a-z]+)/?$")
_ROOT = re.compile(r"(?:^|/)(r-[0-9a-z]+)/?$")

EVERYBODY = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One of those who may use a layer version; made by :meth:`account`, :meth:`organization` or :meth:`public`.

    :param principal: an account's number, or ``*``.
    :param organization_id: with ``*``, the organisation whose accounts are meant.
    """

    principal: str
    organization_id: str | None = None

    @classmethod
    def account(cls, account_id: str) -> Share:
        """One account.

        :param account_id: its number, 12 digits.
        :raises ArgumentError: for anything else, and for a token: a share is known by its number.
        """
        if _is(ACCOUNT, account_id):
            return cls(principal=account_id)
        raise _refusal(account_id, what="an account's number", allowed="12 digits, as text", factory="account")

    @classmethod
    def organization(cls, organization_id: str) -> Share:
        """All accounts of an AWS organisation, those that join later too.

        :param organization_id: ``o-`` and 10 to 32 lower-case letters and digits.
        :raises ArgumentError: for anything else, such as an organisational unit, and for a token.
        """
        if _is(_ORGANIZATION, organization_id):
            return cls(principal=EVERYBODY, organization_id=organization_id)
        allowed = "'o-' and 10 to 32 lower-case letters and digits"
        raise _refusal(organization_id, what="an organisation's id", allowed=allowed, factory="organization")

    @classmethod
    def public(cls) -> Share:
        """Every AWS account there is."""
        return cls(principal=EVERYBODY)

    @property
    def is_public(self) -> bool:
        return is_public(self.principal, self.organization_id)

    @property
    def construct_id(self) -> str:
        """In which the permission's logical id has its name: frozen."""
        if self.organization_id is not None:
            return f"ShareOrganization-{self.organization_id}"
        return "SharePublic" if self.is_public else f"Share{self.principal}"

    def __str__(self) -> str:
        """As it is written in code."""
        if self.organization_id is not None:
            return f"Share.organization('{self.organization_id}')"
        return "Share.public()" if self.is_public else f"Share.account('{self.principal}')"


def is_public(principal: str, organization_id: str | None) -> bool:
    return principal == EVERYBODY and organization_id is None


def shares_of(value: object, *, besides: Iterable[Share] = ()) -> tuple[Share, ...]:
    """What a user lists, in an order that doesn't depend on theirs.

    :param besides: those that there are already.
    :raises ArgumentError: for what is no list of shares, and for one that is there twice.
    """
    if not isinstance(value, list | tuple | set | frozenset):
        fix = f"write [{value}]" if isinstance(value, Share) else "write share_with=[Share.account('111122223333')]"
        raise ArgumentError(f"share_with is {_shown(value)}, and must be a list of shares", fix=fix)
    known = set(besides)
    for share in value:
        if not isinstance(share, Share):
            raise ArgumentError(
                f"{_shown(share)} is no share",
                details=["allowed: Share.account(...), Share.organization(...), Share.public()"],
                fix=_instead(share) or "write Share.account('111122223333')",
            )
        if share in known:
            raise ArgumentError(f"it is shared twice with {share}", fix="take one of them out")
        known.add(share)
    return tuple(sorted(value, key=lambda share: share.construct_id))


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _refusal(value: object, *, what: str, allowed: str, factory: str) -> ArgumentError:
    """What is wrong with an id, and what the user may have meant."""
    from layer_constructs.sharing.tokens import is_token  # it starts Node, which a good value can do without

    if is_token(value):
        return ArgumentError(
            "the account or organisation to share with is a token, which is known only when the stack is deployed",
            details=["each permission is named by whom it is for, so that taking it out of the code revokes it"],
            fix=f"write it out, or read it from the context: Share.{factory}(self.node.get_context('consumer')); "
            "a stack's own account needs no share",
        )
    if isinstance(value, str) and (unit := _UNIT.search(value.strip())):
        return ArgumentError(
            f"{value!r} is an organisational unit, which a layer version can't be shared with",
            details=["Lambda knows accounts, organisations and everybody"],
            fix="share with the organisation, or with each account of the unit, which `aws organizations "
            f"list-accounts-for-parent --parent-id {unit[1]}` lists (not those of units below it)",
        )
    return ArgumentError(
        f"{_shown(value)} is not {what}", details=[f"allowed: {allowed}"], fix=_instead(value) or _otherwise(factory)
    )


def _otherwise(factory: str) -> str:
    if factory == "account":
        return "write Share.account('111122223333')"
    return "write Share.organization('o-a1b2c3d4e5'); `aws organizations describe-organization` prints the id"


def _instead(value: object) -> str | None:
    """What to write for something that is known, but has another place or form here."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12:
        return f"write Share.account('{value:012d}'): leading zeros count"
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _ROOT.search(text):
        return "a root is all of its organisation: write Share.organization('o-...') with the organisation's own id"
    if text == EVERYBODY:
        return "write Share.public(), if every AWS account is meant"
    if organization := re.search(r"(?:^|/)(o-[a-z0-9]{10,32})$", text):
        return f"write Share.organization('{organization[1]}')"
    account = re.match(r"arn:[^:]*:(?:iam|sts)::([0-9]{12}):", text)
    digits = account[1] if account else text.replace("-", "").replace(" ", "")
    return f"write Share.account('{digits}')" if ACCOUNT.fullmatch(digits) else None


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Share) else repr(value)
