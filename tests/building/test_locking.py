"""When a lock is fresh, when it is made again, and where that is forbidden."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from layer_constructs.building.target import Target
from layer_constructs.cli import main
from layer_constructs.errors import (
    AmbiguousIndexError,
    LayerError,
    LockError,
    LockMissingError,
    LockStaleError,
    OriginChangedError,
    ResolutionError,
    UnsupportedRequirementError,
    WheelUnavailableError,
)
from tests.support.desk import ARM, X86, Desk, make_desk
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

PY312 = Target("python3.12")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "2")
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(tmp_path / "layers"))
    desk = make_desk(tmp_path)
    monkeypatch.chdir(desk.folder)
    return desk


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "wheels"
    return [
        make_wheel(folder, "alpha", "1.0", requires=["beta"]),
        make_wheel(folder, "alpha", "2.0", requires=["beta"]),
        make_wheel(folder, "beta", "1.0"),
        make_wheel(folder, "gamma", "1.0"),
    ]


@pytest.fixture
def index(wheels: list[Path]) -> Iterator[PrivateIndex]:
    with PrivateIndex(wheels) as index:
        yield index


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


def entries(desk: Desk) -> list[str]:
    """The text of each package's entry."""
    return desk.lock.read_text(encoding="utf-8").split("\n[tool")[0].split("[[packages]]")[1:]


# Fresh


def test_says_in_one_line_that_it_locked_and_then_asks_nobody(desk: Desk, index: PrivateIndex) -> None:
    desk.plan(f"--index-url {index.url}", "alpha")
    assert desk.said == ["locked 2 packages of req.txt in pylock.req.toml for python3.13"]
    before, asked = desk.state(), len(index.requests)
    planned = desk.plan(locked=True)
    assert planned.plan.packages == {"alpha": "2.0", "beta": "1.0"}
    assert (desk.state(), len(index.requests), len(desk.said)) == (before, asked, 1)


@pytest.mark.parametrize(
    "again",
    [
        "--index-url {url}\nbeta\nalpha >= 1.0\n-c limits.txt\n-r more.txt\n",
        "# why\n-c limits.txt\nalpha>=1.0  # because\n\n\nbeta\n-r more.txt\n--index-url {url}/\n",
        "-c limits.txt\r\nalpha>=1.0\r\nbeta\r\n-r more.txt\r\n--index-url {url}\r\n",
        "-c limits.txt\nalpha>=1.0\nbeta\n-r sub/more.txt\n--index-url {url}\n",
        "-c limits.txt\nalpha \\\n  >=1.0\nbeta\ngamma\n--index-url {url}\n",
    ],
    ids=["order", "comments", "line ends", "another place of a nested file", "no nested file"],
)
def test_what_changes_no_meaning_makes_nothing_stale(desk: Desk, index: PrivateIndex, again: str) -> None:
    desk.write("beta<3", name="limits.txt")
    desk.write("gamma", name="more.txt")
    (desk.folder / "sub").mkdir()
    desk.write("gamma", name="sub/more.txt")
    desk.plan(f"--index-url {index.url}", "alpha>=1.0", "beta", "-c limits.txt", "-r more.txt")
    desk.file.write_bytes(again.replace("{url}", index.url).encode())
    desk.plan(locked=True)


def test_locking_again_writes_nothing(desk: Desk, index: PrivateIndex) -> None:
    desk.plan(f"--index-url {index.url}", "alpha")
    before = desk.state()
    assert "nothing changed" in run("lock", "req.txt").output
    assert "nothing changed" in run("lock", "req.txt", "--upgrade").output
    assert desk.state() == before


# Stale


def _requirement(desk: Desk) -> None:
    desk.file.write_text(desk.file.read_text().replace("alpha>=1.0", "alpha<2"))


def _constraint(desk: Desk) -> None:
    desk.write("beta<2", name="limits.txt")


def _nested(desk: Desk) -> None:
    desk.write("gamma>0", name="more.txt")


def _index(desk: Desk) -> None:
    desk.file.write_text(desk.file.read_text().replace("/simple", "/other"))


