"""The texts in a layer version: their format is frozen, since a change would publish every layer anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from layer_constructs.layers.texts import DESCRIPTION_LIMIT, LICENSE_LIMIT, description_of, joined

PACKAGES = st.dictionaries(st.text(min_size=1, max_size=300), st.text(max_size=40), min_size=1, max_size=60)


def test_a_description_names_every_package_in_order() -> None:
    assert description_of({"requests": "2.32.0", "idna": "3.10"}) == "idna 3.10, requests 2.32.0"


def test_a_description_is_cut_between_packages_and_counts_the_rest() -> None:
    packages = {f"package-{number:02}": "1.0" for number in range(40)}
    text = description_of(packages)
    assert text.startswith("package-00 1.0, package-01 1.0, ")
    assert text.endswith("package-14 1.0 and 25 more")
    assert len(text) <= DESCRIPTION_LIMIT


def test_a_name_that_does_not_fit_at_all_is_counted() -> None:
    assert description_of({"x" * 300: "1"}) == "1 package"
    assert description_of({"x" * 300: "1", "y" * 300: "1"}) == "2 packages"


def test_an_order_of_packages_changes_nothing() -> None:
    assert description_of({"a": "1", "b": "2"}) == description_of({"b": "2", "a": "1"})


@given(PACKAGES)
def test_no_description_is_longer_than_lambda_takes(packages: dict[str, str]) -> None:
    assert 0 < len(description_of(packages)) <= DESCRIPTION_LIMIT


@given(st.lists(st.text(min_size=1, max_size=600), min_size=1, max_size=60))
def test_no_license_is_longer_than_lambda_takes(names: list[str]) -> None:
    assert 0 < len(joined(names, limit=LICENSE_LIMIT)) <= LICENSE_LIMIT
