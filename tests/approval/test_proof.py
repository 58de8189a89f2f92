"""What should be allowed, said in a few lines, against what our judgement and an independent evaluator say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.judgement import Approved, Refused
from layer_constructs.approval.policy_size import PolicyTooLargeError, Statement
from layer_constructs.approval.statements import allow_all
from layer_constructs.approval.version_globs import Versions, globs, nearest, union, without
from tests.approval.simulator import CREATE, OWN, UPDATE, Answer, Form, Request, Simulator

REGIONS = {"eu-west-1": "aws", "us-east-1": "aws", "cn-north-1": "aws-cn"}
NAMES = ["core", "core2", "core-a", "cor", "x-core"]
ACCOUNTS = ["111122223333", "444455556666", OWN]
BOUNDARIES = [1, 2, 9, 10, 12, 19, 20, 99, 100, 105, 999]
DAYS = [date(2027, 1, 1), date(2027, 6, 1)]


@dataclass(frozen=True)
class Arn:
    """A layer version; region None is one of AWS's own."""

    region: str | None
    account: str
    name: str
    version: int

    def __str__(self) -> str:
        if self.region is None:
            return f"arn:aws:lambda:::awslayer:{self.name}"
        partition = REGIONS[self.region]
        return f"arn:{partition}:lambda:{self.region}:{self.account}:layer:{self.name}:{self.version}"


@dataclass(frozen=True)
class Rule:
    """An entry of a catalog, in other words than the library's."""

    kind: str
    arn: Arn
    low: int = 1
    high: int | None = None
    regions: tuple[str, ...] = ()
    partition: str | None = None
    until: date | None = None

    def approves(self, arn: Arn, day: date) -> bool:
        """The oracle."""
        if self.until is not None and day >= self.until:
            return False
        if self.kind == "arn":
            return arn == self.arn
        if self.kind == "service" or arn.region is None:
            return self.kind == "service" and arn.region is None and arn.name == self.arn.name
        if (self.regions and arn.region not in self.regions) or self.partition not in {None, REGIONS[arn.region]}:
            return False
        if arn.account != (OWN if self.kind == "own" else self.arn.account):
            return False
        if self.kind == "named":
            return arn.name == self.arn.name and self.low <= arn.version <= (self.high or arn.version)
        return self.kind != "prefix" or arn.name.startswith(self.arn.name)

    def entry(self) -> ApprovedLayer:
        arn, until, regions, partition = self.arn, self.until, self.regions, self.partition
        match self.kind:
            case "arn" | "service":
                return ApprovedLayer.arn(str(arn), expires=until)
            case "named":
                return ApprovedLayer.named(arn.name, account=arn.account, min_version=self.low, max_version=self.high,
                                           regions=regions, partition=partition, expires=until)  # fmt: skip
            case "prefix":
                return ApprovedLayer.with_prefix(arn.name, account=arn.account, regions=regions, partition=partition,
                                                 expires=until)  # fmt: skip
            case "account":
                return ApprovedLayer.account(arn.account, regions=regions, partition=partition, expires=until)
            case _:
                return ApprovedLayer.own_account(regions=regions, partition=partition, expires=until)


PLACES: list[tuple[tuple[str, ...], str | None]] = [
    ((), None),
    ((), "aws"),
    ((), "aws-cn"),
    (("eu-west-1",), None),
    (("cn-north-1", "eu-west-1"), None),
    (("us-east-1",), "aws"),
]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    kind = draw(st.sampled_from(["arn", "named", "named", "prefix", "account", "own", "service"]))
    name = draw(st.sampled_from(NAMES))
    until = draw(st.sampled_from([None, None, *DAYS]))
    if kind == "service":
        return Rule(kind=kind, arn=Arn(None, "", name, 0), until=until)
    region, account = draw(st.sampled_from(list(REGIONS))), draw(st.sampled_from(ACCOUNTS))
    low, more = draw(st.sampled_from(BOUNDARIES)), draw(st.sampled_from([None, None, 0, 1, 7, 30, 400]))
    arn = Arn(region, account, name, low)
    if kind == "arn":
        return Rule(kind=kind, arn=arn, until=until)
    regions, partition = draw(st.sampled_from(PLACES))
    if kind != "named":
        return Rule(kind=kind, arn=arn, regions=regions, partition=partition, until=until)
    high = None if more is None else low + more
    return Rule(kind=kind, arn=arn, low=low, high=high, regions=regions, partition=partition, until=until)


