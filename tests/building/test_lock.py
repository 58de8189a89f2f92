"""The lock as a file: its text, what it says back, and its place."""

from __future__ import annotations

import copy
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Pylock, is_valid_pylock_path

from layer_constructs.building.locking import lock, lock_text
from layer_constructs.building.locking.lock import Lock, MadeFrom
from layer_constructs.building.locking.moment import moment
from layer_constructs.building.locking.pins import Pins
from layer_constructs.building.sdist import BuildImage, Built, LockedSdist
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LocalProject, LockedWheel
from layer_constructs.errors import ArgumentError, LayerError, LockError, ResolutionError

PYPI = "https://pypi.org/simple"


def sha(letter: str) -> str:
    return letter * 64


def locked(filename: str, *, letter: str = "a", **more: Any) -> LockedWheel:
    name, version = filename.split("-")[:2]
    place = {} if more.keys() & {"path", "project"} else {"url": f"https://files.example/{filename}", "index": PYPI}
    return LockedWheel(name=name, version=version, filename=filename, sha256=sha(letter), **(place | more))


PURE = locked("idna-3.10-py3-none-any.whl")
X86_ONLY = locked("numpy-2.0-cp313-cp313-manylinux_2_17_x86_64.whl", letter="b")
ARM_ONLY = locked("numpy-2.0-cp313-cp313-manylinux_2_17_aarch64.whl", letter="c")
MADE_FROM = MadeFrom(
    source="req.txt",
    requirements=("idna", "numpy ; python_version >= '3.9'"),
    constraints=("idna<4",),
    index="https://a/simple",
    extra_indexes=("https://b/simple",),
    find_links=("wheels",),
    extras=("x",),
    groups=("g",),
    no_index=True,
    prereleases=True,
)
PINS = {
    "python3.13": Pins(wheels={"x86_64": (PURE, X86_ONLY), "arm64": (PURE, ARM_ONLY)}),
    "python3.9": Pins(wheels={"x86_64": (PURE,)}, unavailable={"arm64": "no wheel of x runs on python3.9/arm64"}),
}


SDIST = LockedSdist(
    name="psycopg2",
    version="2.9.11",
    filename="psycopg2-2.9.11.tar.gz",
    sha256=sha("1"),
    url="https://files.example/psycopg2-2.9.11.tar.gz",
    index=PYPI,
)
IMAGE = BuildImage(reference="house/build:1", digest="sha256:" + sha("2"), options="0" * 32)
LOCAL_IMAGE = BuildImage(reference="localhost/build:1", id="sha256:" + sha("3"), options="1" * 32)


def built(sdist: LockedSdist, tag: str, *backend: str, letter: str = "4") -> LockedWheel:
    return LockedWheel(
        name=sdist.name,
        version=sdist.version,
        filename=f"{sdist.name}-{sdist.version}-{tag}.whl",
        sha256=sha(letter),
        index=sdist.index,
        built=Built(sdist=sdist, backend=backend),
    )


ON_X86 = built(SDIST, "cp313-cp313-linux_x86_64", "setuptools==80.9.0", "wheel==0.45.1+local")
ON_ARM = built(SDIST, "cp313-cp313-linux_aarch64", letter="5")


def render(path: Path, pins: dict[str, Pins] = PINS, made_from: MadeFrom = MADE_FROM) -> str:
    return lock_text.render(path, made_from=made_from, pins=pins, exclude_newer="2026-01-31T00:00:00Z", command="do it")


def written(path: Path, pins: dict[str, Pins] = PINS) -> Lock:
    assert lock_text.write(path, render(path, pins))
    found = lock.load(path)
    assert found is not None
    return found


def test_a_lock_says_back_what_went_into_it(tmp_path: Path) -> None:
    found = written(tmp_path / "pylock.req.toml")
    assert found.made_from == MADE_FROM
    assert found.exclude_newer == "2026-01-31T00:00:00Z"
    assert {runtime: found.pins(runtime) for runtime in found.runtimes} == PINS


