"""From a file of any kind and a target to a plan."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from layer_constructs.building import uv
from layer_constructs.building.dependencies import Dependencies, is_pylock, own_lock
from layer_constructs.building.planning import make_plan
from layer_constructs.building.process import Completed
from layer_constructs.building.target import Target
from layer_constructs.errors import ArgumentError, LockInvalidError, RequirementsError, WheelUnavailableError
from tests.support.desk import ARM, X86, Desk, make_desk
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return make_desk(tmp_path)


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "wheels"
    return [
        make_wheel(folder, "alpha", "1.0", requires=["beta"]),
        make_wheel(folder, "beta", "1.0"),
        make_wheel(folder, "native", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64"),
        make_wheel(folder, "native", "1.0", tag="cp313-cp313-manylinux_2_17_aarch64"),
    ]


@pytest.fixture
def index(wheels: list[Path]) -> Iterator[PrivateIndex]:
    with PrivateIndex(wheels) as index:
        yield index


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def no_process(*argv: object, **_: object) -> Completed:
    raise AssertionError(f"a process was started: {argv}")


# What is locked


def test_a_fresh_lock_needs_no_process_and_no_network(desk: Desk, wheels: list[Path]) -> None:
    with PrivateIndex(wheels) as index:
        first = desk.plan(f"--index-url {index.url}", "alpha", "native")
    again = make_plan(
        Dependencies(requirements=desk.file), X86, cache=desk.cache, environ={}, report=desk.said.append, run=no_process
    )
    assert again.plan == first.plan
    assert again.plan.digest == first.plan.digest


def test_what_is_pure_python_is_one_layer_for_both_architectures(desk: Desk, index: PrivateIndex) -> None:
    x86, arm = desk.plan(f"--index-url {index.url}", "alpha").plan, desk.plan(target=ARM).plan
    assert x86.architectures == arm.architectures == ("x86_64", "arm64")
    assert x86.digest == arm.digest


def test_what_is_compiled_is_a_layer_for_each_architecture(desk: Desk, index: PrivateIndex) -> None:
    x86, arm = desk.plan(f"--index-url {index.url}", "alpha", "native").plan, desk.plan(target=ARM).plan
    assert (x86.architectures, arm.architectures) == (("x86_64",), ("arm64",))
    assert x86.digest != arm.digest
    assert x86.packages == arm.packages


def test_pure_python_that_differs_by_a_marker_is_a_layer_for_each(desk: Desk, index: PrivateIndex) -> None:
    lines = (f"--index-url {index.url}", "beta", "alpha ; platform_machine == 'aarch64'")
    x86, arm = desk.plan(*lines).plan, desk.plan(target=ARM).plan
    assert (x86.architectures, arm.architectures) == (("x86_64",), ("arm64",))
    assert (list(x86.packages), list(arm.packages)) == (["beta"], ["alpha", "beta"])


def test_pure_python_beside_an_architecture_that_was_left_out_is_for_one(desk: Desk, index: PrivateIndex) -> None:
    lines = (f"--index-url {index.url}", "beta", "nowhere ; platform_machine == 'aarch64'")
    assert desk.plan(*lines).plan.architectures == ("x86_64",)


def test_the_same_content_has_one_digest_wherever_it_comes_from(
    desk: Desk, index: PrivateIndex, wheels: list[Path]
) -> None:
    one = desk.plan(f"--index-url {index.url}", "beta").plan
    with PrivateIndex(wheels) as mirror:
        file = desk.write(f"--index-url {mirror.url}", "beta", name="other.txt")
        assert desk.plan(file=file).plan.digest == one.digest
    file = desk.write(str(wheels[1]), name="local.txt")
    assert desk.plan(file=file, target=Target("python3.9", "arm64")).plan.digest == one.digest


# What is its own lock


def test_a_pinned_and_hashed_file_is_its_own_lock(desk: Desk, index: PrivateIndex, wheels: list[Path]) -> None:
    lines = [f"--index-url {index.url}"]
    lines += [
        f"{name}==1.0 --hash=sha256:{sha256(wheel)}" for name, wheel in zip(("alpha", "beta"), wheels, strict=False)
    ]
    planned = desk.plan(*lines, "gone==1.0 ; python_version < '3' --hash=sha256:" + "0" * 64, locked=True)
    assert planned.plan.packages == {"alpha": "1.0", "beta": "1.0"}
    assert index.requests == []
    layer = desk.build(planned)
    assert set(layer.facts.packages) == {"alpha", "beta"}
    assert [path.name for path in desk.folder.iterdir()] == ["req.txt"]


def test_a_pinned_file_with_nothing_for_the_target_is_refused(desk: Desk) -> None:
    line = f"gone==1.0 ; python_version < '3' --hash=sha256:{'0' * 64}"
    assert "nothing in it is for python3.13/x86_64" in desk.refusal(RequirementsError, line)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pylock.toml", True),
        ("pylock.prod.toml", True),
        ("uv.lock", True),
        ("Pipfile.lock", True),
        ("poetry.lock", True),
        ("pyproject.toml", False),
        ("requirements.txt", False),
        ("pylock.txt", False),
    ],
)
def test_knows_a_lock_by_its_name(name: str, expected: bool) -> None:
    assert own_lock(Path("app", name)) is expected
    assert is_pylock(Path("app", name)) is (expected and name.startswith("pylock"))


def pylock(index: PrivateIndex, wheels: list[Path]) -> list[str]:
    lines = ['lock-version = "1.0"', 'created-by = "by hand"', 'extras = ["more"]', 'dependency-groups = ["dev"]']
    markers = ["", "'more' in extras", "'dev' in dependency_groups"]
    for name, marker, files in zip(
        ("alpha", "beta", "native"), markers, (wheels[:1], wheels[1:2], wheels[2:]), strict=True
    ):
        lines += ["[[packages]]", f'name = "{name}"', 'version = "1.0"'] + ([f'marker = "{marker}"'] if marker else [])
        entries = [
            f'{{url = "http://{index.host}/files/{w.name}", hashes = {{sha256 = "{sha256(w)}"}}}}' for w in files
        ]
        lines.append(f"wheels = [{', '.join(entries)}]")
    return lines


def test_a_pylock_is_taken_as_it_is_with_its_extras_and_groups(
    desk: Desk, index: PrivateIndex, wheels: list[Path]
) -> None:
    file = desk.write(*pylock(index, wheels), name="pylock.toml")
    assert desk.plan(file=file, locked=True).plan.packages == {"alpha": "1.0"}
    assert list(desk.plan(file=file, extras=["more"]).plan.packages) == ["alpha", "beta"]
    everything = desk.plan(file=file, extras=["more"], groups=["dev"], target=ARM)
    assert [wheel.filename for wheel in everything.plan.wheels][-1] == wheels[3].name
    assert set(desk.build(everything).facts.packages) == {"alpha", "beta", "native"}
    with pytest.raises(ArgumentError, match="there is no extra nosuch"):
        desk.plan(file=file, extras=["nosuch"])
    with pytest.raises(WheelUnavailableError, match=r"wheels for: python3\.13/x86_64, python3\.13/arm64"):
        desk.plan(file=file, groups=["dev"], target=Target("python3.12"))
    assert [path.name for path in desk.folder.iterdir()] == ["pylock.toml"]


def test_a_pylock_that_is_none_is_refused(desk: Desk) -> None:
    broken = desk.write("[[packages]", name="pylock.toml")
    assert desk.refusal(LockInvalidError, file=broken).startswith(f"{broken}: not valid TOML")
    other = desk.write("x = 1", name="pylock.x.toml")
    assert desk.refusal(LockInvalidError, file=other).startswith(f"{other}: not a valid PEP 751 lock")
    empty = desk.write('lock-version = "1.0"', 'created-by = "x"', "packages = []", name="pylock.empty.toml")
    assert desk.refusal(RequirementsError, file=empty) == f"{empty}: nothing in it is for python3.13/x86_64"


def test_a_lock_of_ours_can_be_passed_as_it_is(desk: Desk, index: PrivateIndex) -> None:
    own = desk.plan(f"--index-url {index.url}", "alpha", "native").plan
    assert desk.plan(file=desk.lock).plan == own


# Elsewhere


@pytest.mark.real
def test_a_lock_of_ours_installs_with_uv(
    desk: Desk, index: PrivateIndex, pythons: Mapping[str, Path], tmp_path: Path
) -> None:
    version = next((each for each in ("3.13", "3.12", "3.11") if each in pythons), None)
    if version is None:
        pytest.skip("no interpreter of a Lambda runtime here")
    desk.plan(f"--index-url {index.url}", "alpha", target=Target(f"python{version}"))
    environment = tmp_path / "venv"
    for words in (
        ["venv", str(environment), "--python", str(pythons[version])],
        ["pip", "install", "--python", str(environment), "--preview-features", "pylock", "-r", str(desk.lock)],
    ):
        done = subprocess.run(
            [uv.binary(), "--no-config", *words], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
    python = shutil.which("python", path=str(environment / "bin"))
    assert python is not None
    imported = subprocess.run(
        [python, "-c", "import alpha, beta; print(alpha.__version__)"], capture_output=True, text=True, check=True
    )
    assert imported.stdout == "1.0\n"
