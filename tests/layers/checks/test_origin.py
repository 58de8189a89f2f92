"""The line that made a construct."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from layer_constructs.layers.origin import Origin, origin_of_caller

if TYPE_CHECKING:
    import pytest


def test_it_is_the_line_of_the_caller() -> None:
    origin = origin_of_caller()
    assert origin is not None
    assert origin.path == Path(__file__)
    assert "origin_of_caller()" in Path(__file__).read_text(encoding="utf-8").splitlines()[origin.line - 1]


def test_it_is_told_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(Origin(tmp_path / "stacks" / "core.py", 12)) == str(Path("stacks", "core.py:12"))
    assert str(Origin(tmp_path.parent / "core.py", 3)) == f"{tmp_path.parent / 'core.py'}:3"
