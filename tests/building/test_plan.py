from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layer_constructs.building.locking import fit, selection
from layer_constructs.building.plan import BuildPlan, Pin, digest_of
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LocalProject, LockedWheel, filename_of, leaves_its_folder


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


SIX = LockedWheel(
    name="six",
    version="1.17.0",
    filename="six-1.17.0-py2.py3-none-any.whl",
    sha256=sha256("six"),
    url="https://files.example/six-1.17.0-py2.py3-none-any.whl",
    index="https://pypi.org/simple",
)
NUMPY = LockedWheel(
    name="numpy",
    version="2.2.6",
    filename="numpy-2.2.6-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    sha256=sha256("numpy"),
    url="https://files.example/numpy.whl",
)
PINS = (
    Pin(name="six", version="1.17.0", hashes=(f"sha256:{sha256('six')}", f"sha256:{sha256('sdist')}")),
    Pin(name="idna", version="3.10", hashes=(f"sha256:{sha256('idna')}",)),
)


def plan(*wheels: LockedWheel, target: Target | None = None) -> BuildPlan:
    return BuildPlan(target=target or Target(), architectures=("x86_64",), wheels=wheels)


def pinned(*pins: Pin, target: Target | None = None) -> BuildPlan:
    return BuildPlan(target=target or Target(), architectures=("x86_64",), pins=pins)


# A digest that moves publishes every layer of every user anew: these may change with LAYOUT only.
@pytest.mark.parametrize(
    ("made", "digest"),
    [
        (plan(SIX), "07cd95f74d8f4b0eb119de1276eeb412a96039d66e283b0983aa432aa2e76305"),
        (plan(NUMPY, SIX), "b8e2ab96b34c491c543d48d3fe20524f12d4096e51e6b6cb8327eade42e5edb8"),
        (pinned(*PINS), "5fd9a56f5e24193cac7686e712851ac09345f3ce69d5ab85dd140d4cdcee1a54"),
        (
            pinned(*PINS, target=Target("python3.11", "arm64")),
            "24ebe5fe3d9eafd3a34c16a851075d6c9d3734a07d863258e65105b8142013f2",
        ),
    ],
    ids=["pure", "compiled", "pins", "pins for another target"],
)
def test_a_digest_never_moves(made: BuildPlan, digest: str) -> None:
    assert made.digest == digest


def test_a_digest_is_made_of_file_names_and_hashes_only() -> None:
    moved = replace(
        SIX,
        url="https://user:secret@other.example/six.whl",
        index="https://user:secret@other.example/simple",
        path=Path("/somewhere/else/six.whl"),
        project=LocalProject(path=Path("/home/somebody"), source_sha256=sha256("x")),
    )

    assert digest_of((moved,)) == digest_of((SIX,))


@given(st.permutations([SIX, NUMPY, replace(SIX, name="idna", filename="idna-3.10-py3-none-any.whl")]))
def test_a_digest_does_not_depend_on_the_order_of_wheels(wheels: list[LockedWheel]) -> None:
    assert digest_of(tuple(wheels)) == digest_of(tuple(sorted(wheels, key=lambda wheel: wheel.name)))


@given(st.permutations(PINS), st.permutations(PINS[0].hashes))
def test_a_digest_does_not_depend_on_the_order_of_pins_and_hashes(pins: list[Pin], hashes: list[str]) -> None:
    shuffled = [pin._replace(hashes=tuple(hashes)) if pin.name == "six" else pin for pin in pins]

    assert pinned(*shuffled).digest == pinned(*PINS).digest


def test_the_same_files_have_one_digest_on_every_target() -> None:
    targets = fit.all_targets()

    assert {plan(SIX, target=target).digest for target in targets} == {plan(SIX).digest}


def test_pins_have_a_digest_for_each_target() -> None:
    targets = fit.all_targets()

    assert len({pinned(*PINS, target=target).digest for target in targets}) == len(targets)


