"""What is approved, as one value: compiled into IAM statements, and asked about single layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from layer_constructs.approval import guard_rule, policy_size, statements
from layer_constructs.approval.approvals import Approvals
from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.patterns import LayerPattern
from layer_constructs.approval.policy_size import Form, PolicyTooLargeError, Statement
from layer_constructs.approval.revoked_layer import RevokedLayer
from layer_constructs.approval.statements import Until
from layer_constructs.errors import ArgumentError

if TYPE_CHECKING:
    from constructs import IConstruct

_PRINCIPAL = re.compile(r"arn:[a-z*-]+:(?:iam|sts)::[0-9*?]+:[A-Za-z-]+/[\w+=,.@/*?:-]+", re.ASCII)


@dataclass(frozen=True, slots=True, init=False)
class LayerCatalog(Approvals):
    """The layers that functions may use.

    Everything it gives depends on what is in it and nothing else: not on the order of the entries, and not on today's
    date. Statements are plain JSON; with layers of an app in it, they may hold tokens of the CDK (``${Token[...]}``),
    which a policy construct resolves.

    :param entries: what is approved; nothing at all is a catalog that refuses every layer.
    :raises ArgumentError: for what is no :class:`ApprovedLayer`.
    """

    def __init__(self, *entries: ApprovedLayer, revoked: Iterable[RevokedLayer] = ()) -> None:
        for entry in entries:
            if not isinstance(entry, ApprovedLayer):
                raise ArgumentError(
                    f"a catalog has {entry!r}, which approves nothing",
                    fix="write ApprovedLayer.of(layer), ApprovedLayer.arn('arn:aws:lambda:...') or another of these",
                )
        object.__setattr__(self, "entries", tuple(dict.fromkeys(entries)))
        object.__setattr__(self, "revoked", tuple(dict.fromkeys(revoked)))

    def __or__(self, other: LayerCatalog) -> LayerCatalog:
        """What is approved by either of the two; what one of them revokes is revoked."""
        if not isinstance(other, LayerCatalog):
            return NotImplemented
        return LayerCatalog(*self.entries, *other.entries, revoked=[*self.revoked, *other.revoked])

    __add__ = __or__

    def revoke(self, arn: str, *, since: date | None = None, reason: str | None = None) -> LayerCatalog:
        """The same catalog, in which a version may be used no more, whatever approves it.

        :param arn: the version.
        :param since: the first day, in UTC, on which it may not; None is at once.
        :raises ArgumentError: for what is not the ARN of a version.
        """
        return LayerCatalog(
            *self.entries, revoked=[*self.revoked, RevokedLayer.version(arn, since=since, reason=reason)]
        )

    def only(self, *, regions: Iterable[str] = (), partition: str | None = None) -> LayerCatalog:
        """The part of it that is of use in some regions, or in a partition: a policy for there, and a smaller one.

        :raises ArgumentError: for what is no region or partition.
        """
        wanted = list(regions)
        return LayerCatalog(
            *(kept for entry in self.entries for kept in entry.only(regions=wanted, partition=partition)),
            revoked=[each for each in self.revoked if each.entry().only(regions=wanted, partition=partition)],
        )

    @classmethod
    def load(cls, path: str | Path) -> LayerCatalog:
        """A catalog that was written as YAML; ``layer-constructs policy --schema`` prints what may stand in it.

        :raises LayerError: for anything else, with file and line.
        """
        from layer_constructs.approval.catalog_reader import CatalogReader

        entries, revoked = CatalogReader(Path(path)).catalog()
        return cls(*entries, revoked=revoked)

    def save(self, path: str | Path) -> None:
        """Write it as YAML, the same bytes for the same catalog.

        :raises ArgumentError: for a layer of the app, or a token: they mean nothing outside it.
        """
        from layer_constructs.approval import catalog_file

        catalog_file.write(Path(path), self.entries, self.revoked)

    def deny_statements(self, form: Form = "identity") -> list[Statement]:
        """Refuse functions with a layer that isn't approved, at their creation and at every change of their layers.

        A request that names no layers passes: such a function has none, or keeps those it has.

        :param form: ``identity`` (a policy of a role, user or group), ``boundary`` (a permissions boundary, which
            allows everything else) or ``scp`` (a service control policy, beside ``FullAWSAccess``).
        :raises PolicyTooLargeError: if it doesn't fit into one policy.
        :raises ArgumentError: for another form, or a layer that can't be named in IAM.
        """
        made = [*statements.deny_unapproved(self._approvals()), *statements.deny_revoked(self._revocations())]
        return self.fitting([statements.allow_all(), *made] if form == "boundary" else made, form)

    def allow_statements(self, *, without_layers: bool = True) -> list[Statement]:
        """Allow functions whose layers are all approved, for a role that is allowed nothing else of the kind.

        Another policy that allows the same actions undoes it; :meth:`deny_statements` can't be undone.

        :param without_layers: allow requests that name no layers too. Without it every change of a function must name
            them.
        :raises PolicyTooLargeError: if it doesn't fit into one policy.
        """
        made = [
            *statements.allow_approved(self._approvals(), without_layers=without_layers),
            *statements.deny_revoked(self._revocations()),
        ]
        return self.fitting(made, "identity")

    def required_statements(self, form: Form = "identity") -> list[Statement]:
        """Refuse functions that lack a layer of each ``required_as`` label in the catalog.

        A change that doesn't name layers passes: the function keeps those it has. Functions made of images can't have
        layers, and can't be made where one is required.

        :param form: as for :meth:`deny_statements`; this adds no Allow to a boundary.
        :raises PolicyTooLargeError: if it doesn't fit into one policy.
        :raises ArgumentError: if nothing is required, or all that is ends on some day.
        """
        labels = sorted({entry.required_as for entry in self.entries if entry.required_as})
        if not labels:
            raise ArgumentError(
                "the catalog requires no layer", fix="say which entries are: required_as='observability'"
            )
        made = [
            statement
            for label in labels
            for statement in statements.deny_without(label, self._approvals(label))
        ]  # fmt: skip
        return self.fitting(made, form)

    def revocation_statements(self, form: Form = "identity") -> list[Statement]:
        """Refuse what is revoked, and nothing else; :meth:`deny_statements` has the same among the rest."""
        return self.fitting(statements.deny_revoked(self._revocations()), form)

    def get_layer_version_statement(self) -> list[Statement]:
        """Allow ``lambda:GetLayerVersion`` of exactly what is approved: one statement for each period of time, and one
        for what is revoked. AWS's own layers (``awslayer``) aren't read, and are left out.

        IAM refuses a ``Resource`` in another partition: use ``catalog.only(partition=...)`` where entries name several.

        :raises PolicyTooLargeError: if it doesn't fit into one policy.
        """
        made = statements.allow_reading(self._approvals(), self._revocations())
        return self.fitting(made, "identity")

    def publishing_statements(self, *, publishers: Sequence[str] = (), form: Form = "identity") -> list[Statement]:
        """Refuse to publish layers: where an account's own layers are approved, whoever publishes there approves.

        :param publishers: ARNs of the roles and users that may, such as ``arn:aws:iam::*:role/layer-pipeline``; by
            default nobody.
        :raises ArgumentError: for what is no such ARN, or one of everybody.
        """
        for publisher in [publishers] if isinstance(publishers, str) else publishers:
            if not _PRINCIPAL.fullmatch(publisher):
                raise ArgumentError(f"publishers has {publisher!r}",
                                    details=["allowed: arn:aws:iam::111122223333:role/layer-pipeline"])  # fmt: skip
            if re.search(r"[/:][*?]+$", publisher):
                raise ArgumentError(f"publishers has {publisher}, which is everybody", fix="name the role")
        if isinstance(publishers, str):
            raise ArgumentError("publishers is a text, and must be a list", fix=f"write publishers=[{publishers!r}]")
        return self.fitting(statements.deny_publishing(publishers), form)

    def enforce(self, scope: IConstruct, *, strict: bool = False) -> None:
        """Hold an app to it while it is synthesised; see `layer_constructs.approval.enforcement.enforce`.

        :param scope: the app; or a stage, a stack or another construct, for what is in it only.
        :param strict: refuse what isn't known, too.
        :raises ArgumentError: for a scope that is in no app.
        """
        from layer_constructs.approval.enforcement import enforce

        enforce(self, scope, strict=strict)

    def guard_rule(self, *, on: date | None = None, own_account: str | None = None, strict: bool = True) -> str:
        """The same as a rule of CloudFormation Guard; see `layer_constructs.approval.guard_rule.guard_rule`.

        :param on: the day for which it is made, if anything in the catalog has a date.
        :param own_account: the account that templates are deployed to, if it is known.
        :param strict: refuse what isn't known, too: Guard can't warn.
        :raises ArgumentError: for dates in the catalog without ``on``.
        """
        return guard_rule.guard_rule(self, on=on, own_account=own_account, strict=strict)

    def _approvals(self, label: str | None = None) -> list[Until]:
        return [
            Until(pattern=pattern, day=entry.expires)
            for entry in self.entries
            if label in {None, entry.required_as}
            for pattern in entry.patterns()
        ]

    def _revocations(self) -> dict[date | None, list[LayerPattern]]:
        found: dict[date | None, list[LayerPattern]] = {}
        for each in self.revoked:
            found.setdefault(each.since, []).append(each.pattern())
        return found

    def fitting(self, made: list[Statement], form: Form) -> list[Statement]:
        """The same statements, if one policy has room for them.

        :raises PolicyTooLargeError: if it hasn't, by how much, and what takes the most.
        """
        policy_size.check_form(form)
        size = policy_size.size_of(made)
        if size > policy_size.LIMITS[form]:
            alone = [(entry.what(), sum(len(text) + 3 for pattern in entry.patterns() for text in pattern.texts()))
                     for entry in self.entries]  # fmt: skip
            alone.sort(key=lambda each: (-each[1], each[0]))
            raise PolicyTooLargeError(form=form, size=size, largest=alone)
        return made