def _extra_index(desk: Desk) -> None:
    desk.file.write_text(desk.file.read_text() + "--extra-index-url https://extra.example/simple\n")


def _no_index(desk: Desk) -> None:
    desk.file.write_text(desk.file.read_text() + "--no-index\n")


def _find_links(desk: Desk) -> None:
    (desk.folder / "house").mkdir()
    desk.file.write_text(desk.file.read_text() + "--find-links house\n")


def _prereleases(desk: Desk) -> None:
    desk.file.write_text(desk.file.read_text() + "--pre\n")


def _wheel(desk: Desk) -> None:
    make_wheel(desk.folder, "local", "1.0", files={"local.py": b"changed"})


def _own_index(desk: Desk) -> None:
    desk.file.write_text(desk.file.read_text().replace("beta\n", "beta  # index: https://extra.example/simple\n"))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_requirement, ["requirements: added alpha<2", "requirements: removed alpha>=1.0"]),
        (_constraint, ["constraints: added beta<2", "constraints: removed beta<3"]),
        (_nested, ["requirements: added gamma>0", "requirements: removed gamma"]),
        (_index, ["index: http://127.0.0.1:", "/simple became http://127.0.0.1:", "/other"]),
        (_extra_index, ["extra-indexes: added https://extra.example/simple"]),
        (_no_index, ["no-index: none became True"]),
        (_find_links, ["find-links: added house"]),
        (_prereleases, ["prereleases: none became True"]),
        (_wheel, ["requirements: added local==1.0 from local-1.0-py3-none-any.whl sha256:"]),
        (_own_index, ["requirements: added beta from https://extra.example/simple", "requirements: removed beta"]),
    ],
)
def test_what_changes_the_meaning_makes_it_stale_and_is_named(
    desk: Desk, index: PrivateIndex, edit: Callable[[Desk], None], said: list[str]
) -> None:
    desk.write("beta<3", name="limits.txt")
    desk.write("gamma", name="more.txt")
    make_wheel(desk.folder, "local", "1.0")
    desk.plan(
        f"--index-url {index.url}", "alpha>=1.0", "beta", "-c limits.txt", "-r more.txt",
        "./local-1.0-py3-none-any.whl",
    )  # fmt: skip
    before = desk.state()
    edit(desk)
    text = desk.refusal(LockStaleError, locked=True)
    assert text.startswith(f"{desk.lock}: the lock is stale, and locked=True forbids making it\n")
    assert [line for line in said if line not in text] == []
    assert desk.state() == before


def test_a_stale_lock_is_made_again_and_old_pins_stay(desk: Desk, index: PrivateIndex) -> None:
    assert desk.packages(f"--index-url {index.url}", "alpha<2") == {"alpha": "1.0", "beta": "1.0"}
    assert desk.packages(f"--index-url {index.url}", "alpha", "gamma") == {
        "alpha": "1.0",
        "beta": "1.0",
        "gamma": "1.0",
    }
    assert desk.said[1:] == ["locked 3 packages of req.txt in pylock.req.toml for python3.13"]


def test_a_renamed_file_takes_its_lock_along(desk: Desk, index: PrivateIndex) -> None:
    desk.plan(f"--index-url {index.url}", "alpha")
    desk.file.rename(desk.folder / "req.in")
    assert desk.plan(file=desk.folder / "req.in").plan.packages == {"alpha": "2.0", "beta": "1.0"}
    assert desk.document()["tool"]["layer-constructs"]["made-from"]["source"] == "req.in"


# Runtimes


def test_another_runtime_leaves_every_entry_as_it_is(desk: Desk, index: PrivateIndex) -> None:
    desk.plan(f"--index-url {index.url}", "alpha", "gamma")
    before = entries(desk)
    desk.plan(target=Target("python3.9", "arm64"))
    after = entries(desk)
    assert len(after) == 2 * len(before)
    assert [entry for entry in after if entry in before] == before
    assert list(desk.document()["tool"]["layer-constructs"]["runtimes"]) == ["python3.9", "python3.13"]


