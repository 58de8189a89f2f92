"""The names under which consumers find a layer version."""

from __future__ import annotations

import pytest

from layer_constructs.errors import ArgumentError
from layer_constructs.releasing.parameter_names import LONGEST, parameter_folder

TARGET = {"runtime": "python3.13", "architecture": "arm64"}


def test_a_name_has_the_prefix_the_library_the_runtime_and_the_architecture() -> None:
    folder = parameter_folder(prefix="/layers/deps", library="core", **TARGET)
    assert folder == "/layers/deps/core/python3.13/arm64"


def test_the_longest_name_fits_with_its_arn_into_what_ssm_takes() -> None:
    folder = parameter_folder(prefix=f"/{'x' * 913}", library="core", **TARGET)
    name = f"{folder}/{10**10 - 1}"
    assert len(name) == LONGEST
    assert len(f"arn:aws-us-gov:ssm:us-gov-west-1:111122223333:parameter{name}") <= 1011
    with pytest.raises(ArgumentError, match=r"too long: 948 characters with room for a version\n  allowed: 947"):
        parameter_folder(prefix=f"/{'x' * 914}", library="core", **TARGET)


def test_the_deepest_name_has_fifteen_levels() -> None:
    assert f"{parameter_folder(prefix='/a' * 11, library='core', **TARGET)}/latest".count("/") == 15
    with pytest.raises(ArgumentError, match="has 12 levels\n  allowed: 11"):
        parameter_folder(prefix="/a" * 12, library="core", **TARGET)


@pytest.mark.parametrize("prefix", ["", "layers", "/", "/layers/", "//layers", "/with space", "/ä", "/a:b", None, 7])
def test_a_malformed_prefix_is_refused_with_one_that_works(prefix: str) -> None:
    with pytest.raises(ArgumentError, match="fix: write parameter_prefix='/layers/deps'"):
        parameter_folder(prefix=prefix, library="core", **TARGET)


@pytest.mark.parametrize("prefix", ["/aws/layers", "/AWSlayers", "/ssm", "/Ssm-layers/deps"])
def test_a_prefix_that_aws_keeps_for_itself_is_refused(prefix: str) -> None:
    with pytest.raises(ArgumentError, match="AWS keeps names that begin with 'aws' or 'ssm'"):
        parameter_folder(prefix=prefix, library="core", **TARGET)


@pytest.mark.parametrize("library", ["", "a/b", "with space", "core:7", "${Token[TOKEN.1]}", None])
def test_a_malformed_library_is_refused(library: str) -> None:
    with pytest.raises(ArgumentError, match="and can't be part of a parameter's name"):
        parameter_folder(prefix="/layers/deps", library=library, **TARGET)
