from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import stat
import subprocess
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
import uv

from layer_constructs.building import process
from layer_constructs.building.build import build
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.indexes.index import Index, Indexes
from layer_constructs.building.layer_facts import Package
from layer_constructs.building.plan import BuildPlan, Pin
from layer_constructs.building.planning import make_plan
from layer_constructs.building.process import Completed
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.reading.requirements import parse_requirements
from layer_constructs.building.target import ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import BuildError, HashMismatchError, LayerError
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

ROOT = Path(__file__).parents[2]
NO_INDEX = Indexes(indexes=())
PASSWORD = "s3cret/pass word"

# What the library needs to build a layer, at the versions that run these tests; the CDK is not among it.
NEEDED = ("packaging", "filelock", "platformdirs", "deflate", "uv")


class Recorder:
    """Runs the real thing and remembers the arguments."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        self.calls.append(list(argv))
        return process.run(argv, env=env, cwd=cwd, secrets=secrets, show_progress=show_progress)

    @property
    def offline(self) -> list[bool]:
        return ["--offline" in argv for argv in self.calls]


class Said:
    """What the user was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def locked(path: Path) -> LockedWheel:
    name, version = path.name.split("-")[:2]
    return LockedWheel(name=name, version=version, filename=path.name, sha256=sha256(path), path=path)


def served(path: Path, index: PrivateIndex) -> LockedWheel:
    """A wheel that is fetched from an index."""
    name, version = path.name.split("-")[:2]
    url = f"http://{index.host}/files/{path.name}"
    return LockedWheel(name=name, version=version, filename=path.name, sha256=sha256(path), url=url, index=index.url)


def plan_of(
    *wheels: LockedWheel, target: Target | None = None, architectures: tuple[ArchitectureName, ...] = ("x86_64",)
) -> BuildPlan:
    return BuildPlan(target=target or Target(), architectures=architectures, wheels=wheels)


def only(index: PrivateIndex, *, username: str | None = None, password: str | None = None) -> Indexes:
    return Indexes(indexes=(Index(url=index.url, name="lc0", username=username, password=password),))


def contents(layer: CachedLayer) -> dict[str, bytes]:
    with zipfile.ZipFile(layer.archive) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def everything_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def cold_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of uv's that has nothing yet."""
    folder = tmp_path / "uv-cache"
    monkeypatch.setenv("UV_CACHE_DIR", str(folder))
    return folder


# --- what is built


def test_builds_a_layer_of_exactly_the_locked_wheels(cache: Cache, tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, "tiny", "1.0"), make_wheel(tmp_path, "other", "2.0", requires=["tiny", "absent"])]
    said = Said()

    layer = build(plan_of(*map(locked, wheels)), cache=cache, indexes=NO_INDEX, label="Deps", report=said)

    assert set(contents(layer)) == {
        *(f"python/{name}" for name in ("tiny.py", "other.py")),
        *(f"python/tiny-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")),
        *(f"python/other-2.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")),
    }
    assert layer.facts.sha256 == sha256(layer.archive)
    assert layer.facts.size == layer.archive.stat().st_size
    assert layer.facts.unzipped_size == sum(map(len, contents(layer).values()))
    assert layer.facts.packages.keys() == {"tiny", "other"}
    assert layer.facts.packages["other"] == Package(
        version="2.0", size=sum(len(data) for name, data in contents(layer).items() if "other" in name)
    )
    assert said.lines[0] == "Deps: building 2 packages for python3.13/x86_64"
    assert said.lines[1].startswith("Deps: 2 packages, 0.0 MB of 250 MB, ")
    assert len(said.lines) == 2