def test_wheels_and_projects_on_this_machine_are_written_relative_to_the_lock(tmp_path: Path) -> None:
    wheel = locked("beta-1.0-py3-none-any.whl", letter="d", path=tmp_path / "wheels" / "beta-1.0-py3-none-any.whl")
    project = locked(
        "shared-1.0-py3-none-any.whl",
        letter="e",
        project=LocalProject(path=tmp_path / "libs" / "shared", source_sha256=sha("f")),
    )
    pins = {"python3.13": Pins(wheels={"x86_64": (wheel, project), "arm64": (wheel, project)})}
    (tmp_path / "app").mkdir()
    found = written(tmp_path / "app" / "pylock.req.toml", pins)
    assert found.select(Target("python3.13", "arm64")) == (wheel, project)
    text = found.path.read_text(encoding="utf-8")
    assert '"../wheels/beta-1.0-py3-none-any.whl"' in text
    assert 'path = "../libs/shared"' in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("on_x86", "on_arm", "images"),
    [
        (ON_X86, ON_ARM, {"x86_64": IMAGE, "arm64": LOCAL_IMAGE}),
        (ON_X86, SDIST, {"x86_64": IMAGE}),
        (SDIST, SDIST, {}),
        (SDIST, None, {}),
        (built(SDIST, "py3-none-any"), built(SDIST, "py3-none-any"), {"x86_64": LOCAL_IMAGE}),
        (locked("psycopg2-2.9.11-cp313-cp313-manylinux_2_17_x86_64.whl"), ON_ARM, {"arm64": IMAGE}),
        (ON_X86, locked("psycopg2-2.9.11-cp313-cp313-manylinux_2_17_aarch64.whl"), {"x86_64": IMAGE}),
        (ON_X86, locked("psycopg2-2.9.10-cp313-cp313-manylinux_2_17_aarch64.whl"), {"x86_64": IMAGE}),
    ],
    ids=["both", "one", "none", "for one only", "pure", "a wheel on x86_64", "a wheel on arm64", "another version"],
)
def test_what_was_built_comes_back(tmp_path: Path, on_x86: Any, on_arm: Any, images: Any) -> None:
    answer = Pins(wheels={"x86_64": (PURE, on_x86), "arm64": (PURE, on_arm) if on_arm else (PURE,)}, images=images)
    pins = {"python3.13": answer, "python3.9": PINS["python3.9"]}
    found = written(tmp_path / "pylock.req.toml", pins)
    assert found.pins("python3.13") == answer
    assert found.pins("python3.9") == PINS["python3.9"]
    again = {runtime: found.pins(runtime) for runtime in found.runtimes}
    assert render(found.path, again) == found.path.read_text(encoding="utf-8")
    Pylock.from_dict(tomllib.loads(found.path.read_text(encoding="utf-8"))).validate()


def test_a_source_distribution_on_this_machine_is_written_relative_to_the_lock(tmp_path: Path) -> None:
    source = LockedSdist(
        name="beta",
        version="1.0",
        filename="beta-1.0.tar.gz",
        sha256=sha("d"),
        path=tmp_path / "in" / "beta-1.0.tar.gz",
    )
    wheel = built(source, "py3-none-any", "flit-core==3.12.0")
    (tmp_path / "app").mkdir()
    pins = {"python3.13": Pins(wheels={"x86_64": (wheel,), "arm64": (source,)}, images={"x86_64": IMAGE})}
    found = written(tmp_path / "app" / "pylock.req.toml", pins)
    assert found.pins("python3.13") == pins["python3.13"]
    assert 'path = "../in/beta-1.0.tar.gz"' in found.path.read_text(encoding="utf-8")


def test_the_text_is_the_same_whatever_the_order_of_the_facts(tmp_path: Path) -> None:
    turned = {
        runtime: Pins(
            wheels={a: answer.wheels[a][::-1] for a in list(answer.wheels)[::-1]}, unavailable=answer.unavailable
        )
        for runtime, answer in list(PINS.items())[::-1]
    }
    assert render(tmp_path / "pylock.toml", turned) == render(tmp_path / "pylock.toml")


def test_another_runtime_leaves_every_entry_as_it_is(tmp_path: Path) -> None:
    def entries(pins: dict[str, Pins]) -> list[str]:
        text = render(tmp_path / "pylock.toml", pins)
        return ["[[packages]]" + entry.split("\n[tool")[0].rstrip() for entry in text.split("[[packages]]")[1:]]

    alone = entries({"python3.13": PINS["python3.13"]})
    both = entries(PINS)
    assert len(both) == len(alone) + 1
    assert [entry for entry in both if entry in alone] == alone


def test_it_is_a_valid_pep_751_lock(tmp_path: Path) -> None:
    path = tmp_path / "pylock.req.toml"
    assert is_valid_pylock_path(path)
    document = Pylock.from_dict(tomllib.loads(render(path)))
    document.validate()
    assert str(document.lock_version) == "1.0"
    assert {str(marker) for marker in document.environments or ()} == {
        'python_version == "3.9" and platform_machine == "x86_64"',
        'python_version == "3.13" and platform_machine == "x86_64"',
        'python_version == "3.13" and platform_machine == "aarch64"',
    }


def test_a_target_that_was_left_out_says_why(tmp_path: Path) -> None:
    found = written(tmp_path / "pylock.req.toml")
    with pytest.raises(ResolutionError) as caught:
        found.select(Target("python3.9", "arm64"))
    assert str(caught.value).startswith(f"{found.path}: no wheel of x runs on python3.9/arm64\n")
    assert "so it was when python3.9 was locked" in str(caught.value)
    assert "--upgrade-package" in str(caught.value)


def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "pylock.req.toml"
    assert lock_text.write(path, "one\ntwo\n")
    os.utime(path, (1, 1))
    assert not lock_text.write(path, "one\ntwo\n")
    path.write_bytes(b"one\r\ntwo\r\n")  # as git checks it out on Windows
    os.utime(path, (1, 1))
    assert not lock_text.write(path, "one\ntwo\n")
    assert path.stat().st_mtime == 1
    assert lock_text.write(path, "three\n")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_a_lock_has_the_mode_of_an_ordinary_file_and_keeps_the_one_it_has(tmp_path: Path) -> None:
    path = tmp_path / "pylock.req.toml"
    before = os.umask(0o027)
    try:
        lock_text.write(path, "one\n")
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o664)
        lock_text.write(path, "two\n")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o664


