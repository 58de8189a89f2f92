"""`layer-constructs upgrade-check`: before anyone moves to another runtime."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from layer_constructs.cli import main
from layer_constructs.commands.upgrade_check import upgrade_check
from tests.support.sdists import make_sdist
from tests.support.wheels import make_wheel

BOTH = ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(upgrade_check, list(arguments))


def checked(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.output, repr(result.exception)
    document: dict[str, Any] = json.loads(result.output)
    assert result.exit_code == (0 if document["can_move"] else 1)
    return document


def said(document: dict[str, Any], architecture: str = "x86_64") -> dict[str, tuple[str, str | None]]:
    packages = document["architectures"][architecture]["packages"]
    return {package["name"]: (package["status"], package["version"]) for package in packages}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Wheels: `pure` for all, `native` 1.0 for 3.12 and 2.0 for 3.13, `left` for 3.12 on both and 3.13 on arm64."""
    monkeypatch.chdir(tmp_path)
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "pure", "1.0")
    make_wheel(wheels, "pure", "1.1")
    for platform in BOTH:
        make_wheel(wheels, "native", "1.0", tag=f"cp312-cp312-{platform}")
        make_wheel(wheels, "native", "2.0", tag=f"cp313-cp313-{platform}", requires=["extra"])
        make_wheel(wheels, "left", "1.0", tag=f"cp312-cp312-{platform}")
    make_wheel(wheels, "left", "1.0", tag=f"cp313-cp313-{BOTH[1]}")
    make_wheel(wheels, "extra", "1.0")
    make_sdist(wheels, "left", "1.0")
    return tmp_path


def write(folder: Path, *lines: str) -> Path:
    path = folder / "req.txt"
    path.write_text("".join(f"{line}\n" for line in ("--no-index", "--find-links wheels", *lines)), encoding="utf-8")
    return path


def lock(*runtimes: str) -> None:
    arguments = [word for runtime in runtimes for word in ("--runtime", runtime)]
    result = CliRunner().invoke(main, ["lock", "req.txt", *arguments, "--bundling", "local"])
    assert result.exit_code == 0, result.output


def test_says_what_stays_and_what_needs_a_newer_version(shelf: Path) -> None:
    write(shelf, "pure==1.0", "native==1.0")
    lock("python3.12")
    before = (shelf / "pylock.req.toml").read_bytes()

    document = checked("req.txt", "--to", "python3.13")

    assert (document["from"], document["to"], document["can_move"]) == ("python3.12", "python3.13", True)
    for architecture in ("x86_64", "arm64"):
        assert said(document, architecture) == {"pure": ("as-pinned", None), "native": ("newer", "2.0")}
        assert document["architectures"][architecture]["added"] == {"extra": "1.0"}
        assert document["architectures"][architecture]["relaxed"] == ["req.txt:4: native==1.0"]
    assert (shelf / "pylock.req.toml").read_bytes() == before


def test_a_loose_requirement_needs_no_change(shelf: Path) -> None:
    write(shelf, "pure<1.1", "native")
    lock("python3.12")

    document = checked("req.txt", "--to", "python3.13")

    assert said(document) == {"pure": ("as-pinned", None), "native": ("newer", "2.0")}
    assert document["architectures"]["x86_64"]["relaxed"] == []


def test_stays_with_what_is_locked_where_it_loads(shelf: Path) -> None:
    write(shelf, "pure==1.0")
    lock("python3.12")
    write(shelf, "pure")
    assert said(checked("req.txt", "--to", "python3.13", "--from", "python3.12")) == {"pure": ("as-pinned", None)}