def test_the_order_in_which_targets_are_asked_for_changes_nothing(desk: Desk, index: PrivateIndex) -> None:
    desk.plan(f"--index-url {index.url}", "alpha", target=PY312)
    desk.plan(target=ARM)
    one = desk.lock.read_bytes()
    desk.lock.unlink()
    desk.plan(target=X86)
    desk.plan(target=PY312)
    assert desk.lock.read_bytes() == one


def test_an_architecture_that_was_left_out_is_reported_and_an_error_when_it_is_asked_for(
    desk: Desk, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, "native", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64")
    with PrivateIndex([wheel]) as index:
        lines = (f"--index-url {index.url}", "native")
        assert "no wheel of native runs on python3.13/arm64" in desk.refusal(WheelUnavailableError, *lines, target=ARM)
        assert not desk.lock.exists()
        desk.plan(*lines)
        assert "pylock.req.toml: python3.13/arm64 is left out: no wheel of native runs on python3.13/arm64" in desk.said
        asked = len(index.requests)
        text = desk.refusal(ResolutionError, target=ARM)
        assert len(index.requests) == asked
        assert text.startswith(f"{desk.lock}: no wheel of native runs on python3.13/arm64\n")
    # By now there is one, and the way out that the error names works.
    arm = make_wheel(tmp_path, "native", "1.0", tag="cp313-cp313-manylinux_2_17_aarch64")
    with PrivateIndex([wheel, arm]) as index:
        desk.write(f"--index-url {index.url}", "native")
        desk.lock.write_text(re.sub(r"127\.0\.0\.1:\d+", index.host, desk.lock.read_text()))
        assert run("lock", "req.txt", "--upgrade-package", "native").exit_code == 0
        assert desk.packages(target=ARM) == {"native": "1.0"}


def test_versions_that_differ_are_reported(desk: Desk, index: PrivateIndex) -> None:
    desk.plan(
        f"--index-url {index.url}",
        "alpha==1.0 ; platform_machine == 'x86_64'",
        "alpha==2.0 ; platform_machine == 'aarch64'",
    )
    assert desk.said[0] == "pylock.req.toml: python3.13 has no common version of alpha: 1.0 on x86_64, 2.0 on arm64"
    assert (desk.packages()["alpha"], desk.packages(target=ARM)["alpha"]) == ("1.0", "2.0")


def test_a_runtime_that_nobody_asks_for_stands_in_nobodys_way(desk: Desk, tmp_path: Path) -> None:
    wheels = [
        make_wheel(tmp_path, "alpha", "1.0"),
        make_wheel(tmp_path, "native", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64"),
    ]
    with PrivateIndex(wheels) as index:
        desk.plan(f"--index-url {index.url}", "alpha", target=PY312)
        desk.plan(f"--index-url {index.url}", "alpha", "native")
        assert "pylock.req.toml: python3.12 is left out: no wheel of native runs on python3.12/x86_64" in desk.said
        assert "no wheel of native runs on python3.12/x86_64" in desk.refusal(WheelUnavailableError, target=PY312)


# By hand


def test_upgrades_everything_or_one_package(desk: Desk, index: PrivateIndex, wheels: list[Path]) -> None:
    desk.plan(f"--index-url {index.url}", "alpha<2", "gamma")
    desk.plan(f"--index-url {index.url}", "alpha", "gamma")
    folder = wheels[0].parent
    with PrivateIndex([*wheels, make_wheel(folder, "gamma", "2.0"), make_wheel(folder, "beta", "2.0")]) as newer:
        desk.write(f"--index-url {newer.url}", "alpha", "gamma")
        desk.lock.write_text(desk.lock.read_text().replace(index.host, newer.host))
        assert desk.packages() == {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"}
        assert run("lock", "req.txt", "--upgrade-package", "Gamma").exit_code == 0
        assert desk.packages() == {"alpha": "1.0", "beta": "1.0", "gamma": "2.0"}
        assert run("lock", "req.txt", "--upgrade").exit_code == 0
        assert desk.packages() == {"alpha": "2.0", "beta": "2.0", "gamma": "2.0"}
        wrong = run("lock", "req.txt", "--upgrade-package", "gama")
    assert wrong.exit_code == 1
    assert "gama can't be upgraded: it is not locked\n  locked: alpha, beta, gamma" in wrong.output


def test_an_upgrade_of_one_runtime_leaves_the_others(desk: Desk, index: PrivateIndex) -> None:
    desk.plan(f"--index-url {index.url}", "alpha<2")
    desk.plan(f"--index-url {index.url}", "alpha", target=PY312)
    assert run("lock", "req.txt", "--runtime", "python3.12", "--upgrade").exit_code == 0
    assert (desk.packages()["alpha"], desk.packages(target=PY312)["alpha"]) == ("1.0", "2.0")


@pytest.mark.network
def test_a_date_stays_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk(tmp_path)
    monkeypatch.chdir(desk.folder)
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(tmp_path / "layers"))
    for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    desk.write("idna")
    assert run("lock", "req.txt", "--exclude-newer", "2024-01-01").exit_code == 0
    assert desk.packages() == {"idna": "3.6"}
    assert desk.document()["tool"]["layer-constructs"]["exclude-newer"] == "2024-01-01T00:00:00Z"
    assert desk.packages("idna", "certifi") == {"idna": "3.6", "certifi": "2023.11.17"}
    assert run("lock", "req.txt", "--upgrade").exit_code == 0
    assert desk.packages() == {"idna": "3.6", "certifi": "2023.11.17"}
    text = desk.refusal(ResolutionError, "idna>=3.7")
    assert "only what was uploaded before 2024-01-01T00:00:00Z counts" in text
    desk.write("idna")
    assert run("lock", "req.txt", "--exclude-newer", "2024-05-01", "--upgrade").exit_code == 0
    assert desk.packages() == {"idna": "3.7"}


def test_a_date_that_is_none_is_refused(desk: Desk) -> None:
    desk.write("idna")
    result = run("lock", "req.txt", "--exclude-newer", "7 days")
    assert result.exit_code != 0
    assert "7 days" in result.output
    assert not desk.lock.exists()


# Where it is forbidden


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"CI": "true"}, "this is a CI system (CI is set)"),
        ({"CI": "true", "GITHUB_ACTIONS": "true"}, "this is a CI system (GitHub Actions)"),
        ({"CODEBUILD_BUILD_ARN": "arn:aws:codebuild:x"}, "this is a CI system (AWS CodeBuild)"),
        ({"JENKINS_URL": "https://ci.example", "BUILD_ID": "7"}, "this is a CI system (Jenkins)"),
        ({"TF_BUILD": "True"}, "this is a CI system (Azure Pipelines)"),
    ],
)
def test_a_ci_system_must_not_lock(desk: Desk, index: PrivateIndex, environ: dict[str, str], said: str) -> None:
    desk.environ.update(environ)
    text = desk.refusal(LockMissingError, f"--index-url {index.url}", "alpha")
    assert text.startswith(f"{desk.lock}: the lock is missing, and {said}\n")
    assert not desk.lock.exists()
    assert index.requests == []
    desk.plan(locked=False)
    desk.plan()
    assert "does not lock python3.12" in desk.refusal(LockMissingError, target=PY312)