@dataclass(frozen=True)
class Case:
    """A catalog, and calls: which layers, and when."""

    rules: list[Rule]
    revoked: list[tuple[Arn, date | None]]
    calls: list[tuple[list[Arn] | None, date]]

    def catalog(self) -> LayerCatalog:
        made = LayerCatalog(*(rule.entry() for rule in self.rules))
        for arn, since in self.revoked:
            made = made.revoke(str(arn), since=since)
        return made

    def approves(self, arn: Arn, day: date) -> bool:
        gone = any(arn == other and (since is None or since <= day) for other, since in self.revoked)
        return not gone and any(rule.approves(arn, day) for rule in self.rules)


def some_arn(random: Random, chosen: list[Rule]) -> Arn:
    """A layer that is near to what a rule approves: any at all would mostly be far from everything."""
    near = random.choice(chosen) if chosen else Rule(kind="arn", arn=Arn("eu-west-1", OWN, "core", 1))
    if near.kind == "service" and random.random() < 0.7:
        return near.arn if random.random() < 0.5 else replace(near.arn, name=random.choice(NAMES))
    edges = [near.low, near.high or near.low, near.arn.version, random.choice(BOUNDARIES), 10 * near.low]
    arn = Arn(
        region=near.arn.region or "eu-west-1",
        account=near.arn.account or OWN,
        name=near.arn.name,
        version=max(1, random.choice(edges) + random.choice([-1, 0, 0, 0, 1])),
    )
    if random.random() < 0.2:
        arn = replace(arn, region=random.choice(list(REGIONS)))
    if random.random() < 0.15:
        arn = replace(arn, account=random.choice(ACCOUNTS))
    return replace(arn, name=random.choice(NAMES)) if random.random() < 0.15 else arn


@st.composite
def cases(draw: st.DrawFn) -> Case:
    chosen = draw(st.lists(rules(), max_size=4))
    # Hypothesis chooses the catalog; the layers that are asked for follow from a seed, which is far quicker.
    random = Random(draw(st.integers(0, 2**32)))  # noqa: S311 - no secret
    moments = [day + timedelta(days=days) for day in DAYS for days in (-1, 0)]
    calls = [
        ([some_arn(random, chosen) for _ in range(random.choice([1, 1, 2, 3]))], random.choice(moments))
        for _ in range(11)
    ]
    return Case(
        rules=chosen,
        revoked=[(some_arn(random, chosen), random.choice([None, *DAYS])) for _ in range(random.choice([0, 0, 1, 2]))],
        calls=[*calls, (None, random.choice(moments))],
    )


def requests(case: Case, action: str) -> list[Request]:
    # The first and the last second of a day are the same day.
    return [
        Request(layers=None if layers is None else [str(arn) for arn in layers], action=action,
                time=f"{day}T00:00:00Z" if number % 2 else f"{day}T23:59:59Z")
        for number, (layers, day) in enumerate(case.calls)
    ]  # fmt: skip


def expected(case: Case, without_layers: bool = True) -> list[bool]:
    return [
        without_layers if layers is None else all(case.approves(arn, day) for arn in layers)
        for layers, day in case.calls
    ]


def made(make: Callable[[], list[Statement]]) -> list[Statement]:
    """Statements, of catalogs that fit."""
    try:
        return make()
    except PolicyTooLargeError:
        reject()


def allowed(answers: list[Answer]) -> list[bool]:
    return [answer == "A" for answer in answers]


quick = settings(deadline=None, max_examples=100, derandomize=True)
slow = settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))


@quick
@given(cases())
def test_our_judgement_of_every_layer_is_the_oracles(case: Case) -> None:
    catalog = case.catalog()
    for layers, day in case.calls:
        for arn in layers or []:
            answer = catalog.judge(str(arn), own_account=OWN, on=day)
            assert isinstance(answer, Approved) == case.approves(arn, day)
            assert isinstance(answer, Approved | Refused)
            if isinstance(answer, Refused) and answer.nearest:
                assert isinstance(catalog.judge(answer.nearest, own_account=OWN, on=day), Approved)


@pytest.mark.real
@pytest.mark.parametrize("form", ["identity", "boundary", "scp"])
def test_a_deny_refuses_what_the_oracle_refuses(form: Literal["identity", "boundary", "scp"], iam: Simulator) -> None:
    @slow
    @given(cases(), st.sampled_from([CREATE, UPDATE]))
    def check(case: Case, action: str) -> None:
        statements = made(lambda: case.catalog().deny_statements(form))
        answers = iam.ask(form, statements, requests(case, action))
        assert allowed(answers) == expected(case)
        assert "i" not in answers

    check()


