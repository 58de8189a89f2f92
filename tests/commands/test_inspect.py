"""`layer-constructs inspect` as a person runs it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from layer_constructs.commands.inspect import inspect
from layer_constructs.errors import ArgumentError, LockStaleError
from tests.support.wheels import make_wheel


def run(*arguments: str) -> Result:
    return CliRunner().invoke(inspect, list(arguments))


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a wheel of its own, so that no network is needed."""
    monkeypatch.chdir(tmp_path)
    make_wheel(tmp_path / "wheels", "one", "1.0", requires=["two"])
    make_wheel(tmp_path / "wheels", "two", "2.0", files={"two/__init__.py": b"#" * 2_000_000})
    path = tmp_path / "req.txt"
    path.write_text("--no-index\n--find-links wheels\none\n", encoding="utf-8")
    return path


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer with a file that has no owner and a `.pth` file that does nothing."""
    with zipfile.ZipFile(
        make_wheel(tmp_path, "one", "1.0", files={"one.py": b"", "one.pth": b"import one\n"})
    ) as wheel:
        wheel.extractall(tmp_path / "layer" / "python")
    (tmp_path / "layer" / "notes.txt").write_text("whose?", encoding="utf-8")
    return tmp_path / "layer"


def test_shows_packages_findings_and_what_has_no_owner(layer: Path) -> None:
    shown = run(str(layer))

    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert [line.split()[:4] for line in lines if line.startswith("one ")] == [["one", "1.0", "0.0", "MB"]]
    assert "of 250 MB, 0 %" in lines[1]
    assert "1 file belongs to no package, 0.0 MB:" in lines
    assert [line for line in lines if line.startswith("  one: pth-file: python/one.pth does nothing: ")]


def test_the_status_tells_of_findings_only_when_asked(layer: Path) -> None:
    assert run(str(layer)).exit_code == 0
    assert run(str(layer), "--fail-on-findings").exit_code == 1


def test_json_has_the_documented_keys(layer: Path) -> None:
    document = json.loads(run(str(layer), "--json", "--runtime", "python3.12", "--architecture", "arm64").output)

    assert document["schema"] == 1
    [only] = document["layers"]
    assert list(only) == [
        "path", "runtime", "architecture", "target_is_guessed", "size", "limit", "packages", "findings", "unowned",
        "savings", "notes",
    ]  # fmt: skip
    assert (only["runtime"], only["architecture"], only["target_is_guessed"]) == ("python3.12", "arm64", False)
    assert only["limit"] == 262_144_000
    assert list(only["packages"][0]) == [
        "name", "version", "size", "files", "license", "license_said", "native", "glibc",
    ]  # fmt: skip
    assert [finding["rule"] for finding in only["findings"]] == ["pth-file"]
    assert only["unowned"] == {"size": 6, "files": [{"path": "notes.txt", "size": 6}]}


def test_a_requirements_file_is_built_and_no_lock_is_written(requirements: Path) -> None:
    shown = run("req.txt")

    assert shown.exit_code == 0, (shown.output, shown.exception)
    assert "there is no lock pylock.req.toml" in shown.output
    assert [line.split()[0] for line in shown.output.splitlines() if " MB  " in line] == ["two", "one"]
    assert not list(requirements.parent.glob("pylock*"))


def test_a_stale_lock_is_said_and_not_changed(requirements: Path) -> None:
    from layer_constructs.cli import main

    assert CliRunner().invoke(main, ["lock", "req.txt", "--runtime", "python3.12"]).exit_code == 0
    lock = requirements.with_name("pylock.req.toml")
    before = lock.read_bytes()
    document = json.loads(run("req.txt", "--json").output)
    assert document["layers"][0]["runtime"] == "python3.12"
    requirements.write_text("--no-index\n--find-links wheels\ntwo\n", encoding="utf-8")

    assert isinstance(run("req.txt").exception, LockStaleError)
    assert lock.read_bytes() == before


def test_writes_one_page_for_several_layers(layer: Path, requirements: Path, tmp_path: Path) -> None:
    assert run(str(layer), "req.txt", "--html", "page.html").exit_code == 0

    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<section>") == 2
    assert ">req.txt</h1>" in page


def test_says_which_path_is_not_there(tmp_path: Path) -> None:
    error = run(str(tmp_path / "missing.zip")).exception

    assert isinstance(error, ArgumentError)
    assert "missing.zip: there is no such file or folder" in str(error)


def test_names_can_t_write_to_the_terminal(tmp_path: Path) -> None:
    files = {"evil\x1b]0;owned\x07[bold].py": b"", "\u202eevil.txt": b""}
    for name, content in files.items():
        path = tmp_path / "layer" / "python" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    shown = run(str(tmp_path / "layer")).output

    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "[bold].py" in shown