def the_command(text: str) -> list[str]:
    found = re.search(r"fix: run `(.*)` and commit (\S.*)$", text)
    assert found, text
    program, *words = shlex.split(found[1])
    assert program == "layer-constructs"
    return words


@pytest.mark.parametrize(
    ("name", "elsewhere", "target"),
    [
        ("req.txt", False, X86),
        ("our deps.txt", False, PY312),
        ("sub/req.txt", True, X86),
        ("/abs/req.txt", True, PY312),
    ],
)
def test_the_command_that_the_error_names_works(
    desk: Desk, index: PrivateIndex, name: str, elsewhere: bool, target: Target
) -> None:
    (desk.folder / "sub").mkdir()
    (desk.folder / "locks").mkdir()
    file = Path(str(desk.folder / "req.txt") if name.startswith("/") else name)
    lock = Path("locks/pylock.toml") if elsewhere else None
    file.write_text(f"--index-url {index.url}\nalpha<2\n")
    desk.environ["CI"] = "1"

    def refused(leaf: type[LayerError]) -> list[str]:
        with pytest.raises(leaf) as caught:
            desk.plan(file=file, lock=lock, target=target)
        return the_command(str(caught.value))

    assert run(*refused(LockMissingError)).exit_code == 0
    assert desk.plan(file=file, lock=lock, target=target).plan.packages["alpha"] == "1.0"
    file.write_text(f"--index-url {index.url}\nalpha>1\n")
    assert run(*refused(LockStaleError)).exit_code == 0
    assert desk.plan(file=file, lock=lock, target=target).plan.packages["alpha"] == "2.0"