@pytest.mark.real
@pytest.mark.parametrize("without_layers", [True, False])
def test_an_allow_allows_what_the_oracle_allows(without_layers: bool, iam: Simulator) -> None:
    @slow
    @given(cases(), st.sampled_from([CREATE, UPDATE]))
    def check(case: Case, action: str) -> None:
        statements = made(lambda: case.catalog().allow_statements(without_layers=without_layers))
        if statements:
            assert allowed(iam.ask("allow", statements, requests(case, action))) == expected(case, without_layers)
        else:
            assert not any(expected(case, without_layers))

    check()


@pytest.mark.real
def test_exactly_what_is_approved_may_be_read(iam: Simulator) -> None:
    @slow
    @given(cases())
    def check(case: Case) -> None:
        asked = [(arn, day) for layers, day in case.calls for arn in layers or [] if arn.region]
        calls = [Request(action="lambda:GetLayerVersion", resource=str(arn), time=f"{day}T10:00:00Z")
                 for arn, day in asked]  # fmt: skip
        statements = made(case.catalog().get_layer_version_statement)
        wanted = [case.approves(arn, day) for arn, day in asked]
        if statements:
            assert allowed(iam.ask("allow", statements, calls)) == wanted
        else:
            assert not any(wanted)

    check()


@pytest.mark.real
@pytest.mark.parametrize("form", ["identity", "boundary", "scp"])
def test_a_required_layer_is_required_where_layers_are_set(form: Form, iam: Simulator) -> None:
    @slow
    @given(cases(), rules(), st.sampled_from([CREATE, UPDATE]))
    def check(case: Case, lasting: Rule, action: str) -> None:
        lasting = Rule(kind=lasting.kind, arn=lasting.arn, low=lasting.low, high=lasting.high)
        ruled = [*case.rules, lasting]
        labels = ["a" if number % 3 else "b" for number in range(len(ruled) - 1)] + ["a"]
        ruled = [rule if label == "a" else Rule(**{**vars(rule), "until": None})
                 for rule, label in zip(ruled, labels, strict=True)]  # fmt: skip
        catalog = LayerCatalog(*(
            _labelled(rule.entry(), label) for rule, label in zip(ruled, labels, strict=True)
        ))  # fmt: skip

        def carries(layers: list[Arn], label: str, day: date) -> bool:
            return any(rule.approves(arn, day) for arn in layers
                       for rule, its in zip(ruled, labels, strict=True) if its == label)  # fmt: skip

        wanted = [
            action == UPDATE if layers is None else all(carries(layers, label, day) for label in set(labels))
            for layers, day in case.calls
        ]
        statements = made(catalog.required_statements)
        if form == "boundary":  # a boundary's own statement allows the rest: ApprovedLayersBoundary has it
            statements = [allow_all(), *statements]
        answers = iam.ask(form, statements, requests(case, action))
        assert allowed(answers) == wanted

    check()


@pytest.mark.real
@pytest.mark.parametrize("form", ["identity", "scp"])
def test_a_revocation_alone_refuses_what_is_revoked_and_nothing_else(form: Form, iam: Simulator) -> None:
    @slow
    @given(cases(), st.sampled_from([CREATE, UPDATE]))
    def check(case: Case, action: str) -> None:
        def is_revoked(arn: Arn, day: date) -> bool:
            return any(arn == other and (since is None or since <= day) for other, since in case.revoked)

        statements = made(case.catalog().revocation_statements)
        answers = iam.ask(form, statements, requests(case, action))
        assert allowed(answers) == [not any(is_revoked(arn, day) for arn in layers or []) for layers, day in case.calls]

    check()


ROLES = ["deployer", "pipeline", "pipeline-eu", "team/pipeline"]


@pytest.mark.real
@pytest.mark.parametrize("form", ["identity", "scp"])
def test_only_publishers_publish(form: Literal["identity", "scp"], iam: Simulator) -> None:
    @slow
    @given(
        st.lists(st.tuples(st.sampled_from([*ACCOUNTS, "*"]), st.sampled_from([*ROLES, "pipe*"])), max_size=3),
        st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(ROLES)), min_size=1, max_size=6),
    )
    def check(publishers: list[tuple[str, str]], callers: list[tuple[str, str]]) -> None:
        def may(account: str, role: str) -> bool:
            return any(
                its in {account, "*"} and (role == name or (name == "pipe*" and role.startswith("pipe")))
                for its, name in publishers
            )

        named = [f"arn:aws:iam::{account}:role/{role}" for account, role in publishers]
        statements = LayerCatalog().publishing_statements(publishers=named, form=form)
        calls = [
            Request(
                action="lambda:PublishLayerVersion",
                resource=f"arn:aws:lambda:eu-west-1:{OWN}:layer:core",
                context={"aws:PrincipalArn": f"arn:aws:iam::{account}:role/{role}"},
            )
            for account, role in callers
        ]
        assert allowed(iam.ask(form, statements, calls)) == [may(*caller) for caller in callers]

    check()


