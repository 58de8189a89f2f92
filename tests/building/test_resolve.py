"""Real resolutions: one version for both architectures, and never one that can't load."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from layer_constructs.building.indexes.index import read_indexes
from layer_constructs.building.locking.pins import Pins, Upgrade
from layer_constructs.building.locking.question import Question
from layer_constructs.building.locking.resolve import resolve
from layer_constructs.building.locking.resolve_target import resolve_pins, resolve_target
from layer_constructs.building.plan import Pin
from layer_constructs.building.reading.requirements import parse_requirements
from layer_constructs.building.target import ARCHITECTURES, Target
from layer_constructs.errors import IndexUnavailableError, RequirementsError, ResolutionError, WheelUnavailableError
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

# Versions are compared below, so what PyPI gets later must not count.
DATE = "2026-11-01T00:00:00Z"
X86, ARM = "manylinux_2_17_x86_64", "manylinux_2_17_aarch64"


@pytest.fixture
def own_uv_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports are used again, and uv remembers what an index said at its URL."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))


def ask(*lines: str, exclude_newer: str | None = None) -> Question:
    file = parse_requirements("\n".join(lines), Path("req.txt"))
    return Question(
        requirements=file.requirements,
        constraints=file.constraints,
        indexes=read_indexes(file, {}),
        prereleases=file.prereleases,
        exclude_newer=exclude_newer,
    )


def versions(pins: Pins) -> dict[str, dict[str, str]]:
    return {a: {wheel.name: wheel.version for wheel in wheels} for a, wheels in pins.wheels.items()}


def native(folder: Path, name: str, version: str, *platforms: str, requires: tuple[str, ...] = ()) -> list[Path]:
    return [make_wheel(folder, name, version, tag=f"cp313-cp313-{each}", requires=requires) for each in platforms]


@pytest.mark.network
def test_what_is_chosen_for_amazon_linux_2_loads_there_and_is_the_same_on_both_architectures() -> None:
    pins = resolve(ask("numpy", "pandas", exclude_newer=DATE), "python3.11")
    x86, arm = (versions(pins)[a] for a in ARCHITECTURES)
    assert x86 == arm
    assert (x86["numpy"], x86["pandas"]) == ("2.2.6", "2.3.2")
    for architecture, wheels in pins.wheels.items():
        tags = set(Target("python3.11", architecture).tags())
        assert [wheel.filename for wheel in wheels if not parse_wheel_filename(wheel.filename)[-1] & tags] == []
    assert not pins.unavailable
    assert not pins.differences()


@pytest.mark.network
def test_amazon_linux_2023_gets_the_newest() -> None:
    pins = resolve(ask("numpy", "pandas", exclude_newer=DATE), "python3.13")
    x86, arm = (versions(pins)[a] for a in ARCHITECTURES)
    assert x86 == arm
    assert Version(x86["numpy"]) > Version("2.3")
    assert Version(x86["pandas"]) >= Version("3")


@pytest.mark.network
def test_the_newest_version_that_both_have_is_taken() -> None:
    question = ask("psycopg2-binary", exclude_newer=DATE)
    alone = resolve_target(question, Target("python3.11", "x86_64"))
    pins = resolve(question, "python3.11")
    assert [wheel.version for wheel in alone] == ["2.9.13"]
    assert versions(pins) == {a: {"psycopg2-binary": "2.9.11"} for a in ARCHITECTURES}


@pytest.mark.usefixtures("own_uv_cache")
def test_what_can_not_meet_differs_and_keeps_nothing_else_apart(tmp_path: Path) -> None:
    wheels = [
        *native(tmp_path, "alpha", "1.0", X86, ARM),
        *native(tmp_path, "alpha", "2.0", X86),
        *native(tmp_path, "beta", "1.0", X86),
        *native(tmp_path, "beta", "2.0", ARM),
        *native(tmp_path, "gamma", "1.0", X86, ARM),
        *native(tmp_path, "gamma", "2.0", ARM),
    ]
    with PrivateIndex(wheels) as index:
        pins = resolve(ask(f"--index-url {index.url}", "alpha", "beta", "gamma"), "python3.13")
    assert versions(pins) == {
        "x86_64": {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"},
        "arm64": {"alpha": "1.0", "beta": "2.0", "gamma": "1.0"},
    }
    assert pins.differences() == ["beta: 1.0 on x86_64, 2.0 on arm64"]


@pytest.mark.usefixtures("own_uv_cache")
def test_versions_that_the_file_itself_tells_apart_are_kept(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, "alpha", version) for version in ("1.0", "2.0")]
    with PrivateIndex(wheels) as index:
        pins = resolve(
            ask(
                f"--index-url {index.url}",
                "alpha==1.0 ; platform_machine == 'x86_64'",
                "alpha==2.0 ; platform_machine == 'aarch64'",
            ),
            "python3.13",
        )
    assert pins.differences() == ["alpha: 1.0 on x86_64, 2.0 on arm64"]


@pytest.mark.usefixtures("own_uv_cache")
def test_an_architecture_without_a_wheel_is_left_out_unless_it_is_needed(tmp_path: Path) -> None:
    with PrivateIndex(native(tmp_path, "alpha", "1.0", X86)) as index:
        question = ask(f"--index-url {index.url}", "alpha")
        pins = resolve(question, "python3.13", needed=["x86_64"])
        assert list(pins.wheels) == ["x86_64"]
        assert pins.unavailable == {"arm64": "no wheel of alpha runs on python3.13/arm64"}
        with pytest.raises(WheelUnavailableError, match=r"wheels for: python3\.13/x86_64\n"):
            resolve(question, "python3.13", needed=["arm64"])
        with pytest.raises(ResolutionError, match=r"no wheel of alpha runs on python3\.12/x86_64"):
            resolve(question, "python3.12")


@pytest.mark.usefixtures("own_uv_cache")
def test_an_index_that_fails_is_never_taken_for_an_architecture_without_a_wheel() -> None:
    with PrivateIndex(status=404) as index:
        pass
    with pytest.raises(IndexUnavailableError):
        resolve(ask(f"--index-url {index.url}", "alpha"), "python3.13", needed=["x86_64"])


@pytest.mark.usefixtures("own_uv_cache")
def test_stays_with_the_pins_before_unless_they_are_let_go(tmp_path: Path) -> None:
    old = [make_wheel(tmp_path, name, "1.0") for name in ("alpha", "beta")]
    new = [make_wheel(tmp_path, name, "2.0") for name in ("alpha", "beta", "gamma")]
    with PrivateIndex([*old, *new]) as index:
        before = resolve(ask(f"--index-url {index.url}", "alpha<2", "beta<2"), "python3.13")
        question = ask(f"--index-url {index.url}", "alpha", "beta", "gamma")

        def chosen(upgrade: Upgrade | None) -> dict[str, str]:
            return versions(resolve(question, "python3.13", before=before, upgrade=upgrade))["arm64"]

        assert chosen(None) == {"alpha": "1.0", "beta": "1.0", "gamma": "2.0"}
        assert chosen(Upgrade(packages=("beta",))) == {"alpha": "1.0", "beta": "2.0", "gamma": "2.0"}
        assert chosen(Upgrade(everything=True)) == {"alpha": "2.0", "beta": "2.0", "gamma": "2.0"}


@pytest.mark.usefixtures("own_uv_cache")
def test_a_pin_before_gives_way_to_a_requirement(tmp_path: Path) -> None:
    with PrivateIndex([make_wheel(tmp_path, "alpha", version) for version in ("1.0", "2.0")]) as index:
        before = resolve(ask(f"--index-url {index.url}", "alpha<2"), "python3.13")
        after = resolve(ask(f"--index-url {index.url}", "alpha>1"), "python3.13", before=before)
    assert versions(after)["x86_64"] == {"alpha": "2.0"}


@pytest.mark.usefixtures("own_uv_cache")
def test_prereleases_only_on_demand(tmp_path: Path) -> None:
    with PrivateIndex([make_wheel(tmp_path, "alpha", version) for version in ("1.0", "2.0rc1")]) as index:
        target = Target("python3.13")
        assert resolve_target(ask(f"--index-url {index.url}", "alpha"), target)[0].version == "1.0"
        assert resolve_target(ask(f"--index-url {index.url}", "--pre", "alpha"), target)[0].version == "2.0rc1"


@pytest.mark.usefixtures("own_uv_cache")
def test_a_workspace_above_the_temporary_folder_is_not_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    above = tmp_path / "monorepo"
    (above / "tmp").mkdir(parents=True)
    for folder in (above, above / "tmp"):
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "root"\nversion = "0"\n[tool.uv.workspace]\nmembers = ["*", "tmp/*"]\n'
            '[tool.uv.sources]\nalpha = { path = "/nowhere" }\n[tool.uv]\nconstraint-dependencies = ["alpha<0"]\n'
        )
    monkeypatch.setattr(tempfile, "tempdir", str(above / "tmp"))
    with PrivateIndex([make_wheel(tmp_path, "alpha", "1.0")]) as index:
        pins = resolve(ask(f"--index-url {index.url}", "alpha"), "python3.13")
    assert versions(pins)["x86_64"] == {"alpha": "1.0"}


# A user's own pins


@pytest.mark.usefixtures("own_uv_cache")
def test_of_the_hashed_files_the_one_that_fits_best_is_taken(tmp_path: Path) -> None:
    wheels = [*native(tmp_path, "alpha", "1.0", X86, ARM), make_wheel(tmp_path, "alpha", "1.0")]
    hashes = {wheel.name: hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}

    def taken(*allowed: str, target: Target) -> str:
        with PrivateIndex(wheels) as index:
            line = "alpha==1.0 " + " ".join(f"--hash=sha256:{hashes[name]}" for name in allowed)
            file = parse_requirements(f"--index-url {index.url}\n{line}", Path("req.txt"))
            pins = [Pin(name="alpha", version="1.0", hashes=file.requirements[0].hashes)]
            found = resolve_pins(pins, target, requirements=file.requirements, indexes=read_indexes(file, {}))
        return found[0].filename

    x86, arm, anywhere = (wheel.name for wheel in wheels)
    assert taken(x86, arm, anywhere, target=Target("python3.13", "x86_64")) == x86
    assert taken(x86, arm, anywhere, target=Target("python3.13", "arm64")) == arm
    assert taken(x86, anywhere, target=Target("python3.13", "arm64")) == anywhere


@pytest.mark.usefixtures("own_uv_cache")
def test_every_package_that_is_missing_from_the_pins_is_named(tmp_path: Path) -> None:
    wheels = [
        make_wheel(tmp_path, "alpha", "1.0", requires=["beta", "gamma ; python_version < '3.12'", "delta"]),
        *(make_wheel(tmp_path, name, "1.0") for name in ("beta", "gamma", "delta")),
    ]
    digest = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    with PrivateIndex(wheels) as index:
        file = parse_requirements(f"--index-url {index.url}\nalpha==1.0 --hash=sha256:{digest}", Path("req.txt"))
        pins = [Pin(name="alpha", version="1.0", hashes=file.requirements[0].hashes)]
        with pytest.raises(RequirementsError, match="what that needs is not: beta, delta\n"):
            resolve_pins(pins, Target("python3.13"), requirements=file.requirements, indexes=read_indexes(file, {}))