@pytest.mark.network
def test_builds_real_wheels_for_the_target_and_not_for_this_machine(cache: Cache) -> None:
    text = (
        "markupsafe==3.0.2"
        " --hash=sha256:569511d3b58c8791ab4c2e1285575265991e6d8f8700c7be0e88f86cb0672094"
        " --hash=sha256:15ab75ef81add55874e7ab7055e9c397312385bd9ced94920f2802310c930396\n"
    )
    file = parse_requirements(text, Path("req.txt"))
    plan = BuildPlan(
        target=Target("python3.13", "arm64"), architectures=("arm64",), pins=tuple(map(_pin, file.requirements))
    )
    indexes = Indexes(indexes=(Index(url="https://pypi.org/simple", name="lc0"),))

    layer = build(plan, cache=cache, indexes=indexes, label="Deps", requirements=file.requirements)

    compiled = [name for name in contents(layer) if name.endswith(".so")]
    assert compiled == ["python/markupsafe/_speedups.cpython-313-aarch64-linux-gnu.so"]


def _pin(line: RequirementLine) -> Pin:
    assert line.name
    assert line.requirement
    (specifier,) = line.requirement.specifier
    return Pin(name=line.name, version=specifier.version, hashes=line.hashes)


def test_lets_the_last_by_name_win_where_several_wheels_bring_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["alpha", "beta", "gamma", "other"]
    script = "{}-1.0.data/scripts/run"
    wheels = [
        locked(
            make_wheel(
                tmp_path,
                name,
                "1.0",
                files={
                    f"{name}.py": b"",
                    "LICENSE": b"the same",
                    "tests/__init__.py": name.encode() * 1000 if name != "other" else b"gamma" * 1000,
                    script.format(name): f"#!python\n{name}\n".encode(),
                },
            )
        )
        for name in names
    ]
    archives = set()
    for number, order in enumerate([wheels, wheels[::-1], wheels[2:] + wheels[:2]]):
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / f"uv-{number}"))
        cache = Cache(tmp_path / f"cache-{number}")
        layer = build(plan_of(*order), cache=cache, indexes=NO_INDEX, label="Deps")
        archives.add(sha256(layer.archive))

        found = contents(layer)
        assert found["python/tests/__init__.py"] == b"gamma" * 1000
        assert found["python/bin/run"] == b"#!/usr/bin/env python3\nother\n"
        assert found["python/LICENSE"] == b"the same"
        assert {f"python/{name}.py" for name in names} <= found.keys()
    assert len(archives) == 1


# --- the same bytes everywhere

CHILD = """
import hashlib, json, os, sys
from pathlib import Path
repository, root, umask, wheels = sys.argv[1], sys.argv[2], int(sys.argv[3], 8), sys.argv[4:]
sys.path.insert(0, repository)
os.umask(umask)
from layer_constructs.building.build import build
from layer_constructs.building.cache import Cache
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel

def locked(path):
    name, version = path.name.split("-")[:2]
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return LockedWheel(name=name, version=version, filename=path.name, sha256=sha256, path=path)

plan = BuildPlan(target=Target(), architectures=("x86_64",), wheels=tuple(locked(Path(wheel)) for wheel in wheels))
layer = build(plan, cache=Cache(Path(root)), indexes=Indexes(indexes=()), label="Deps")
print(json.dumps({
    "digest": plan.digest,
    "sha256": hashlib.sha256(layer.archive.read_bytes()).hexdigest(),
    "archive": str(layer.archive),
    "cdk": "aws_cdk" in sys.modules,
}))
"""

EVERYTHING = {
    "tool/__init__.py": b"def main(): print('hello')\n",
    "tool/b\xc3\xbccher.txt".encode("latin-1").decode("utf-8"): b"b" * 5000,
    "tool/data.bin": bytes(range(256)) * 64,
    "tool-1.0.data/scripts/written": b"#!python\nprint('written')\n",
    "tool-1.0.data/scripts/shell": b"#!/bin/sh\necho hello\n",
    "tool-1.0.data/data/share/tool/list.txt": b"1\n",
    "tool-1.0.data/headers/tool.h": b"#define TOOL 1\n",
    "tool-1.0.data/purelib/tool_pure.py": b"",
    "tool-1.0.data/platlib/tool_plat.py": b"",
}


