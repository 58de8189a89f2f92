"""Which grants there are, whose they are, and which may go: at an account that is a fake."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from layer_constructs.errors import ArgumentError, LayerError
from layer_constructs.sharing.grants import (
    Grant,
    Wanted,
    find_grants,
    grants_of,
    region_of,
    remove_grants,
    share_of,
)

ONE, OTHER, ORGANIZATION = "111122223333", "444455556666", "o-a1b2c3d4e5"


def statement(sid: str, whom: str) -> dict[str, Any]:
    """As Lambda writes it: an account becomes its root, an organisation a condition."""
    said: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Action": "lambda:GetLayerVersion", "Resource": "arn"}
    if whom == "public":
        return {**said, "Principal": "*"}
    if whom.startswith("o-"):
        return {**said, "Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": whom}}}
    return {**said, "Principal": {"AWS": f"arn:aws:iam::{whom}:root"}}


def policy(**shares: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement(*share) for share in shares.items()]})


@dataclass
class Account:
    """Versions with their grants, by statement id; it notes what it is asked."""

    layer: Mapping[int, dict[str, str]]
    looked_at: list[int] = field(default_factory=list)

    def versions(self, layer: str) -> Sequence[int]:
        return list(self.layer) if layer == "core" else []

    def policy(self, layer: str, version: int) -> str | None:
        self.looked_at.append(version)
        shares = self.layer[version]
        return policy(**shares) if shares else None

    def remove(self, layer: str, version: int, statement_id: str) -> None:
        del self.layer[version][statement_id]


@pytest.fixture
def account() -> Account:
    # Lambda lists the newest first; 10 is newer than 9.
    return Account({10: {"a": ONE}, 9: {"b": ONE, "c": ORGANIZATION}, 2: {}, 1: {"d": "public", "e": OTHER}})


def found(account: Account, **wanted: set[int] | set[str]) -> list[tuple[int, str, str]]:
    asked: Any = {name: frozenset(values) for name, values in wanted.items()}
    grants = find_grants(account, "core", Wanted(**asked)).grants
    return [(grant.version, grant.statement_id, grant.shared_with) for grant in grants]


def test_the_grants_of_every_replaced_version_are_found_and_the_latest_is_not_looked_at(account: Account) -> None:
    assert found(account) == [(1, "d", "public"), (1, "e", OTHER), (9, "b", ONE), (9, "c", ORGANIZATION)]
    assert account.looked_at == [1, 2, 9]


def test_the_latest_version_is_looked_at_if_it_is_named(account: Account) -> None:
    assert found(account, versions={10}) == [(10, "a", ONE)]


def test_a_version_can_be_kept_and_a_share_be_asked_for(account: Account) -> None:
    assert found(account, keep={9}) == [(1, "d", "public"), (1, "e", OTHER)]
    assert found(account, shares={ONE, ORGANIZATION}) == [(9, "b", ONE), (9, "c", ORGANIZATION)]
    assert found(account, shares={"public"}) == [(1, "d", "public")]
    assert found(account, versions={9, 10}, shares={ONE}) == [(9, "b", ONE), (10, "a", ONE)]


def test_a_layer_with_one_version_has_none_that_was_replaced() -> None:
    account = Account({1: {"a": ONE}})
    assert found(account) == []


def test_what_was_found_is_removed_and_nothing_else(account: Account) -> None:
    remove_grants(account, "core", find_grants(account, "core", Wanted(shares=frozenset({ONE}))).grants)
    assert account.layer == {10: {"a": ONE}, 9: {"c": ORGANIZATION}, 2: {}, 1: {"d": "public", "e": OTHER}}


def test_a_layer_that_is_not_there_and_a_version_that_is_not_are_errors(account: Account) -> None:
    with pytest.raises(LayerError, match="there is no layer 'other'"):
        find_grants(account, "other", Wanted())
    with pytest.raises(ArgumentError, match=r"core has no version 3, 11\n  there are: 1, 2, 9, 10"):
        find_grants(account, "core", Wanted(versions=frozenset({1, 3}), keep=frozenset({11})))


def test_a_version_without_a_policy_grants_nothing() -> None:
    assert grants_of(None, version=1) == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"Principal": {"AWS": "arn:aws-us-gov:iam::111122223333:root"}}, ONE),
        ({"Principal": {"AWS": ONE}}, ONE),
        ({"Principal": ONE}, ONE),
        ({"Principal": {"AWS": "*"}}, "public"),
        # What is left of an account that was closed.
        ({"Principal": {"AWS": "AIDACKCEVSQ6C2EXAMPLE"}}, "AIDACKCEVSQ6C2EXAMPLE"),
        # Whatever else restricts it, it is not public.
        (
            {"Principal": "*", "Condition": {"StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}},
            '{"StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}',
        ),
    ],
)
def test_every_form_of_a_principal_is_read(said: dict[str, Any], shown: str) -> None:
    text = json.dumps({"Statement": [{"Sid": "s", **said}]})
    assert grants_of(text, version=3) == [Grant(version=3, statement_id="s", shared_with=shown)]


def test_a_name_has_no_region_and_an_arn_has_one() -> None:
    assert region_of("core") is None
    assert region_of("arn:aws-cn:lambda:cn-north-1:111122223333:layer:core") == "cn-north-1"


@pytest.mark.parametrize("layer", ["", "core*", "core:1", "a" * 141, "arn:aws:lambda:eu-west-1:1:layer:core"])
def test_neither_a_name_nor_an_arn_is_an_error(layer: str) -> None:
    with pytest.raises(ArgumentError, match="neither the name nor the ARN"):
        region_of(layer)


def test_the_arn_of_a_version_is_an_error_that_says_what_to_write() -> None:
    bare = "arn:aws:lambda:eu-west-1:111122223333:layer:core"
    with pytest.raises(ArgumentError, match=re.escape(f"write {bare} --version 3")):
        region_of(f"{bare}:3")


def test_whom_it_is_shared_with_is_an_account_an_organisation_or_public() -> None:
    assert [share_of(text) for text in (ONE, ORGANIZATION, "public")] == [ONE, ORGANIZATION, "public"]
    for text in ("", "*", "1234", "o-short", "ou-abcd-12345678", f"{ONE}\n"):
        with pytest.raises(ArgumentError, match="an account's number of 12 digits"):
            share_of(text)
