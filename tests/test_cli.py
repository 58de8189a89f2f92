"""`layer-constructs` as a person or a hook runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from layer_constructs.cli import main
from tests.support.sdists import make_sdist


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "req.txt"
    path.write_text("idna<3.10\n", encoding="utf-8")
    return path


def test_locks_and_then_changes_nothing(requirements: Path) -> None:
    assert run("lock", "req.txt").exit_code == 0
    lock = requirements.with_name("pylock.req.toml")
    before = (lock.read_bytes(), lock.stat().st_mtime_ns)
    again = run("lock", "req.txt")
    assert again.exit_code == 0
    assert "nothing changed" in again.output
    assert (lock.read_bytes(), lock.stat().st_mtime_ns) == before


def test_check_says_what_is_missing_and_what_changed(requirements: Path) -> None:
    missing = run("lock", "req.txt", "--check")
    assert missing.exit_code == 1
    assert "layer-constructs lock req.txt" in missing.stderr
    assert not requirements.with_name("pylock.req.toml").exists()
    run("lock", "req.txt")
    assert run("lock", "req.txt", "--check").exit_code == 0
    requirements.write_text("idna<3.11\n", encoding="utf-8")
    stale = run("lock", "req.txt", "--check")
    assert stale.exit_code == 1
    assert "requirements: added idna<3.11" in stale.stderr
    assert "requirements: removed idna<3.10" in stale.stderr


def test_locks_on_a_ci_system_when_it_is_told_to(requirements: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert run("lock", "req.txt").exit_code == 0
    assert requirements.with_name("pylock.req.toml").exists()


def test_checks_several_files_as_a_hook_does(requirements: Path) -> None:
    requirements.with_name("requirements-dev.txt").write_text("certifi\n", encoding="utf-8")
    assert run("lock", "req.txt", "requirements-dev.txt").exit_code == 0
    assert requirements.with_name("pylock.requirements-dev.toml").exists()
    assert run("lock", "--check", "req.txt", "requirements-dev.txt").exit_code == 0


def test_an_error_is_its_text_and_status_1(requirements: Path) -> None:
    requirements.write_text("idna=3\n", encoding="utf-8")
    failed = run("lock", "req.txt")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("error: req.txt:1: ")
    assert "Traceback" not in failed.stderr


def test_refuses_a_runtime_that_is_not_python(requirements: Path) -> None:
    assert "nodejs22.x is not a Lambda target" in run("lock", "req.txt", "--runtime", "nodejs22.x").stderr


def test_a_file_that_is_its_own_lock_is_left_alone(requirements: Path) -> None:
    digest = "946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3"
    requirements.write_text(f"idna==3.10 --hash=sha256:{digest}\n", encoding="utf-8")
    assert "is its own lock" in run("lock", "req.txt").output
    assert list(requirements.parent.iterdir()) == [requirements]


def test_upgrades_one_package_or_all(requirements: Path) -> None:
    requirements.write_text("idna<3.8\ncertifi<2024\n", encoding="utf-8")
    run("lock", "req.txt")
    requirements.write_text("idna<3.10\ncertifi<2025\n", encoding="utf-8")
    run("lock", "req.txt")
    lock = requirements.with_name("pylock.req.toml")
    assert 'version = "3.7"' in lock.read_text(encoding="utf-8")
    assert run("lock", "req.txt", "--upgrade-package", "idna").exit_code == 0
    assert 'version = "3.9"' in lock.read_text(encoding="utf-8")
    assert 'version = "2023.' in lock.read_text(encoding="utf-8")
    assert run("lock", "req.txt", "--upgrade").exit_code == 0
    assert 'version = "2024.' in lock.read_text(encoding="utf-8")


def test_a_date_stays_in_force(requirements: Path) -> None:
    requirements.write_text("certifi\n", encoding="utf-8")
    assert run("lock", "req.txt", "--exclude-newer", "2024-01-01").exit_code == 0
    lock = requirements.with_name("pylock.req.toml")
    assert 'version = "2023.11.17"' in lock.read_text(encoding="utf-8")
    assert run("lock", "req.txt", "--upgrade").exit_code == 0
    assert 'version = "2023.11.17"' in lock.read_text(encoding="utf-8")
    requirements.write_text("certifi\nidna\n", encoding="utf-8")
    assert run("lock", "req.txt").exit_code == 0
    assert 'version = "3.6"' in lock.read_text(encoding="utf-8")


def test_refuses_a_date_that_is_none(requirements: Path) -> None:
    failed = run("lock", "req.txt", "--exclude-newer", "yesterday-ish")
    assert failed.exit_code == 1
    assert "'yesterday-ish' is not a date" in failed.stderr


def test_shows_and_prunes_the_cache(requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from layer_constructs.building.build import build
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.dependencies import Dependencies
    from layer_constructs.building.planning import make_plan
    from layer_constructs.building.target import Target

    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(tmp_path / "cache"))
    cache = Cache.default()
    planned = make_plan(Dependencies(requirements=requirements), Target(), cache=cache)
    build(planned.plan, cache=cache, indexes=planned.indexes, label="x")
    assert "1 layer, 0." in run("cache", "show").output
    assert "removed 0 layers" in run("cache", "prune").output
    assert "removed 1 layer," in run("cache", "prune", "--older-than", "0").output
    assert "0 layers, 0.0 MB" in run("cache", "show").output


def test_starts_without_the_cdk() -> None:
    code = "import sys; from layer_constructs import cli; sys.exit('aws_cdk' in sys.modules or 'jsii' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False).returncode == 0


# What has no wheel


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--bundling", "local", "--image", "house/build:1"], "--bundling local starts no container"),
        (["--bundling", "local", "--command-hook", "true"], "--bundling local starts no container"),
        (["--build-sdists"], "--build-sdists goes with --bundling local"),
        (["--bundling", "docker", "--build-sdists"], "--build-sdists goes with --bundling local"),
        (["--check", "--rebuild"], "--check only looks"),
        (["--bundling", "podman"], "'podman' is not one of 'auto', 'docker', 'local'"),
        (["--architecture", "riscv"], "'riscv' is not one of 'x86_64', 'arm64'"),
    ],
)
def test_options_that_do_not_go_together(requirements: Path, options: list[str], said: str) -> None:
    failed = run("lock", "req.txt", *options)
    assert failed.exit_code == 2
    assert said in failed.stderr
    assert list(requirements.parent.iterdir()) == [requirements]


def test_a_bad_image_is_an_error_of_ours(requirements: Path) -> None:
    failed = run("lock", "req.txt", "--image", "--privileged")
    assert (failed.exit_code, failed.stderr.splitlines()[0]) == (1, "error: image is '--privileged'")


@pytest.fixture
def without_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that asks for a package without a wheel, on a machine without an engine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CDK_DOCKER", "/nonexistent/engine")
    make_sdist(tmp_path / "files", "alpha")
    path = tmp_path / "req.txt"
    path.write_text("--no-index\n--find-links files\nalpha\n", encoding="utf-8")
    return path


def test_what_needs_a_container_says_so_where_there_is_none(without_wheel: Path) -> None:
    failed = run("lock", "req.txt")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("error: alpha==1.0 needs a container, and there is no /nonexistent/engine")
    assert not without_wheel.with_name("pylock.req.toml").exists()


def test_local_refuses_what_has_no_wheel(without_wheel: Path) -> None:
    failed = run("lock", "req.txt", "--bundling", "local")
    assert failed.exit_code == 1
    assert "req.txt:3: no wheel of alpha runs on python3.13/x86_64" in failed.stderr
    assert not without_wheel.with_name("pylock.req.toml").exists()


def test_nothing_is_built_where_everything_has_a_wheel(requirements: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_DOCKER", "/nonexistent/engine")
    words = ["--architecture", "arm64", "--image", "house/build:1", "--command-hook", "true", "--rebuild"]
    assert run("lock", "req.txt", *words).exit_code == 0
    lock = requirements.with_name("pylock.req.toml").read_text(encoding="utf-8")
    assert "images" not in lock
    command = "layer-constructs lock req.txt --image house/build:1 --command-hook true"
    assert lock.splitlines()[1] == f"# To change it: {command}"
    assert run("lock", "req.txt", "--check", "--architecture", "arm64").exit_code == 0


def test_check_says_that_no_image_is_locked(requirements: Path) -> None:
    assert run("lock", "req.txt").exit_code == 0
    stale = run("lock", "req.txt", "--check", "--bundling", "docker", "--architecture", "arm64")
    assert stale.exit_code == 1
    assert "no image is locked for python3.13/arm64" in stale.stderr
    assert "--architecture arm64 --bundling docker" in stale.stderr
    assert requirements.exists()
