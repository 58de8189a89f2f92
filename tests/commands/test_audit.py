"""`layer-constructs audit`: what it asks, what it says, and with which status it ends."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from layer_constructs.building.inventory import service
from layer_constructs.cli import main
from tests.building.inventory.test_vulnerabilities import GHSA, Answer, Osv
from tests.support.wheels import make_wheel

Audit = Callable[..., Result]


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(service, "_RETRY_AFTER_SECONDS", 0.01)

    def run(osv: Osv | str, *arguments: str | Path) -> Result:
        url = osv if isinstance(osv, str) else osv.url
        return CliRunner().invoke(main, ["audit", "--vulnerabilities", "--service", url, *map(str, arguments)])

    return run


def layer(folder: Path, **versions: str) -> Path:
    """A layer's zip with these packages."""
    target = folder / "layer.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name, version in versions.items():
            with zipfile.ZipFile(make_wheel(folder / "wheels", name, version)) as wheel:
                for member in wheel.namelist():
                    archive.writestr(f"python/{member}", wheel.read(member))
    return target


def asked(osv: Osv) -> list[tuple[str, str]]:
    return sorted((query["package"]["name"], query["version"]) for batch in osv.queries for query in batch)


def test_a_layer_with_nothing_against_it_is_status_0(tmp_path: Path, audit: Audit) -> None:
    with Osv() as osv:
        done = audit(osv, layer(tmp_path, jinja2="3.1.6", tiny="1.0"))

    assert (done.exit_code, asked(osv)) == (0, [("jinja2", "3.1.6"), ("tiny", "1.0")])
    assert done.stdout.startswith("no vulnerabilities are known of 2 packages")


def test_a_vulnerability_is_status_1_and_says_what_mends_it(tmp_path: Path, audit: Audit) -> None:
    with Osv({"jinja2": [[GHSA["id"]]]}) as osv:
        done = audit(osv, layer(tmp_path, jinja2="2.4.1", tiny="1.0"))

    assert done.exit_code == 1
    assert "jinja2 2.4.1" in done.stdout
    assert "2.10.1" in done.stdout
    assert "1 vulnerability is known of 2 packages" in done.stdout


def test_a_folder_and_a_zip_are_asked_for_together_and_once(tmp_path: Path, audit: Audit) -> None:
    made = layer(tmp_path, tiny="1.0")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(tmp_path / "folder")
    with Osv() as osv:
        done = audit(osv, made, tmp_path / "folder")

    assert (done.exit_code, asked(osv)) == (0, [("tiny", "1.0")])


@pytest.mark.parametrize("status", [500, 404, 200])
def test_no_whole_answer_is_status_1_and_never_a_good_one(tmp_path: Path, audit: Audit, status: int) -> None:
    with Osv(misbehave=lambda path, number: Answer({"results": []}, status=status)) as osv:
        done = audit(osv, layer(tmp_path, tiny="1.0"))

    assert done.exit_code == 1
    assert "not known whether the packages have vulnerabilities" in done.stderr
    assert "no vulnerabilities" not in done.output


def test_no_service_is_status_1(tmp_path: Path, audit: Audit) -> None:
    done = audit("http://127.0.0.1:9", layer(tmp_path, tiny="1.0"))

    assert done.exit_code == 1
    assert "error: the vulnerability service http://127.0.0.1:9" in done.stderr


def test_a_layer_without_metadata_is_status_1_since_nothing_is_known_of_it(tmp_path: Path, audit: Audit) -> None:
    vendored = tmp_path / "vendored.zip"
    with zipfile.ZipFile(vendored, "w") as archive:
        archive.writestr("python/jinja2/__init__.py", "")
    with Osv() as osv:
        done = audit(osv, layer(tmp_path, tiny="1.0"), vendored)

    assert done.exit_code == 1
    assert "vendored.zip" in done.stderr
    assert "no package" in done.stderr


def test_a_requirements_file_is_asked_for_as_it_is_locked(tmp_path: Path, audit: Audit) -> None:
    make_wheel(tmp_path / "wheels", "tiny", "1.0")
    file = tmp_path / "req.txt"
    file.write_text("--no-index\n--find-links wheels\ntiny\n")
    with Osv() as osv:
        before = audit(osv, file)
        assert not file.with_name("pylock.req.toml").exists()
        CliRunner().invoke(main, ["lock", str(file)])
        make_wheel(tmp_path / "wheels", "tiny", "2.0")
        after = audit(osv, file)
        lock = audit(osv, file.with_name("pylock.req.toml"))
        elsewhere = audit(osv, file, "--runtime", "python3.9")

    assert [done.exit_code for done in (before, after, lock, elsewhere)] == [0, 0, 0, 1]
    assert asked(osv) == [("tiny", "1.0")] * 3


def test_a_stale_lock_is_status_1(tmp_path: Path, audit: Audit) -> None:
    make_wheel(tmp_path / "wheels", "tiny", "1.0")
    file = tmp_path / "req.txt"
    file.write_text("--no-index\n--find-links wheels\ntiny\n")
    CliRunner().invoke(main, ["lock", str(file)])
    file.write_text(file.read_text() + "tiny<2\n")
    with Osv() as osv:
        done = audit(osv, file)

    assert (done.exit_code, osv.asked) == (1, [])
    assert "stale" in done.stderr


def test_what_is_not_there_is_status_1(tmp_path: Path, audit: Audit) -> None:
    with Osv() as osv:
        done = audit(osv, tmp_path / "absent.zip")

    assert (done.exit_code, osv.asked) == (1, [])
    assert "there is no such file" in done.stderr


def test_it_says_what_it_needs() -> None:
    done = CliRunner().invoke(main, ["audit", "layer.zip"])

    assert done.exit_code == 2
    assert "--vulnerabilities" in done.stderr
