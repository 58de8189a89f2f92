"""Whom a layer version can be shared with, and what users write instead."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import aws_cdk as cdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layer_constructs.errors import ArgumentError
from layer_constructs.sharing.share import Share, shares_of

ACCOUNT, ORGANIZATION = Share.account("111122223333"), Share.organization("o-a1b2c3d4e5")

SHARES = st.one_of(
    st.from_regex(r"[0-9]{12}", fullmatch=True).map(Share.account),
    st.from_regex(r"o-[a-z0-9]{10,32}", fullmatch=True).map(Share.organization),
    st.just(Share.public()),
)


@given(SHARES, SHARES)
def test_shares_are_values_with_names_of_their_own(one: Share, other: Share) -> None:
    assert (one == other) is (one.construct_id == other.construct_id) is (str(one) == str(other))
    assert (hash(one) == hash(other)) or one != other


@given(SHARES)
def test_a_share_prints_as_it_is_written(share: Share) -> None:
    assert eval(str(share), {"Share": Share}) == share  # noqa: S307 - our own text


@given(st.lists(SHARES, unique=True), st.randoms())
def test_the_order_in_which_they_are_listed_means_nothing(shares: list[Share], random: Any) -> None:
    shuffled = random.sample(shares, len(shares))
    assert shares_of(shuffled) == shares_of(shares)


def test_the_names_in_logical_ids_stay() -> None:
    names = [share.construct_id for share in (ACCOUNT, ORGANIZATION, Share.public())]
    assert names == ["Share111122223333", "ShareOrganization-o-a1b2c3d4e5", "SharePublic"]


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("11112222333", "12 digits, as text"),
        ("1111222233334", "12 digits, as text"),
        ("", "12 digits, as text"),
        ("111122223333\n", "write Share.account('111122223333')"),
        ("١١١١٢٢٢٢٣٣٣٣", "12 digits, as text"),
        ("1111-2222-3333", "write Share.account('111122223333')"),
        (11122223333, "write Share.account('011122223333'): leading zeros count"),
        (True, "12 digits, as text"),
        (None, "12 digits, as text"),
        ("arn:aws:iam::111122223333:root", "write Share.account('111122223333')"),
        ("arn:aws-us-gov:iam::111122223333:role/deploy", "write Share.account('111122223333')"),
        ("o-a1b2c3d4e5", "write Share.organization('o-a1b2c3d4e5')"),
        ("*", "write Share.public()"),
    ],
)
def test_a_malformed_account_is_refused(given: Any, advice: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Share.account(given)
    assert f"{given!r} is not an account's number" in str(caught.value)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("o-a1b2c3d4e", "'o-' and 10 to 32 lower-case letters and digits"),
        ("o-" + 33 * "a", "'o-' and 10 to 32 lower-case letters and digits"),
        ("O-A1B2C3D4E5", "describe-organization"),
        (None, "describe-organization"),
        ("111122223333", "write Share.account('111122223333')"),
        ("arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5", "write Share.organization('o-a1b2c3d4e5')"),
        ("*", "write Share.public()"),
    ],
)
def test_a_malformed_organisation_is_refused(given: Any, advice: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Share.organization(given)
    assert f"{given!r} is not an organisation's id" in str(caught.value)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        "ou-ab12-11112222",
        "arn:aws:organizations::111122223333:ou/o-a1b2c3d4e5/ou-ab12-11112222",
        "o-a1b2c3d4e5/r-ab12/ou-ab12-11112222/",
    ],
)
@pytest.mark.parametrize("factory", ["account", "organization"])
def test_an_organisational_unit_is_answered_with_what_to_do_instead(given: str, factory: str) -> None:
    with pytest.raises(ArgumentError, match="is an organisational unit, which a layer version can't be") as caught:
        getattr(Share, factory)(given)
    assert "fix: share with the organisation, or with each account of the unit" in str(caught.value)
    assert "aws organizations list-accounts-for-parent --parent-id ou-ab12-11112222" in str(caught.value)


@pytest.mark.parametrize("given", ["r-ab12", "arn:aws:organizations::111122223333:root/o-a1b2c3d4e5/r-ab12"])
def test_a_root_is_answered_with_its_organisation(given: str) -> None:
    with pytest.raises(ArgumentError, match="a root is all of its organisation"):
        Share.organization(given)


@pytest.mark.parametrize("token", [cdk.Aws.ACCOUNT_ID, cdk.Token.as_number({"Ref": "A"}), cdk.Fn.ref("A")])
@pytest.mark.parametrize("factory", ["account", "organization"])
def test_a_token_is_refused_with_the_way_out(token: Any, factory: str) -> None:
    with pytest.raises(ArgumentError, match="known only when the stack is deployed") as caught:
        getattr(Share, factory)(token)
    assert f"Share.{factory}(self.node.get_context('consumer'))" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("111122223333", "must be a list of shares"),
        (ACCOUNT, "write [Share.account('111122223333')]"),
        (None, "must be a list of shares"),
        (["111122223333"], "write Share.account('111122223333')"),
        (["o-a1b2c3d4e5"], "write Share.organization('o-a1b2c3d4e5')"),
        ([[ACCOUNT]], "allowed: Share.account(...), Share.organization(...), Share.public()"),
        ([ACCOUNT, ORGANIZATION, Share.account("111122223333")], "shared twice with Share.account('111122223333')"),
    ],
)
def test_what_is_no_list_of_different_shares_is_refused(given: Any, advice: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        shares_of(given)
    assert advice in str(caught.value)


def test_a_share_starts_no_node() -> None:
    code = (
        "import sys; from layer_constructs.sharing.share import Share\n"
        "Share.account('111122223333'); assert 'aws_cdk' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_share_is_no_account() -> None:
    with pytest.raises(ArgumentError, match=r"Share\.account\('111122223333'\) is not an account's number"):
        Share.account(ACCOUNT)  # type: ignore[arg-type]
