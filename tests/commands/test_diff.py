"""`layer-constructs diff` as a person or a pull request's job runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from layer_constructs.cli import main
from layer_constructs.commands.diff import diff
from tests.support.wheels import make_wheel


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(diff, list(arguments))
    assert result.exit_code == 0, (result.output, result.exception)
    return result


@pytest.fixture
def two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_wheel(tmp_path / "wheels", "one", "1.0", files={"one.py": b"#" * 1_000_000})
    make_wheel(tmp_path / "wheels", "one", "1.1", files={"one.py": b"#" * 3_000_000})
    make_wheel(tmp_path / "wheels", "gone", "1.0")
    make_wheel(tmp_path / "wheels", "new_one", "1.0")
    head = "--no-index\n--find-links wheels\n"
    (tmp_path / "old.txt").write_text(f"{head}one==1.0\ngone\n", encoding="utf-8")
    (tmp_path / "new.txt").write_text(f"{head}one==1.1\nnew-one\n", encoding="utf-8")
    for name in ("old.txt", "new.txt"):
        assert CliRunner().invoke(main, ["lock", name]).exit_code == 0
    return tmp_path


def test_two_locks_are_compared_by_versions_without_building(two_files: Path) -> None:
    shown = run("pylock.old.toml", "pylock.new.toml").output

    assert [line.split() for line in shown.splitlines()[1:4]] == [
        ["new-one", "1.0"],
        ["gone", "1.0"],
        ["one", "1.0", "1.1"],
    ]
    assert "1 added, 1 removed, 1 upgraded; sizes are not compared" in shown


def test_sizes_are_compared_when_both_are_built(two_files: Path) -> None:
    document = json.loads(run("old.txt", "new.txt", "--build", "--json").output)

    assert [(change["name"], change["kind"]) for change in document["changes"]] == [
        ("new-one", "added"), ("gone", "removed"), ("one", "upgraded"),
    ]  # fmt: skip
    assert document["changes"][2]["size_difference"] == pytest.approx(2_000_000, abs=100)
    again = json.loads(run("pylock.old.toml", "pylock.new.toml", "--json").output)  # in the cache by now
    assert again["size_difference"] == document["size_difference"]


def test_a_lock_is_compared_with_a_layer(two_files: Path) -> None:
    layer = two_files / "layer" / "python"
    layer.mkdir(parents=True)
    info = layer / "one-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: one\nVersion: 1.0\n", encoding="utf-8")

    assert "1 added" in (shown := run("layer", "pylock.new.toml").output)
    assert "1 upgraded" in shown


def test_markdown_is_a_table_and_takes_no_markup_from_names(two_files: Path) -> None:
    info = two_files / "layer" / "python" / "x-1_0<b>@me|`.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: x\n", encoding="utf-8")

    text = run("pylock.old.toml", "layer", "--markdown").output

    assert "| package | before | after | size | licence |\n| --- | --- | --- | ---: | --- |" in text
    assert r"1\_0\<b\>\@me\|\`" in text


def test_nothing_that_differs_is_said_in_a_line(two_files: Path) -> None:
    assert run("old.txt", "pylock.old.toml").output.startswith("no package differs; ")