@pytest.fixture(scope="session")
def hosts(pythons: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Interpreters with what the library needs, and without the CDK."""
    missing = {"3.11", "3.12", "3.13"} - pythons.keys()
    if missing:
        pytest.skip(f"no Python {', '.join(sorted(missing))} here")
    environment = process.clean_environment()
    pins = [f"{name}=={importlib.metadata.version(name)}" for name in NEEDED]
    found = {}
    for version in ("3.11", "3.12", "3.13"):
        folder = tmp_path_factory.mktemp("hosts") / version
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        for command in (
            ["venv", "--python", str(pythons[version]), str(folder)],
            ["pip", "install", "--python", str(python), "--no-build", *pins],
        ):
            subprocess.run(
                [uv.find_uv_bin(), *command, "--no-config", "--quiet"], env=environment, cwd=folder.parent, check=True
            )
        found[version] = python
    return found


# Two builds of one plan are byte-identical. What moves this is a new LAYOUT (then users publish anew), or a new
# libdeflate in `deflate` (then they don't: the digest is made of the inputs).
RECORDED_DIGEST = "a48ee83c759ea65c5545e91b4d3f918c987b120a13893b1ed58385cb303b16a8"
RECORDED_ARCHIVE = "68d4b88f98ec93a174a28c4f9c614ff71028c29c0122881cfe45e10f6fe94daa"


@pytest.mark.real
@pytest.mark.network
def test_a_plan_gives_the_same_bytes_in_every_folder_umask_cache_and_python(
    hosts: Mapping[str, Path], tmp_path: Path
) -> None:
    wheels = [
        make_wheel(
            tmp_path / "wheels", "tool", "1.0", files=EVERYTHING, entry_points="[console_scripts]\nt = tool:main\n"
        ),
        make_wheel(tmp_path / "wheels", "second", "2.0", files={"second.py": b"", "tool/data.bin": b"contested"}),
    ]
    folders = ["a", "a folder with spaces", "Ordner äöü 層", "d" * 120]
    runs = [
        ("3.11", "022", folders[0]),
        ("3.11", "077", folders[1]),
        ("3.12", "002", folders[2]),
        ("3.13", "077", folders[3]),
        ("3.13", "000", folders[1]),
    ]
    said = []
    for number, (version, umask, folder) in enumerate(runs):
        place = tmp_path / str(number) / folder
        place.mkdir(parents=True)
        moved = []
        for wheel in wheels if number % 2 else wheels[::-1]:
            (place / wheel.name).write_bytes(wheel.read_bytes())
            moved.append(str(place / wheel.name))
        done = subprocess.run(
            [hosts[version], "-I", "-B", "-c", CHILD, str(ROOT), str(place / "cache"), umask, *moved],
            env={**os.environ, "UV_CACHE_DIR": str(place / "uv cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout))

    assert {each["digest"] for each in said} == {RECORDED_DIGEST}
    assert {each["sha256"] for each in said} == {RECORDED_ARCHIVE}
    assert not any(each["cdk"] for each in said)
    with zipfile.ZipFile(said[0]["archive"]) as archive:
        assert {stat.S_IMODE(member.external_attr >> 16) for member in archive.infolist()} == {0o644, 0o755}
        assert archive.read("python/bin/t").startswith(b"#!/usr/bin/env python3\n")
        assert {"python/include/tool/tool.h", "python/share/tool/list.txt"} <= set(archive.namelist())


def test_pure_wheels_give_the_same_bytes_for_every_target(tmp_path: Path) -> None:
    wheel = locked(
        make_wheel(tmp_path, "tool", "1.0", files=EVERYTHING, entry_points="[console_scripts]\nt = tool:main\n")
    )
    targets = [Target("python3.9", "x86_64"), Target("python3.11", "arm64"), Target("python3.14", "x86_64")]

    archives = set()
    for target in targets:
        cache = Cache(tmp_path / str(target).replace("/", "-"))
        archives.add(sha256(build(plan_of(wheel, target=target), cache=cache, indexes=NO_INDEX, label="D").archive))

    assert len(archives) == 1


# --- hashes


def test_refuses_a_download_that_is_not_what_was_locked(cache: Cache, cold_uv: Path, tmp_path: Path) -> None:
    good = make_wheel(tmp_path / "good", "tiny", "1.0")
    evil = make_wheel(tmp_path / "evil", "tiny", "1.0", files={"tiny.py": b"evil = True\n"})

    with PrivateIndex([evil]) as index, pytest.raises(HashMismatchError) as raised:
        build(plan_of(served(good, index)), cache=cache, indexes=only(index), label="Deps")

    assert sha256(good) in str(raised.value)
    assert sha256(evil) in str(raised.value)
    _assert_nothing_cached(cache)


def test_refuses_another_wheel_even_if_uv_has_it_already(cache: Cache, cold_uv: Path, tmp_path: Path) -> None:
    good = make_wheel(tmp_path / "good", "tiny", "1.0")
    evil = make_wheel(tmp_path / "evil", "tiny", "1.0", files={"tiny.py": b"evil = True\n"})

    with PrivateIndex([evil]) as index:
        build(plan_of(served(evil, index)), cache=cache, indexes=only(index), label="Deps")
        with pytest.raises(HashMismatchError):
            build(plan_of(served(good, index)), cache=cache, indexes=only(index), label="Deps")


def test_refuses_a_local_wheel_that_changed_after_it_was_locked(cache: Cache, tmp_path: Path) -> None:
    wheel = locked(make_wheel(tmp_path, "tiny", "1.0"))
    make_wheel(tmp_path, "tiny", "1.0", files={"tiny.py": b"evil = True\n"})

    with pytest.raises(HashMismatchError) as raised:
        build(plan_of(wheel), cache=cache, indexes=NO_INDEX, label="Deps")

    assert str(wheel.path) in raised.value.problem
    assert raised.value.details[0].endswith(wheel.sha256)
    _assert_nothing_cached(cache)


def test_names_a_local_wheel_that_is_gone(cache: Cache, tmp_path: Path) -> None:
    wheel = locked(make_wheel(tmp_path, "tiny", "1.0"))
    assert wheel.path
    wheel.path.unlink()

    with pytest.raises(BuildError, match=r"tiny-1\.0-py3-none-any\.whl can't be read: No such file"):
        build(plan_of(wheel), cache=cache, indexes=NO_INDEX, label="Deps")
    _assert_nothing_cached(cache)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 10])
def test_refuses_a_local_wheel_that_is_no_archive(content: bytes, cache: Cache, tmp_path: Path) -> None:
    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    path.write_bytes(content)

    with pytest.raises(BuildError, match="not a wheel") as raised:
        build(plan_of(locked(path)), cache=cache, indexes=NO_INDEX, label="Deps")

    assert str(raised.value).startswith(f"{path}: ")
    _assert_nothing_cached(cache)


def _assert_nothing_cached(cache: Cache) -> None:
    assert cache.layers() == []
    assert list((cache.root / "tmp").iterdir()) == []


# --- wheels with files that leave their folder

HOSTILE = {
    "above": "../evil.py",
    "far above": "tiny/../../../../../evil.py",
    "absolute": "{outside}/evil.py",
    "above the data": "tiny-1.0.data/data/../../../evil.py",
    "above the scripts": "tiny-1.0.data/scripts/../../../evil",
    "for Windows": "..\\evil.py",
    "on a drive": "C:\\evil.py",
}


@pytest.mark.parametrize("recorded", [True, False], ids=["in RECORD", "not in RECORD"])
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_refuses_a_local_wheel_with_a_file_that_leaves_its_folder(
    name: str,
    recorded: bool,
    cache: Cache,
    cold_uv: Path,
    tmp_path: Path,
) -> None:
    name = name.format(outside=tmp_path / "outside")
    (tmp_path / "outside").mkdir()
    hostile = {name: b"evil = True\n"}
    wheel = make_wheel(
        tmp_path / "wheels",
        "tiny",
        "1.0",
        files={"tiny.py": b"", **(hostile if recorded else {})},
        extra_raw={} if recorded else hostile,
    )
    before = everything_below(tmp_path)

    with pytest.raises(BuildError, match="leaves its folder") as raised:
        build(plan_of(locked(wheel)), cache=cache, indexes=NO_INDEX, label="Deps")

    assert repr(name) in raised.value.problem
    assert raised.value.where
    assert raised.value.where.path == wheel
    assert {path for path in everything_below(tmp_path) - before if cache.root not in path.parents} == set()
    _assert_nothing_cached(cache)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_refuses_a_downloaded_wheel_with_a_file_that_leaves_its_folder_again_and_again(
    name: str, cache: Cache, cold_uv: Path, tmp_path: Path
) -> None:
    name = name.format(outside=tmp_path / "outside")
    (tmp_path / "outside").mkdir()
    wheel = make_wheel(tmp_path / "wheels", "tiny", "1.0", extra_raw={name: b"evil = True\n"})
    other = make_wheel(tmp_path / "wheels", "other", "1.0")

    with PrivateIndex([wheel, other]) as index:
        for _ in range(2):
            with pytest.raises(BuildError, match="leaves its folder") as raised:
                build(
                    plan_of(served(other, index), served(wheel, index)),
                    cache=cache, indexes=only(index), label="Deps",
                )  # fmt: skip
            assert ("tiny" in raised.value.problem) != ("on Windows" in raised.value.problem)
            assert repr(name) in raised.value.problem

    _assert_nothing_cached(cache)
    written = [path for path in everything_below(tmp_path) if path.name.rpartition("\\")[-1] in {"evil.py", "evil"}]
    assert [path for path in written if cold_uv not in path.parents] == []


def test_refuses_such_a_wheel_of_a_requirements_file(cache: Cache, cold_uv: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "wheels", "tiny", "1.0", extra_raw={"../evil.py": b"evil = True\n"})

    with PrivateIndex([wheel]) as index:
        requirements = tmp_path / "req.txt"
        requirements.write_text(f"--index-url {index.url}\ntiny==1.0\n", encoding="utf-8")
        for _ in range(2):
            with pytest.raises(BuildError, match=r"tiny-1\.0-py3-none-any\.whl has a file that leaves its folder"):
                make_layer(requirements, cache)

    _assert_nothing_cached(cache)


def make_layer(requirements: Path, cache: Cache) -> CachedLayer:
    planned = make_plan(Dependencies(requirements=requirements, locked=False), Target(), cache=cache)
    return build(planned.plan, cache=cache, indexes=planned.indexes, label="Deps")


@pytest.mark.parametrize("points_to", ["/etc/passwd", "../../../outside", "tiny.py"])
def test_refuses_a_local_wheel_with_a_symbolic_link(points_to: str, cache: Cache, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny", "1.0")
    with zipfile.ZipFile(wheel, "a") as archive:
        link = zipfile.ZipInfo("tiny_link")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, points_to)

    with pytest.raises(BuildError, match="has a symbolic link: 'tiny_link'"):
        build(plan_of(locked(wheel)), cache=cache, indexes=NO_INDEX, label="Deps")
    _assert_nothing_cached(cache)


@pytest.mark.parametrize("name", ["../../evil", "{outside}/evil"])
def test_refuses_a_script_that_leaves_its_folder(name: str, cache: Cache, tmp_path: Path) -> None:
    name = name.format(outside=tmp_path / "outside")
    (tmp_path / "outside").mkdir()
    wheel = make_wheel(tmp_path / "wheels", "tiny", "1.0", entry_points=f"[console_scripts]\n{name} = tiny:main\n")

    with pytest.raises(BuildError) as raised:
        build(plan_of(locked(wheel)), cache=cache, indexes=NO_INDEX, label="Deps")

    assert name in str(raised.value)
    assert [path for path in everything_below(tmp_path) if path.name == "evil"] == []
    _assert_nothing_cached(cache)


# --- the network


def test_asks_the_index_only_for_what_uv_does_not_have(cold_uv: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny", "1.0")
    with PrivateIndex([wheel]) as index:
        plan = plan_of(served(wheel, index))
        first = Recorder()
        build(plan, cache=Cache(tmp_path / "first"), indexes=only(index), label="Deps", run=first)
        asked = len(index.requests)
        second = Recorder()
        build(plan, cache=Cache(tmp_path / "second"), indexes=only(index), label="Deps", run=second)

        assert first.offline == [True, False]
        assert asked > 0
        assert second.offline == [True]
        assert len(index.requests) == asked


def test_builds_from_what_uv_has_when_the_index_is_gone(cold_uv: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny", "1.0")
    with PrivateIndex([wheel]) as index:
        plan, indexes = plan_of(served(wheel, index)), only(index)
        build(plan, cache=Cache(tmp_path / "first"), indexes=indexes, label="Deps")

    layer = build(plan, cache=Cache(tmp_path / "second"), indexes=indexes, label="Deps")

    assert "python/tiny.py" in contents(layer)


def test_an_index_that_is_gone_is_an_error_and_leaves_nothing(cache: Cache, cold_uv: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny", "1.0")
    with PrivateIndex([wheel]) as index:
        plan, indexes = plan_of(served(wheel, index)), only(index)

    with pytest.raises(LayerError, match=indexes.indexes[0].url.removesuffix("/simple")):
        build(plan, cache=cache, indexes=indexes, label="Deps")
    _assert_nothing_cached(cache)


def test_a_password_is_used_and_written_nowhere(cache: Cache, cold_uv: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "wheels", "tiny", "1.0")
    recorder = Recorder()
    said = Said()
    with PrivateIndex([wheel], username="user", password=PASSWORD) as index:
        indexes = only(index, username="user", password=PASSWORD)
        plan = plan_of(served(wheel, index))
        build(plan, cache=cache, indexes=indexes, label="Deps", run=recorder, report=said)

        assert any(request.authorization for request in index.requests)

    secrets = [secret.encode() for secret in indexes.secrets]
    assert len(secrets) > 2
    files = [path for path in everything_below(cache.root) if path.is_file()]
    assert len(files) > 2
    assert [path for path in files for secret in secrets if secret in path.read_bytes()] == []
    assert [path for path in everything_below(cache.root) if PASSWORD in str(path)] == []
    assert PASSWORD not in str(recorder.calls)
    assert PASSWORD not in str(said.lines)


def test_a_wrong_password_is_an_error_without_it(cache: Cache, cold_uv: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "wheels", "tiny", "1.0")
    with (
        PrivateIndex([wheel], username="user", password="right") as index,
        pytest.raises(LayerError, match=r"401|credentials") as raised,
    ):
        build(
            plan_of(served(wheel, index)),
            cache=cache,
            indexes=only(index, username="user", password=PASSWORD),
            label="Deps",
        )

    assert PASSWORD not in str(raised.value)
    _assert_nothing_cached(cache)


def test_says_when_uv_installed_nothing_for_a_package(cache: Cache) -> None:
    wheel = LockedWheel(name="tiny", version="1", filename="tiny-1-py3-none-any.whl", sha256="0" * 64, url="http://x/t")

    with pytest.raises(BuildError, match="uv installed nothing for tiny"):
        build(plan_of(wheel), cache=cache, indexes=NO_INDEX, label="Deps", run=lambda *_, **__: Completed(0, "", ""))
    _assert_nothing_cached(cache)


# --- pins of the user's own


def test_builds_the_file_that_the_hashes_of_a_pin_allow(cache: Cache, cold_uv: Path, tmp_path: Path) -> None:
    files = {"tiny.py": b"which = 'pure'\n"}, {"tiny.py": b"which = 'compiled'\n"}
    pure = make_wheel(tmp_path, "tiny", "1.0", files=files[0])
    compiled = make_wheel(tmp_path, "tiny", "1.0", files=files[1], tag="cp313-cp313-manylinux_2_17_x86_64")
    with PrivateIndex([pure, compiled]) as index:
        found = {}
        for wheels in ([pure], [compiled], [pure, compiled]):
            hashes = " ".join(f"--hash=sha256:{sha256(wheel)}" for wheel in wheels)
            file = parse_requirements(f"tiny==1.0 {hashes}\n", Path("req.txt"))
            plan = BuildPlan(target=Target(), architectures=("x86_64",), pins=tuple(map(_pin, file.requirements)))
            layer = build(plan, cache=cache, indexes=only(index), label="D", requirements=file.requirements)
            found[plan.digest] = contents(layer)["python/tiny.py"]

    assert list(found.values()) == [b"which = 'pure'\n", b"which = 'compiled'\n", b"which = 'compiled'\n"]