def _labelled(entry: ApprovedLayer, label: str) -> ApprovedLayer:
    return replace(entry, required_as=label)


@quick
@given(cases(), cases(), st.sampled_from(list(REGIONS)))
def test_what_two_catalogs_or_a_part_of_one_approve(one: Case, other: Case, region: str) -> None:
    both = one.catalog() | other.catalog()
    part = both.only(regions=[region])
    place = both.only(partition=REGIONS[region])
    revoked = [*one.revoked, *other.revoked]
    for layers, day in [*one.calls, *other.calls]:
        for arn in layers or []:
            gone = any(arn == each and (since is None or since <= day) for each, since in revoked)
            wanted = not gone and any(rule.approves(arn, day) for rule in (*one.rules, *other.rules))
            assert isinstance(both.judge(str(arn), own_account=OWN, on=day), Approved) == wanted
            if arn.region == region:
                assert isinstance(part.judge(str(arn), own_account=OWN, on=day), Approved) == wanted
            if arn.region and REGIONS[arn.region] == REGIONS[region]:
                assert isinstance(place.judge(str(arn), own_account=OWN, on=day), Approved) == wanted


@quick
@given(st.lists(rules(), max_size=6))
def test_the_order_of_the_entries_changes_nothing(chosen: list[Rule]) -> None:
    one, other = (LayerCatalog(*(rule.entry() for rule in each)) for each in (chosen, chosen[::-1]))
    for make in (LayerCatalog.deny_statements, LayerCatalog.allow_statements, LayerCatalog.get_layer_version_statement):
        try:
            found = make(one)
        except PolicyTooLargeError:
            continue
        assert found == make(other)
        assert json.loads(json.dumps(found)) == found


# Bit n is number n.
EXHAUSTIVE = 2000
ALL = (1 << EXHAUSTIVE + 1) - 2


@cache
def numbers_of(glob: str) -> int:
    regex = re.compile(glob.replace("?", ".").replace("*", ".*"))
    return sum(1 << number for number in range(1, EXHAUSTIVE + 1) if regex.fullmatch(str(number)))


def between(low: int, high: int) -> int:
    return ((1 << high + 1) - 1) & ~((1 << low) - 1) & ALL


def matched(versions: Versions) -> int:
    found = 0
    for glob in globs(versions):
        assert not found & numbers_of(glob), "one of the globs is of no use"
        found |= numbers_of(glob)
    return found


def test_globs_of_n_or_later_match_exactly_those_for_every_n_up_to_2000() -> None:
    for low in range(1, EXHAUSTIVE + 1):
        assert matched(((low, None),)) == between(low, EXHAUSTIVE), low
        assert any(
            re.fullmatch(glob.replace("?", ".").replace("*", ".*"), "987654321") for glob in globs(((low, None),))
        )


def test_globs_up_to_n_match_exactly_those_for_every_n_up_to_2000() -> None:
    for high in range(1, EXHAUSTIVE + 1):
        assert matched(((1, high),)) == between(1, high), high
        for low in {12, high // 2 + 1, max(1, high - 7)}:
            if low <= high:
                assert matched(((low, high),)) == between(low, high), (low, high)
        assert not any("*" in glob for glob in globs(((1, high),)))


def test_version_globs_take_no_zero_in_front() -> None:
    for low, text in ((2, "02"), (2, "0012"), (10, "010"), (12, "0012"), (100, "0100"), (100, "099")):
        assert not any(re.fullmatch(glob.replace("?", ".").replace("*", ".*"), text) for glob in globs(((low, None),)))


interval = st.tuples(st.integers(1, 40), st.none() | st.integers(0, 12)).map(
    lambda pair: (pair[0], None if pair[1] is None else pair[0] + pair[1])
)


@quick
@given(st.lists(interval, max_size=4), st.lists(interval, max_size=3))
def test_ranges_are_sets_of_numbers(one: list[tuple[int, int | None]], other: list[tuple[int, int | None]]) -> None:
    def members(ranges: Versions) -> set[int]:
        return {number for number in range(1, 80) if any(a <= number <= (b or number) for a, b in ranges)}

    joined, removed = union(one), union(other)
    assert members(joined) == members(tuple(one))
    assert members(without(joined, removed)) == members(joined) - members(removed)
    if joined:
        near = nearest(joined, 30)
        assert near is not None
        assert abs(near - 30) == min(abs(number - 30) for number in members(joined))