def test_the_command_in_the_lock_works_in_the_folder_of_the_lock(
    desk: Desk, index: PrivateIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.folder / "locks").mkdir()
    lock = desk.folder / "locks" / "pylock.toml"
    desk.plan(f"--index-url {index.url}", "alpha<2", lock=lock)
    desk.write(f"--index-url {index.url}", "alpha>1")
    program, *words = shlex.split(lock.read_text().splitlines()[1].removeprefix("# To change it: "))
    assert program == "layer-constructs"
    monkeypatch.chdir(lock.parent)
    assert run(*words).exit_code == 0
    assert desk.plan(lock=lock, locked=True).plan.packages["alpha"] == "2.0"


def test_the_command_names_extras_and_groups(desk: Desk, index: PrivateIndex) -> None:
    file = desk.write(
        "[project]", 'name = "x"', 'version = "1"', 'dependencies = ["alpha"]',
        "[project.optional-dependencies]", 'more = ["gamma"]',
        "[dependency-groups]", 'dev = ["beta"]',
        "[[tool.uv.index]]", f'url = "{index.url}"', "default = true",
        name="pyproject.toml",
    )  # fmt: skip
    with pytest.raises(LockMissingError) as caught:
        desk.plan(file=file, extras=["more"], groups=["dev"], locked=True)
    assert run(*the_command(str(caught.value))).exit_code == 0
    planned = desk.plan(file=file, extras=["more"], groups=["dev"], locked=True)
    assert planned.plan.packages == {"alpha": "2.0", "beta": "1.0", "gamma": "1.0"}
    assert (desk.folder / "pylock.pyproject-more-group-dev.toml").exists()


def test_a_local_project_is_built_at_the_users_word_only(desk: Desk) -> None:
    (desk.folder / "lib").mkdir()
    desk.write("[project]", 'name = "lib"', 'version = "1"', name="lib/pyproject.toml")
    text = desk.refusal(UnsupportedRequirementError, "./lib")
    assert text.startswith(f"{desk.file}:1: lib is a local project, and building it runs its code")
    assert "build_local_projects=True (--build-local-projects on the command line)" in text


# The lock's name and place


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("requirements.txt", "pylock.requirements.toml"),
        ("req.prod.txt", "pylock.req-prod.toml"),
        ("requirements", "pylock.requirements.toml"),
        (".requirements", "pylock.-requirements.toml"),
    ],
)
def test_the_name_of_a_lock_has_no_dots(desk: Desk, index: PrivateIndex, name: str, lock: str) -> None:
    desk.plan(file=desk.write(f"--index-url {index.url}", "alpha", name=name))
    assert [path.name for path in desk.folder.glob("pylock*")] == [lock]


def test_two_files_with_one_lock_are_refused(desk: Desk, index: PrivateIndex) -> None:
    desk.plan(f"--index-url {index.url}", "alpha")
    before = desk.state()
    other = desk.write(f"--index-url {index.url}", "gamma", name="req.in")
    text = desk.refusal(LockError, file=other)
    assert text == (
        f"{desk.lock}: this is the lock of req.txt, not of req.in\n"
        "  fix: name another place for one of the two with lock= (--lock on the command line)"
    )
    assert text in run("lock", str(other)).output
    assert text in run("lock", str(other), "--check").output
    assert desk.state() == before
    desk.plan(file=other, lock=desk.folder / "pylock.other.toml")
    desk.plan(locked=True)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder that nobody can write to")
