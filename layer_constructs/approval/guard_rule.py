"""A catalog in the language of CloudFormation Guard, for those who look at templates or configurations with it.

Each layer of a function is looked at: a comparison with ``some`` would let an approved one cover for another. A rule
knows no date and no account, so both are said when it is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from layer_constructs.approval import version_globs
from layer_constructs.approval.judgement import has_ended
from layer_constructs.approval.patterns import OWN_ACCOUNT, LayerPattern, merged
from layer_constructs.approval.version_globs import EVERY, Versions
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import CDK_TOKEN

if TYPE_CHECKING:
    from layer_constructs.approval.approvals import Approvals
    from layer_constructs.approval.approved_layer import ApprovedLayer

# A character of a layer's name.
_CHARACTER = "[a-zA-Z0-9_-]"

# Guard takes no empty list; this is no ARN.
_NOTHING = ["^nothing$"]

_FUNCTIONS = 'let functions = Resources.*[ Type in ["AWS::Lambda::Function", "AWS::Serverless::Function"] ]'


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where layers stand.

    :param before: what comes before the rules.
    :param when: what a rule is for.
    :param block: what a rule goes through; empty if it is about one function.
    :param layers: the list.
    :param arn: what of one of the list is its ARN.
    """

    before: Sequence[str]
    when: str
    block: str
    layers: str
    arn: str


_TEMPLATE = _Place(
    before=[_FUNCTIONS], when="%functions !empty", block="%functions", layers="Properties.Layers", arn="this"
)  # fmt: skip

# Source: the schema of AWS::Lambda::Function in awslabs/aws-config-resource-schema.
_CONFIGURATION = _Place(
    before=[], when='resourceType == "AWS::Lambda::Function"', block="", layers="configuration.layers", arn="arn"
)  # fmt: skip


def guard_rule(
    catalog: Approvals, *, on: date | None = None, own_account: str | None = None, strict: bool = True
) -> str:
    """Rules for templates: functions have approved layers only, and those that the catalog requires.

    :param on: the day that they are made for; make them again when an approval ends or a revocation begins.
    :param own_account: the account that the templates are deployed to. Without it, what the catalog approves of the
        function's own account is left out: such a layer is refused where it stands by its ARN.
    :param strict: refuse a layer that doesn't stand by its ARN (``Ref``, ``Fn::If`` and so on), since Guard can't warn
        of it. Without it such a layer passes here, so something else must decide on it.
    :raises ArgumentError: if something in the catalog depends on a day, and none is given; or a part of it is known
        only at deployment.
    """
    text = _text(catalog, _TEMPLATE, on=on, own_account=own_account, strict=strict)
    if CDK_TOKEN.search(text):
        raise ArgumentError(
            "the catalog has accounts or regions that are known only at deployment, and a Guard rule can't have them",
            fix="give the stacks of its layers an env, or approve the layers by name and account",
        )
    return text


def configuration_rule(catalog: Approvals, *, on: date | None = None, own_account: str | None = None) -> str:
    """The same for what AWS Config records of a function; there every layer stands by its ARN.

    :param on: as for :func:`guard_rule`.
    :param own_account: the same; it and what is in the catalog may be tokens of the CDK.
    :raises ArgumentError: if something in the catalog depends on a day, and none is given.
    """
    return _text(catalog, _CONFIGURATION, on=on, own_account=own_account, strict=True)


def _text(catalog: Approvals, place: _Place, *, on: date | None, own_account: str | None, strict: bool) -> str:
    days = [entry.expires for entry in catalog.entries] + [each.since for each in catalog.revoked]
    if on is None and any(days):
        raise ArgumentError(
            "the catalog depends on the day, and Guard knows none", fix="say for which day: on=datetime.date(...)"
        )
    live = [entry for entry in catalog.entries if not has_ended(entry, on)]
    revoked = [each.pattern() for each in catalog.revoked if each.since is None or (on and each.since <= on)]
    labels = sorted({entry.required_as for entry in catalog.entries if entry.required_as})
    lines = [*place.before, *_list("approved", _regexes(live, own_account))]
    if revoked:
        lines += _list("revoked", _all(revoked))
    for label in labels:
        lines += _list(f"required_{label}", _regexes((each for each in live if each.required_as == label), own_account))
    arn = place.arn
    each = [f"{arn} is_string", f"{arn} in %approved", *([f"{arn} not in %revoked"] if revoked else [])]
    if not strict:
        each = ["when this !is_struct {", *_indented(each), "}"]
    lines += _rule(
        "approved_layers",
        place,
        [f"when {place.layers} exists {{", *_indented([f"when {place.layers} !empty {{",
         *_indented([f"{place.layers}[*] {{", *_indented(each), "}"]), "}"]), "}"],
    )  # fmt: skip
    for label in labels:
        lines += _rule(f"required_layer_{label}", place, _requires(place, label, strict=strict))
    return "\n".join(lines) + "\n"


def _requires(place: _Place, label: str, *, strict: bool) -> list[str]:
    listed = f"{place.layers}[*]" if place.arn == "this" else f"{place.layers}[*].{place.arn}"
    has_one = f"some {listed} in %required_{label}"
    return [has_one if strict else f"{has_one} or some {listed} is_struct"]


def _rule(name: str, place: _Place, body: Sequence[str]) -> list[str]:
    inner = [f"{place.block} {{", *_indented(body), "}"] if place.block else body
    return ["", f"rule {name} when {place.when} {{", *_indented(inner), "}"]


def _list(name: str, regexes: Sequence[str]) -> list[str]:
    return [f"let {name} = [", ",\n".join(f"  /{regex}/" for regex in regexes or _NOTHING), "]"]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _regexes(entries: Iterable[ApprovedLayer], own_account: str | None) -> list[str]:
    patterns = []
    for pattern in (pattern for entry in entries for pattern in entry.patterns()):
        if pattern.account != OWN_ACCOUNT:
            patterns.append(pattern)
        elif own_account is not None:
            patterns.append(replace(pattern, account=own_account))
    return _all(patterns)


def _all(patterns: Iterable[LayerPattern]) -> list[str]:
    return sorted({_regex(pattern) for pattern in merged(patterns)})


def _regex(pattern: LayerPattern) -> str:
    """What matches the same ARNs as the globs for IAM; none of the parts can reach over a colon."""
    partition = pattern.texts()[0].split(":")[1].replace("*", "[a-z-]*")
    name = pattern.name.replace("?", _CHARACTER).replace("*", f"{_CHARACTER}*")
    if pattern.is_service_layer:
        return f"^arn:{partition}:lambda:::awslayer:{name}$"
    region = pattern.region or "[a-z0-9-]+"
    return f"^arn:{partition}:lambda:{region}:{pattern.account}:layer:{name}:({_versions(pattern.versions)})$"


def _versions(versions: Versions) -> str:
    """The globs of these versions, those that differ in one digit made one."""
    if versions == EVERY:
        return "[1-9][0-9]*"
    digits: dict[tuple[str, str], str] = {}
    for glob in version_globs.globs(versions):
        start = glob.rstrip("?*")
        around = start[:-1], glob.removeprefix(start).replace("?", "[0-9]").replace("*", "[0-9]*")
        digits[around] = digits.get(around, "") + start[-1]
    return "|".join(f"{before}[{each}]{after}" for (before, after), each in digits.items())
