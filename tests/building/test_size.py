"""The size of a layer against Lambda's limit."""

from __future__ import annotations

import pytest

from layer_constructs.building.size import LIMIT, LayerTooLargeError, Savings, check_size

MB = 1024 * 1024


def test_a_layer_within_four_fifths_of_the_limit_is_not_worth_a_word() -> None:
    assert check_size(LIMIT * 8 // 10, sizes={"a": 1}, savings=Savings()) is None


def test_above_it_there_is_a_warning_with_the_largest_packages_and_what_would_help() -> None:
    warning = check_size(LIMIT, sizes={"small": MB, "large": 200 * MB}, savings=Savings(slim=30 * MB, strip=1000))
    assert warning is not None
    assert "250.0 MB unzipped, 100% of what Lambda takes" in warning
    assert warning.index("200.0 MB  large") < warning.index("1.0 MB  small")
    assert "slim=True would save about 30.0 MB" in warning
    assert "strip" not in warning


def test_over_the_limit_is_an_error_that_names_the_mildest_choice_that_is_enough() -> None:
    sizes = {f"p{number:02}": (20 - number) * MB for number in range(15)}
    with pytest.raises(LayerTooLargeError) as caught:
        check_size(260 * MB, sizes=sizes, savings=Savings(slim=5 * MB, strip=20 * MB, provided_by_runtime=30 * MB))
    text = str(caught.value)
    assert "272,629,760 of 262,144,000 bytes" in text
    assert "p09" in text
    assert "p10" not in text
    assert "40.0 MB  5 more" in text
    assert "fix: slim=True and strip=True, then about 235.0 MB" in text


def test_where_no_choice_is_enough_the_error_says_so() -> None:
    with pytest.raises(LayerTooLargeError, match=r"the choices above leave about 495\.0 MB"):
        check_size(500 * MB, sizes={"a": 500 * MB}, savings=Savings(slim=5 * MB))
    with pytest.raises(LayerTooLargeError, match=r"fix: exclude=\[\.\.\.\]"):
        check_size(500 * MB, sizes={"a": 500 * MB}, savings=Savings())