def test_a_place_that_can_not_be_written_to_is_a_clear_error(desk: Desk, index: PrivateIndex) -> None:
    with pytest.raises(LockError, match=r"/proc/pylock\.req\.toml: the lock can't be written: .*\n(?s:.*)with lock="):
        desk.plan(f"--index-url {index.url}", "alpha", lock=Path("/proc/pylock.req.toml"))


# Origins


def test_a_name_on_two_indexes_is_refused_unless_the_file_says_which(
    desk: Desk, index: PrivateIndex, wheels: list[Path]
) -> None:
    with PrivateIndex([*wheels[2:3], make_wheel(wheels[0].parent, "gamma", "9.0")]) as public:
        top = [f"--index-url {public.url}", f"--extra-index-url {index.url}"]
        text = desk.refusal(AmbiguousIndexError, *top, "alpha", "gamma")
        assert f"{desk.file}: " not in text  # beta, which alpha needs, stands on no line
        text = desk.refusal(AmbiguousIndexError, *top, "gamma")
        assert text.startswith(f"{desk.file}:3: gamma is offered by 2 indexes")
        assert index.url in text
        assert public.url in text
        assert not desk.lock.exists()
        assert desk.packages(*top, f"gamma  # index: {index.url}") == {"gamma": "1.0"}
        assert desk.document()["packages"][0]["index"] == index.url
        assert desk.packages(*top, f"gamma  # index: {public.url}") == {"gamma": "9.0"}
        assert desk.document()["packages"][0]["index"] == public.url


def test_a_name_in_a_folder_and_on_an_index_is_refused(desk: Desk, index: PrivateIndex) -> None:
    make_wheel(desk.folder / "house", "gamma", "0.5")
    make_wheel(desk.folder / "house", "local", "1.0")
    top = [f"--index-url {index.url}", "--find-links ./house"]
    text = desk.refusal(AmbiguousIndexError, *top, "gamma")
    assert text.startswith(f"{desk.file}:3: gamma is offered by 2 indexes")
    assert (desk.folder / "house").as_uri() in text
    assert desk.packages(*top, "local", "alpha") == {"alpha": "2.0", "beta": "1.0", "local": "1.0"}
    locked = {package["name"]: package for package in desk.document()["packages"]}
    assert locked["local"]["wheels"][0]["path"] == "house/local-1.0-py3-none-any.whl"
    assert "index" not in locked["local"]
    assert locked["alpha"]["index"] == index.url
    assert desk.packages(*top, f"gamma  # index: {index.url}") == {"gamma": "1.0"}


def test_a_changed_origin_is_an_error_unless_the_line_names_it(
    desk: Desk, index: PrivateIndex, wheels: list[Path]
) -> None:
    desk.plan(f"--index-url {index.url}", "gamma")
    before = desk.state()
    with PrivateIndex([make_wheel(wheels[0].parent, "gamma", "9.0")]) as other:
        text = desk.refusal(OriginChangedError, f"--index-url {other.url}", "gamma")
        assert text.startswith(f"{desk.lock}: gamma was locked from {index.url} and would now come from {other.url}\n")
        assert run("lock", "req.txt", "--upgrade").exit_code == 1
        assert desk.state() == before
        assert desk.packages(f"--index-url {other.url}", f"gamma  # index: {other.url}") == {"gamma": "9.0"}


def test_a_wheel_of_a_folder_does_not_come_from_an_index_all_at_once(desk: Desk, index: PrivateIndex) -> None:
    make_wheel(desk.folder / "house", "gamma", "0.5")
    desk.plan("--no-index", "--find-links ./house", "gamma")
    text = desk.refusal(OriginChangedError, f"--index-url {index.url}", "gamma")
    assert f"gamma was locked from {desk.folder / 'house'} and would now come from {index.url}" in text
    (desk.folder / "house").rename(desk.folder / "moved")
    assert desk.packages("--no-index", "--find-links ./moved", "gamma") == {"gamma": "0.5"}


# Surroundings