def test_other_files_have_another_digest() -> None:
    others = [
        plan(),
        plan(SIX),
        plan(replace(SIX, sha256=sha256("other"))),
        plan(replace(SIX, filename="six-1.18.0-py3-none-any.whl")),
        plan(SIX, NUMPY),
        plan(NUMPY),
        pinned(*PINS),
        pinned(PINS[0]),
        pinned(PINS[0]._replace(version="1.18.0")),
        pinned(PINS[0]._replace(hashes=PINS[0].hashes[:1])),
    ]

    assert len({other.digest for other in others}) == len(others)


def test_a_digest_names_a_folder_on_every_host() -> None:
    assert re.fullmatch("[0-9a-f]{64}", plan(SIX).digest)


def test_a_plan_tells_the_version_of_each_package() -> None:
    assert plan(SIX, NUMPY).packages == {"six": "1.17.0", "numpy": "2.2.6"}
    assert pinned(*PINS).packages == {"six": "1.17.0", "idna": "3.10"}


LOCK = """
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "tiny"
version = "1.0"
wheels = [{{ path = '{path}', hashes = {{ sha256 = "{sha256}" }} }}]
"""


@pytest.mark.parametrize(
    "path",
    [
        str(PurePosixPath("libs", "tiny wheels", "tiny-1.0-py3-none-any.whl")),
        str(PureWindowsPath("libs", "tiny wheels", "tiny-1.0-py3-none-any.whl")),
        str(PurePosixPath("..", "ünder", "tiny-1.0-py3-none-any.whl")),
        str(PureWindowsPath("..", "ünder", "tiny-1.0-py3-none-any.whl")),
    ],
)
def test_a_lock_written_on_another_system_has_the_same_digest(path: str, tmp_path: Path) -> None:
    lock = tmp_path / "some" / "pylock.toml"
    document = tomllib.loads(LOCK.format(path=path, sha256=sha256("tiny")))

    (wheel,) = selection.select(selection.parse(document, lock), Target(), path=lock)

    assert isinstance(wheel, LockedWheel)
    assert wheel.filename == "tiny-1.0-py3-none-any.whl"
    assert wheel.path
    assert wheel.path.resolve() == lock.parent.joinpath(*path.replace("\\", "/").split("/")).resolve()
    assert digest_of((wheel,)) == "dff10a9ec9020e7bb86eec0573cf525aaac11b9b30255390f282603e68556c99"


@pytest.mark.parametrize(
    ("filename", "pure"),
    [
        ("six-1.17.0-py2.py3-none-any.whl", True),
        ("idna-3.10-py3-none-any.whl", True),
        ("old-1.0-py2-none-any.whl", False),
        ("fast-1.0-cp313-cp313-manylinux_2_17_x86_64.whl", False),
        ("cffi_user-1.0-py3-none-manylinux2014_x86_64.whl", False),
        ("stable-1.0-cp39-abi3-manylinux_2_17_aarch64.whl", False),
        ("mine-1.0-cp313-none-any.whl", False),
        ("mine-1.0-py313-none-any.whl", False),
    ],
)
def test_knows_which_wheels_are_the_same_for_every_target(filename: str, pure: bool) -> None:
    assert replace(SIX, filename=filename).is_pure is pure


@pytest.mark.parametrize(
    "location",
    [
        "https://files.example/a/tiny-1.0%2Blocal-py3-none-any.whl#sha256=00",
        "https://files.example/tiny-1.0+local-py3-none-any.whl?token=x",
        "libs/tiny-1.0+local-py3-none-any.whl",
    ],
)
def test_finds_the_file_name_in_a_url_or_path(location: str) -> None:
    assert filename_of(location) == "tiny-1.0+local-py3-none-any.whl"


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/a", "\\a", "..\\a", "C:\\a", "C:a", "a\0b", "a/..", "//a/b"])
def test_knows_a_name_that_leaves_its_folder(name: str) -> None:
    assert leaves_its_folder(name)


@pytest.mark.parametrize("name", ["a", "a/b", "a..b/c", "...", "a/.b", "a/b/", "ä/ö", "tiny-1.0.data/data/etc/x:y"])
def test_knows_a_name_that_stays_in_its_folder(name: str) -> None:
    assert not leaves_its_folder(name)
