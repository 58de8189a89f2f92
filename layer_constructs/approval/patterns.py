"""What an entry of a catalog matches, and the glob patterns for it that IAM compares ARNs with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from layer_constructs.approval import version_globs
from layer_constructs.approval.version_globs import EVERY, Versions
from layer_constructs.layer_arn import LayerArn, is_own_account, is_token, partition_of

# IAM fills in the account of whoever asks: it is in the context of every request. Source: "AWS global condition context
# keys", aws:PrincipalAccount, in the IAM User Guide.
OWN_ACCOUNT = "${aws:PrincipalAccount}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerPattern:
    """Layer versions that are matched by one rule.

    :param partition: None is all of them, or that of the region.
    :param region: None is all of them.
    :param account: an account, :data:`OWN_ACCOUNT`, or a token.
    :param name: an exact name, a token, or a glob.
    :param is_service_layer: as in :class:`LayerArn`: the name is then all that counts.
    """

    partition: str | None = None
    region: str | None = None
    account: str = ""
    name: str = "*"
    versions: Versions = EVERY
    is_service_layer: bool = False

    def texts(self) -> list[str]:
        """The patterns for ``StringLike``, or for the ``Resource`` of a statement.

        A ``*`` may take a colon too, but no part of a layer's ARN has one: each stays in its place.
        """
        partition = self._partition or "aws*"
        if self.is_service_layer:
            return [f"arn:{partition}:lambda:::awslayer:{self.name}"]
        start = f"arn:{partition}:lambda:{self.region or '*'}:{self.account}:layer:{self.name}"
        return [f"{start}:{glob}" for glob in version_globs.globs(self.versions)]

    def matches(self, arn: LayerArn, *, own_account: str | None = None) -> bool | None:
        """Whether an ARN is one of these; None if that is known only at deployment.

        :param own_account: the account that the function is in, if it is known.
        """
        if self.is_service_layer != arn.is_service_layer:
            return False
        partition = arn.partition if is_token(arn.region) or not arn.region else partition_of(arn.region)
        answers = [_same(self._partition, partition), _like(self.name, arn.name)]
        if not self.is_service_layer:
            answers += [
                _same(self.region, arn.region),
                _same_account(self.account, arn.account, own_account),
                self._has_version(arn.version),
            ]
        if False in answers:
            return False
        return None if None in answers else True

    def within(self, *, partition: str | None, region: str | None) -> LayerPattern | None:
        """Those of these that are in a partition and a region; None if none is."""
        place = partition_of(region) if region else partition
        if place and partition and place != partition:
            return None
        if place and not (self._partition in {None, place} or is_token(self._partition or "")):
            return None
        if self.is_service_layer:
            return replace(self, partition=place or self.partition)
        if region and not (self.region is None or self.region == region or is_token(self.region)):
            return None
        where = region or self.region
        return replace(self, region=where, partition=unless_known(where, place or self.partition))

    def covers(self, other: LayerPattern) -> bool:
        """Whether all that the other matches, versions aside, is matched by this too."""
        return (
            self.is_service_layer == other.is_service_layer
            and self._partition in {None, other._partition}
            and self.region in {None, other.region}
            and self.account == other.account
            and (self.name == other.name or (not is_token(other.name) and _glob_covers(self.name, other.name)))
        )

    def may_meet(self, other: LayerPattern) -> bool:
        """False only if no ARN can be matched by both."""
        if self.is_service_layer != other.is_service_layer:
            return False
        known = {self.account, other.account}
        accounts_differ = len(known) == 2 and not any(is_token(account) for account in known)
        return not (
            accounts_differ
            or _differ(self._partition, other._partition)
            or _differ(self.region, other.region)
            or _names_differ(self.name, other.name)
            or not _meet(self.versions, other.versions)
        )

    @property
    def _partition(self) -> str | None:
        if self.region and not is_token(self.region):
            return partition_of(self.region)
        return self.partition

    def _has_version(self, version: str) -> bool | None:
        if self.versions == EVERY:
            return True
        return None if is_token(version) else version_globs.contains(self.versions, int(version))


def exactly(arn: LayerArn) -> LayerPattern:
    """The rule for one version."""
    if arn.is_service_layer:
        return LayerPattern(partition=arn.partition, name=arn.name, is_service_layer=True)
    return LayerPattern(
        partition=unless_known(arn.region, arn.partition),
        region=arn.region,
        account=arn.account,
        name=arn.name,
        versions=((int(arn.version), int(arn.version)),),
    )


def unless_known(region: str | None, partition: str | None) -> str | None:
    """The partition, unless the region says it: one way to write each rule, so that equal ones are merged."""
    return partition if region is None or is_token(region) else None


def merged(patterns: Iterable[LayerPattern]) -> list[LayerPattern]:
    """The same layer versions by fewer and wider rules: not one more, not one less."""
    together: dict[LayerPattern, list[version_globs.Interval]] = {}
    for pattern in patterns:
        together.setdefault(replace(pattern, versions=EVERY), []).extend(pattern.versions)
    joined = [replace(place, versions=version_globs.union(ranges)) for place, ranges in together.items()]
    joined.sort(key=_order)
    kept = []
    for pattern in joined:
        wider = [other for other in joined if other is not pattern and other.covers(pattern)]
        left = pattern.versions
        for other in wider:
            left = version_globs.without(left, other.versions)
        if left and len(version_globs.globs(left)) < len(version_globs.globs(pattern.versions)):
            kept.append(replace(pattern, versions=left))
        elif left:
            kept.append(pattern)
    return kept


def texts(patterns: Iterable[LayerPattern]) -> list[str]:
    """The patterns of all of them, merged, in an order that depends on nothing but what they are."""
    return sorted(dict.fromkeys(text for pattern in merged(patterns) for text in pattern.texts()), key=_unnumbered)


def _order(pattern: LayerPattern) -> tuple[str, ...]:
    return tuple(map(_unnumbered, pattern.texts()))


def _unnumbered(text: str) -> str:
    """The CDK numbers its tokens as it meets them: what else is in the app must not change the order here."""
    return re.sub(r"\.[0-9]+\]", "]", text)


def _same(wanted: str | None, given: str) -> bool | None:
    if wanted is None or wanted == given:
        return True
    return None if is_token(wanted) or is_token(given) else False


def _same_account(wanted: str, given: str, own_account: str | None) -> bool | None:
    if wanted != OWN_ACCOUNT:
        return _same(wanted, given)
    if is_own_account(given) or given == own_account:
        return True
    if own_account is None or is_token(own_account) or is_token(given):
        return None
    return False


def _like(glob: str, name: str) -> bool | None:
    if glob in {"*", name}:
        return True
    if is_token(glob) or is_token(name):
        return None
    return _regex(glob).fullmatch(name) is not None


@lru_cache(maxsize=512)
def _regex(glob: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in glob))


def _glob_covers(glob: str, other: str) -> bool:
    """Whether all that the other matches is matched by this; False too where it isn't plain to see."""
    if glob == "*":
        return True
    if glob.endswith("*") and not set("*?") & set(glob[:-1]):
        return other.startswith(glob[:-1])
    return not set("*?") & set(other) and _like(glob, other) is True


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other and not is_token(one) and not is_token(other)


def _names_differ(one: str, other: str) -> bool:
    if is_token(one) or is_token(other):
        return False
    starts = sorted((re.split(r"[*?]", one)[0], re.split(r"[*?]", other)[0]), key=len)
    if not starts[1].startswith(starts[0]):
        return True
    globs = [name for name in (one, other) if set("*?") & set(name)]
    if not globs:
        return one != other
    return len(globs) == 1 and not _like(globs[0], other if globs[0] == one else one)


def _meet(versions: Versions, others: Versions) -> bool:
    return version_globs.without(versions, others) != versions