def test_hostile_surroundings_change_nothing(
    desk: Desk, index: PrivateIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.plan(f"--index-url {index.url}", "alpha")
    pristine = desk.lock.read_bytes()
    desk.lock.unlink()

    limits = desk.write("alpha<2", name="limits.txt")
    uv_toml = 'index-url = "http://127.0.0.1:9/simple"\nresolution = "lowest"\nexclude-newer = "2019-01-01"\n'
    project = '[project]\nname = "x"\nversion = "0"\n[tool.uv]\nconstraint-dependencies = ["alpha<2"]\n'
    config = tmp_path / "config"
    for folder in (desk.folder, tmp_path, config / "uv", tmp_path / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "uv.toml").write_text(uv_toml)
        (folder / "pyproject.toml").write_text(project)
    (config / "pip").mkdir()
    (config / "pip" / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9/simple\nno-binary = :all:\n")
    for name, value in {
        "UV_CONSTRAINT": str(limits), "UV_OVERRIDE": str(limits), "UV_EXCLUDE": str(limits),
        "UV_EXCLUDE_NEWER": "2019-01-01", "UV_RESOLUTION": "lowest", "UV_PRERELEASE": "allow",
        "UV_NO_BINARY": "1", "UV_NO_BUILD": "0", "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_CONFIG_FILE": str(config / "uv" / "uv.toml"), "UV_FIND_LINKS": "/nowhere", "UV_NO_DEPS": "1",
        "UV_PYTHON": "3.8", "UV_FORK_STRATEGY": "fewest", "UV_WORKING_DIRECTORY": "/", "UV_PROJECT": "/",
        "PIP_CONSTRAINT": str(limits), "PIP_NO_BINARY": ":all:", "PIP_FIND_LINKS": "/nowhere", "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": str(config / "pip" / "pip.conf"), "XDG_CONFIG_HOME": str(config),
        "PYTHONPATH": "/nowhere", "VIRTUAL_ENV": "/nowhere", "TMPDIR": str(tmp_path / "tmp"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
        desk.environ[name] = value
    desk.plan()
    assert desk.lock.read_bytes() == pristine


# Several processes

PLAN = """
    import os, sys
    from pathlib import Path
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.dependencies import Dependencies
    from layer_constructs.building.planning import make_plan
    from layer_constructs.building.target import Target
    planned = make_plan(
        Dependencies(requirements=Path("req.txt")), Target(), cache=Cache.default(), environ={}, report=print
    )
    print(sorted(planned.plan.packages.items()))
"""


def start(desk: Desk, code: str = PLAN) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=desk.folder,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_processes_lock_one_file_and_one_writes(desk: Desk, index: PrivateIndex) -> None:
    desk.write(f"--index-url {index.url}", "alpha")
    processes = [start(desk) for _ in range(4)]
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, answers
    lines = [line for out, _ in answers for line in out.splitlines()]
    assert lines.count("[('alpha', '2.0'), ('beta', '1.0')]") == 4
    assert [line for line in lines if line.startswith("locked")] == [
        "locked 2 packages of req.txt in pylock.req.toml for python3.13"
    ]


def test_a_process_killed_while_it_asks_leaves_nothing_and_blocks_nobody(desk: Desk, wheels: list[Path]) -> None:
    with PrivateIndex(silent=True) as silent:
        desk.write(f"--index-url {silent.url}", "alpha")
        process = start(desk)
        deadline = time.monotonic() + 30
        while not silent.requests and time.monotonic() < deadline:
            time.sleep(0.02)
        assert silent.requests
        process.kill()
        process.communicate()
    assert [path.name for path in desk.folder.iterdir()] == ["req.txt"]
    with PrivateIndex(wheels) as index:
        assert desk.packages(f"--index-url {index.url}", "alpha") == {"alpha": "2.0", "beta": "1.0"}


def test_a_process_killed_while_it_writes_leaves_the_lock_that_was_there(desk: Desk, index: PrivateIndex) -> None:
    desk.plan(f"--index-url {index.url}", "alpha<2")
    before = desk.lock.read_bytes()
    desk.write(f"--index-url {index.url}", "alpha>1")
    killer = """
        import os, signal, pathlib
        pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    """
    process = start(desk, textwrap.dedent(killer) + textwrap.dedent(PLAN))
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert desk.lock.read_bytes() == before
    assert desk.packages() == {"alpha": "2.0", "beta": "1.0"}