@contextmanager
def without_privileges() -> Iterator[None]:
    """As a user whom the bits of a folder bind, which they don't root's."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_a_read_only_folder_is_a_clear_error(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
        if parent.name.startswith("pytest-of-"):
            break
    folder.chmod(0o555)
    path = folder / "pylock.req.toml"
    with without_privileges(), pytest.raises(LockError) as caught:
        lock_text.write(path, "one\n")
    assert type(caught.value) is LockError
    assert str(caught.value).splitlines() == [
        f"{path}: the lock can't be written: Permission denied",
        "  fix: lock where the folder can be written and commit the file, or name another place with lock=",
    ]
    folder.chmod(0o755)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"requirements": ("idna",)}, ["requirements: removed numpy ; python_version >= '3.9'"]),
        ({"constraints": ("idna<5",)}, ["constraints: added idna<5", "constraints: removed idna<4"]),
        ({"index": ""}, ["index: https://a/simple became none"]),
        ({"extra_indexes": ()}, ["extra-indexes: removed https://b/simple"]),
        ({"prereleases": False}, ["prereleases: True became none"]),
        ({}, []),
    ],
)
def test_says_what_it_was_made_from_before(change: dict[str, Any], said: list[str]) -> None:
    before = {name: getattr(MADE_FROM, name) for name in MadeFrom.__slots__}
    assert MadeFrom(**(before | change)).changes_since(MADE_FROM) == said


def test_the_order_of_indexes_matters() -> None:
    one, other = (MadeFrom(source="r", requirements=(), extra_indexes=urls) for urls in (("a", "b"), ("b", "a")))
    assert one.changes_since(other) == ["extra-indexes: their order changed"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026-01-31T12:30:00", "2026-01-31T12:30:00Z"),
        ("2026-01-31T01:30:00+02:00", "2026-01-30T23:30:00Z"),
        ("2026-01-31T00:00:00.5Z", "2026-01-31T00:00:00Z"),
    ],
)
def test_a_date_is_one_moment_in_every_time_zone(text: str, expected: str) -> None:
    assert moment(text) == expected
    assert moment(expected) == expected


@pytest.mark.parametrize("text", ["yesterday", "7 days", "P3D", "", "2026-13-01", "0001-01-01T00:00:00+10:00"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="is not a date\n  allowed: a date such as 2026-01-31"):
        moment(text)


# Fuzzing: an edited lock gives a result or an error of ours


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*path, key))


EVERYTHING = tomllib.loads(
    render(
        Path("/x/pylock.req.toml"),
        PINS
        | {
            "python3.12": Pins(
                wheels={
                    "x86_64": (
                        locked("a-1-py3-none-any.whl", project=LocalProject(path=Path("/x/a"), source_sha256="0")),
                    )
                }
            ),
            "python3.11": Pins(
                wheels={
                    "x86_64": (built(SDIST, "cp311-cp311-linux_x86_64", "setuptools==80.9.0"),),
                    "arm64": (built(SDIST, "cp311-cp311-linux_aarch64", "setuptools==80.9.0", letter="5"),),
                },
                images={"x86_64": IMAGE, "arm64": LOCAL_IMAGE},
            ),
        },
    )
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.integers(-1, 3),
    st.booleans(),
    st.dates(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "1.0",
            "2.0",
            "../x",
            "file://[",
            "psycopg2-2.9.11-1/../x-cp311-cp311-linux_x86_64.whl",
            "https://[",
            "a-1-py3-none-any.whl",
            "extras == 'x'",
            "'a' in 5",
        ]
    ),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)


@settings(max_examples=400, deadline=None)
@given(edits=st.lists(st.tuples(st.sampled_from(list(places(EVERYTHING))), VALUES), min_size=1, max_size=3))
def test_whatever_is_edited_there_is_a_result_or_an_error_of_ours(
    edits: list[tuple[tuple[str | int, ...], Any]],
) -> None:
    document: Any = copy.deepcopy(EVERYTHING)
    for (*parents, last), value in edits:
        inner = document
        try:
            for key in parents:
                inner = inner[key]
            inner[last]  # an edit before may have taken the place away
            if value is None:
                del inner[last]
            else:
                inner[last] = value
        except (KeyError, IndexError, TypeError):
            continue
    path = Path("/x/pylock.req.toml")
    try:
        found = lock.understand(document, path)
        for runtime in found.runtimes:
            for wheels in found.pins(runtime).wheels.values():
                assert all(len(wheel.sha256) == 64 for wheel in wheels)
                assert not any("/" in wheel.filename for wheel in wheels)
            for image in found.pins(runtime).images.values():
                assert image.exact.startswith(image.reference.partition("@")[0])
    except LayerError as error:
        refused: LayerError | None = error
    else:
        refused = None
    assert refused is None or str(path) in str(refused)
