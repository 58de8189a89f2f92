"""What is said while it works, and how it is silenced."""

from __future__ import annotations

import pytest

from layer_constructs.building.progress import QUIET_VARIABLE, megabytes, to_stderr


@pytest.mark.parametrize(("value", "said"), [("", True), ("0", True), ("false", True), ("1", False), ("yes", False)])
def test_speaks_on_standard_error_unless_it_is_told_to_be_quiet(
    value: str, said: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(QUIET_VARIABLE, value)
    to_stderr("Deps: building 3 packages")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == ("layer-constructs: Deps: building 3 packages\n" if said else "")


def test_counts_megabytes_as_lambda_does() -> None:
    assert megabytes(262_144_000) == "250.0 MB"