def test_each_architecture_has_an_answer_of_its_own(shelf: Path) -> None:
    write(shelf, "left", "pure")

    document = checked("req.txt", "--to", "python3.13", "--from", "python3.12")

    assert not document["can_move"]
    assert said(document) == {"left": ("sdist-only", "1.0"), "pure": ("as-pinned", None)}
    assert said(document, "arm64") == {"left": ("as-pinned", None), "pure": ("as-pinned", None)}
    assert document["architectures"]["x86_64"]["problem"] is None
    text = run("req.txt", "--to", "python3.13", "--from", "python3.12").output
    assert "no wheel: 1.0 has to be built" in text
    assert text.endswith("it cannot move to python3.13\n")


def test_what_is_offered_for_no_newer_runtime_is_said(shelf: Path) -> None:
    write(shelf, "native==1.0", "pure")

    document = checked("req.txt", "--to", "python3.14", "--from", "python3.12")

    assert said(document) == {"native": ("none", None), "pure": ("as-pinned", None)}


def test_what_is_built_now_has_to_be_built_there_too(shelf: Path) -> None:
    make_sdist(shelf / "wheels", "source", "1.0")
    write(shelf, "source", "pure")

    document = checked("req.txt", "--to", "python3.13", "--from", "python3.12")

    assert said(document) == {"source": ("sdist-only", "1.0"), "pure": ("as-pinned", None)}
    assert document["can_move"]
    assert any("source" in note for note in document["notes"])


def test_a_need_that_follows_another_is_no_reason_to_stay(shelf: Path) -> None:
    make_wheel(shelf / "wheels", "top", "1.0", requires=["native"])
    write(shelf, "top")

    assert said(checked("req.txt", "--to", "python3.13", "--from", "python3.12")) == {
        "top": ("as-pinned", None), "native": ("newer", "2.0"),
    }  # fmt: skip


def test_a_conflict_is_told_in_words(shelf: Path) -> None:
    make_wheel(shelf / "wheels", "holds", "1.0", requires=["native==1.0"])
    write(shelf, "holds")

    document = checked("req.txt", "--to", "python3.13", "--from", "python3.12")

    assert not document["can_move"]
    assert "native" in document["architectures"]["x86_64"]["problem"]
    assert said(document) == {"holds": ("as-pinned", None), "native": ("newer", "2.0")}


def test_a_file_that_is_its_own_lock_can_be_asked_about(shelf: Path) -> None:
    wheels = [shelf / "wheels" / name for name in ("native-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
              "native-1.0-cp312-cp312-manylinux_2_17_aarch64.whl", "pure-1.0-py3-none-any.whl")]  # fmt: skip
    native, arm, pure = (hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels)
    write(shelf, f"native==1.0 --hash=sha256:{native} --hash=sha256:{arm}", f"pure==1.0 --hash=sha256:{pure}")

    document = checked("req.txt", "--to", "python3.13", "--from", "python3.12")

    for architecture in ("x86_64", "arm64"):
        assert said(document, architecture) == {"pure": ("as-pinned", None), "native": ("newer", "2.0")}


def test_a_wheel_named_by_its_path_is_judged_by_its_name(shelf: Path) -> None:
    (shelf / "wheels" / "left-1.0-cp312-cp312-manylinux_2_17_x86_64.whl").rename(
        shelf / "left-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"
    )
    write(shelf, "./left-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", "pure==1.0")

    document = checked("req.txt", "--to", "python3.13", "--from", "python3.12")

    assert said(document) == {"left": ("none", None), "pure": ("as-pinned", None)}


@pytest.mark.network
@pytest.mark.parametrize("to", ["python3.13", "python3.14"])
def test_real_pins_of_last_year_need_newer_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "req.txt").write_text("numpy==1.26.4\nrequests==2.32.3\npsycopg2-binary==2.9.9\n", encoding="utf-8")

    document = checked("req.txt", "--to", to, "--from", "python3.12")

    for architecture in ("x86_64", "arm64"):
        found = said(document, architecture)
        assert {name for name, (status, _) in found.items() if status == "newer"} == {"numpy", "psycopg2-binary"}
        assert found["requests"] == ("as-pinned", None)
    assert document["can_move"]
    assert not (tmp_path / "pylock.req.toml").exists()
