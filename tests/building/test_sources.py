"""Packages without a wheel: locked with what a builder makes of their source distribution."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typing_extensions import override

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.containers.image_name import image_name
from layer_constructs.building.dependencies import Dependencies, lock_request, read
from layer_constructs.building.locking.freshness import check, load
from layer_constructs.building.locking.pins import Upgrade
from layer_constructs.building.locking.relock import relock
from layer_constructs.building.sdist import BuildImage, Built, LockedSdist
from layer_constructs.building.target import ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import (
    BuildError,
    EngineError,
    HashMismatchError,
    LayerError,
    LockInvalidError,
    LockStaleError,
    ResolutionError,
    WheelUnavailableError,
)
from tests.support.desk import ARM, X86, Desk, make_desk
from tests.support.private_index import PrivateIndex
from tests.support.sdists import make_sdist
from tests.support.wheels import make_wheel

_MANYLINUX = {"x86_64": "manylinux_2_34_x86_64", "arm64": "manylinux_2_34_aarch64"}

AUTO = Bundling.auto(image="house/build:1")


@dataclass(kw_only=True)
class FakeBuilder:
    """Makes a wheel without a compiler, and remembers what it was asked for.

    :ivar requires: what the metadata of a package asks for, by name or by name and version.
    :ivar pure: packages without compiled code.
    :ivar content: of the module; another one stands for another result of the same build.
    :ivar failure: raised in place of a wheel.
    """

    folder: Path
    bundling: Bundling = AUTO
    requires: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pure: frozenset[str] = frozenset()
    content: str = "1"
    failure: LayerError | None = None
    images: list[str] = field(default_factory=list)
    wheels: list[str] = field(default_factory=list)

    def image(self, target: Target, *, needed_by: str) -> BuildImage:
        self.images.append(f"{needed_by} for {target}")
        options = self.bundling.options
        return BuildImage(reference=image_name(options, target), digest="sha256:1", options=options.fingerprint)

    def wheel(self, sdist: LockedSdist, target: Target, *, again: bool = False) -> LockedWheel:
        self.wheels.append(f"{sdist.label} for {target}")
        if self.failure:
            raise self.failure
        python = "cp" + target.python.replace(".", "")
        path = make_wheel(
            self.folder / str(len(self.wheels)),
            sdist.name,
            sdist.version,
            files={f"{sdist.name}.py": self.content.encode()},
            requires=self.requires.get(sdist.label, self.requires.get(sdist.name, ())),
            tag="py3-none-any" if sdist.name in self.pure else f"{python}-{python}-{_MANYLINUX[target.architecture]}",
        )
        return LockedWheel(
            name=sdist.name,
            version=sdist.version,
            filename=path.name,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            path=path,
            index=sdist.index,
            built=Built(sdist=sdist, backend=("setuptools==80.9.0",)),
        )


class ModernIndex(PrivateIndex):
    """It also says what was yanked, and when a file was uploaded (PEP 691, PEP 700)."""

    def __init__(self, files: Sequence[Path], *, yanked: Sequence[str] = (), uploaded: Mapping[str, str]) -> None:
        super().__init__(files)
        self._yanked = frozenset(yanked)
        self._uploaded = uploaded

    @override
    def _page(self, name: str) -> tuple[int, str, bytes]:
        files = [
            {
                "filename": path.name,
                "url": f"/files/{quote(path.name)}",
                "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
                "yanked": path.name in self._yanked,
                "upload-time": self._uploaded.get(path.name, "2020-01-01T00:00:00Z"),
            }
            for path in self._wheels.values()
            if path.name.split("-")[0] == name
        ]
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": files}
        return (200 if files else 404), "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "2")
    # A builder is always given here: whoever asks for a real container is in the wrong.
    monkeypatch.setenv("CDK_DOCKER", "/nonexistent/engine")
    desk = replace(make_desk(tmp_path), bundling=AUTO)
    monkeypatch.chdir(desk.folder)
    return desk


@pytest.fixture
def builder(tmp_path: Path) -> FakeBuilder:
    return FakeBuilder(folder=tmp_path / "built")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., PrivateIndex]]:
    """An index with source distributions (``name-version``) and wheels."""
    started: list[PrivateIndex] = []

    def start(*sdists: str, wheels: Sequence[Path] = ()) -> PrivateIndex:
        index = PrivateIndex([*(sdist(tmp_path, each) for each in sdists), *wheels])
        started.append(index.__enter__())
        return index

    yield start
    for index in started:
        index.__exit__(None, None, None)


def sdist(folder: Path, label: str) -> Path:
    name, _, version = label.rpartition("-")
    return make_sdist(folder / "sdists", name, version)


def wheel(folder: Path, name: str, version: str, tag: str = "py3-none-any", requires: Sequence[str] = ()) -> Path:
    return make_wheel(folder / "wheels", name, version, tag=tag, requires=requires)


def lock(
    desk: Desk,
    builder: FakeBuilder | None,
    *lines: str,
    needed: Sequence[ArchitectureName] = ("x86_64",),
    runtimes: Sequence[str] = ("python3.13",),
    **more: Any,
) -> bool:
    """Lock ``req.txt`` as `ensure` does, with another builder."""
    if lines:
        desk.write(*lines)
    dependencies = Dependencies(requirements=desk.file, bundling=desk.bundling)
    request = lock_request(dependencies, read(dependencies), environ=desk.environ)
    return relock(
        request,
        runtimes,
        needed=needed,
        lock=load(request),
        builder=builder,
        cache=desk.cache,
        report=desk.said.append,
        **more,
    )


def packages(desk: Desk, target: Target = X86) -> dict[str, str]:
    return desk.plan(target=target, locked=True).plan.packages


def entry(desk: Desk, name: str) -> dict[str, Any]:
    (found,) = (package for package in desk.document()["packages"] if package["name"] == name)
    return dict(found)


def images(desk: Desk, runtime: str = "python3.13") -> dict[str, Any]:
    return dict(desk.document()["tool"]["layer-constructs"]["runtimes"][runtime].get("images", {}))


# What is chosen


def test_locks_the_source_distribution_and_what_was_built_of_it(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve("alpha-1.0", "alpha-2.0", "alpha-3.0", wheels=[wheel(tmp_path, "beta", "1.0")])
    builder.requires = {"alpha": ["beta"]}
    assert lock(desk, builder, f"--index-url {index.url}", "alpha<3")
    assert packages(desk) == {"alpha": "2.0", "beta": "1.0"}
    source = tmp_path / "sdists" / "alpha-2.0.tar.gz"
    (made,) = (tmp_path / "built" / "1").iterdir()
    assert entry(desk, "alpha") == {
        "name": "alpha",
        "version": "2.0",
        "marker": "python_version == '3.13'",
        "index": index.url,
        "sdist": {
            "url": f"http://{index.host}/files/{source.name}",
            "hashes": {"sha256": hashlib.sha256(source.read_bytes()).hexdigest()},
        },
        "tool": {
            "layer-constructs": {
                "built": {
                    "x86_64": {
                        "wheel": made.name,
                        "sha256": hashlib.sha256(made.read_bytes()).hexdigest(),
                        "backend": ["setuptools==80.9.0"],
                    }
                }
            }
        },
    }
    assert images(desk) == {
        "x86_64": {"reference": "house/build:1", "digest": "sha256:1", "options": AUTO.options.fingerprint}
    }
    assert desk.plan(locked=True).image == BuildImage(
        reference="house/build:1", digest="sha256:1", options=AUTO.options.fingerprint
    )


def test_without_a_builder_the_error_is_the_old_one(desk: Desk, serve: Callable[..., PrivateIndex]) -> None:
    index = serve("alpha-1.0")
    with pytest.raises(WheelUnavailableError) as caught:
        lock(desk, None, f"--index-url {index.url}", "alpha")
    assert "req.txt:2: no wheel of alpha runs on python3.13/x86_64" in str(caught.value)
    assert "let a container build it with bundling=Bundling.auto()" in str(caught.value)
    assert not desk.lock.exists()


def test_what_has_neither_is_the_old_error(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve(wheels=[wheel(tmp_path, "alpha", "1.0", "cp312-cp312-manylinux_2_17_x86_64")])
    with pytest.raises(WheelUnavailableError) as caught:
        lock(desk, builder, f"--index-url {index.url}", "alpha")
    text = str(caught.value)
    assert "req.txt:2: no wheel of alpha runs on python3.13/x86_64" in text
    assert "python3.12/x86_64" in text
    assert "there is no source distribution either" in text
    assert "Bundling.auto()" not in text
    assert (builder.images, builder.wheels, desk.lock.exists()) == ([], [], False)


def test_takes_an_older_version_that_has_a_wheel(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve("alpha-2.0", "beta-2.0", wheels=[wheel(tmp_path, "alpha", "1.0")])
    lock(desk, builder, f"--index-url {index.url}", "alpha", "beta")
    assert packages(desk) == {"alpha": "1.0", "beta": "2.0"}
    assert {label.split("==")[0] for label in builder.wheels} == {"beta"}


def test_takes_an_older_version_that_has_a_wheel_though_others_are_in_its_way(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    wheels = [wheel(tmp_path, "alpha", "1.0", requires=["beta>=2"]), wheel(tmp_path, "beta", "1.0")]
    index = serve("alpha-2.0", "beta-2.0", wheels=wheels)
    lock(desk, builder, f"--index-url {index.url}", "alpha", "beta")
    assert packages(desk) == {"alpha": "1.0", "beta": "2.0"}


@pytest.mark.parametrize(("line", "expected"), [("alpha", "1.0"), ("alpha==1.5", "1.5"), ("alpha>=1.9a0", "2.0a1")])
def test_neither_a_yanked_version_nor_a_prerelease_unless_asked(
    desk: Desk, builder: FakeBuilder, tmp_path: Path, line: str, expected: str
) -> None:
    files = [sdist(tmp_path, f"alpha-{version}") for version in ("0.9", "1.0", "1.5", "2.0a1")]
    with ModernIndex(files, yanked=["alpha-1.5.tar.gz"], uploaded={}) as index:
        lock(desk, builder, f"--index-url {index.url}", line)
    assert packages(desk) == {"alpha": expected}


def test_only_what_was_uploaded_before_the_date(desk: Desk, builder: FakeBuilder, tmp_path: Path) -> None:
    files = [sdist(tmp_path, f"alpha-{version}") for version in ("1.0", "2.0")]
    with ModernIndex(files, uploaded={"alpha-2.0.tar.gz": "2025-06-01T00:00:00Z"}) as index:
        lock(desk, builder, f"--index-url {index.url}", "alpha", exclude_newer="2025-01-01")
        assert packages(desk) == {"alpha": "1.0"}
        lock(desk, builder, exclude_newer="2026-01-01", upgrade=Upgrade(everything=True))
    assert packages(desk) == {"alpha": "2.0"}


# What the metadata says


def test_builds_what_something_built_needs(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    needs_gamma = wheel(tmp_path, "beta", "1.0", requires=["gamma"])
    index = serve("alpha-1.0", "gamma-1.0", "delta-1.0", wheels=[needs_gamma])
    builder.requires = {"alpha": ["beta>=1"], "gamma": ["delta ; python_version > '3'", "never ; sys_platform == 'x'"]}
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    assert packages(desk) == {"alpha": "1.0", "beta": "1.0", "delta": "1.0", "gamma": "1.0"}


def test_follows_a_long_chain_of_what_has_to_be_built(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    names = [f"link{number}" for number in range(8)]
    index = serve(*(f"{name}-1.0" for name in names))
    builder.requires = {name: [after] for name, after in pairwise(names)}
    lock(desk, builder, f"--index-url {index.url}", "link0")
    assert packages(desk) == dict.fromkeys(names, "1.0")


def test_resolves_the_extras_of_what_is_built(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve("alpha-1.0", wheels=[wheel(tmp_path, "beta", "1.0"), wheel(tmp_path, "gamma", "1.0")])
    builder.requires = {"alpha": ["beta ; extra == 'fast'", "gamma ; extra == 'slow'\nProvides-Extra: fast"]}
    lock(desk, builder, f"--index-url {index.url}", "alpha[fast]")
    assert packages(desk) == {"alpha": "1.0", "beta": "1.0"}


def test_goes_back_to_another_version_if_the_metadata_asks_for_it(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve("alpha-1.0", "alpha-2.0", wheels=[wheel(tmp_path, "beta", "1.0")])
    builder.requires = {"alpha==2.0": ["beta>=2"], "alpha==1.0": ["beta"]}
    lock(desk, builder, f"--index-url {index.url}", "alpha", "beta")
    assert packages(desk) == {"alpha": "1.0", "beta": "1.0"}
    assert "2.0" not in json.dumps(entry(desk, "alpha"))


def test_a_contradiction_in_the_metadata_is_told_as_one(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve("alpha-1.0", wheels=[wheel(tmp_path, "beta", "1.0"), wheel(tmp_path, "beta", "2.0")])
    builder.requires = {"alpha": ["beta>=2"]}
    with pytest.raises(ResolutionError) as caught:
        lock(desk, builder, f"--index-url {index.url}", "alpha", "beta<2")
    assert type(caught.value) is ResolutionError, caught.value
    assert "no set of versions satisfies the requirements" in str(caught.value)
    assert "beta<2" in str(caught.value)
    assert not desk.lock.exists()


def test_says_what_is_missing_of_what_the_metadata_asks_for(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    index = serve("alpha-1.0")
    builder.requires = {"alpha": ["nowhere"]}
    with pytest.raises(ResolutionError, match="nowhere is not on http") as caught:
        lock(desk, builder, f"--index-url {index.url}", "alpha")
    assert "no wheel of alpha" not in str(caught.value)


def test_heeds_the_python_that_the_metadata_asks_for(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    index = serve("alpha-1.0", "alpha-2.0")
    builder.requires = {"alpha==2.0": ["alpha\nRequires-Python: >=3.14"]}
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    assert packages(desk) == {"alpha": "1.0"}


# Where it comes from


def test_the_hash_on_the_line_is_that_of_the_source_distribution(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve("alpha-1.0", wheels=[wheel(tmp_path, "beta", "1.0")])
    sha256 = hashlib.sha256((tmp_path / "sdists" / "alpha-1.0.tar.gz").read_bytes()).hexdigest()
    lock(desk, builder, f"--index-url {index.url}", f"alpha==1.0 --hash=sha256:{sha256}", "beta")
    assert packages(desk) == {"alpha": "1.0", "beta": "1.0"}
    desk.write(f"--index-url {index.url}", f"alpha==1.0 --hash=sha256:{'0' * 64}", "beta")
    with pytest.raises(HashMismatchError) as caught:
        lock(desk, builder)
    assert "req.txt:2: the source distribution of alpha is not the one whose hash the file gives" in str(caught.value)
    assert f"its sha256: {sha256}" in str(caught.value)


def test_the_index_that_a_line_names(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    first = serve(wheels=[wheel(tmp_path, "beta", "1.0")])
    second = serve("alpha-1.0", "beta-5.0")
    builder.requires = {"alpha": ["beta"]}
    lock(
        desk,
        builder,
        f"--index-url {first.url}",
        f"--extra-index-url {second.url}",
        f"alpha  # index: {second.url}",
        f"beta  # index: {first.url}",
    )
    assert packages(desk) == {"alpha": "1.0", "beta": "1.0"}
    assert entry(desk, "alpha")["index"] == second.url
    assert entry(desk, "beta")["index"] == first.url


@pytest.mark.parametrize("no_index", [True, False])
def test_a_folder_of_files(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path, no_index: bool
) -> None:
    make_sdist(desk.folder / "files", "alpha", "1.0")
    make_wheel(desk.folder / "files", "beta", "1.0")
    builder.requires = {"alpha": ["beta"]}
    where = "--no-index" if no_index else f"--index-url {serve().url}"
    lock(desk, builder, where, "--find-links files", "alpha")
    assert packages(desk) == {"alpha": "1.0", "beta": "1.0"}
    assert entry(desk, "alpha")["sdist"]["path"] == "files/alpha-1.0.tar.gz"
    assert str(tmp_path) not in desk.lock.read_text(encoding="utf-8")
    before = desk.state()
    assert not lock(desk, builder, upgrade=Upgrade(everything=True))
    assert desk.state() == before


def test_no_password_stands_in_the_lock(desk: Desk, builder: FakeBuilder, tmp_path: Path) -> None:
    with PrivateIndex([sdist(tmp_path, "alpha-1.0")], username="me", password="s3cret") as index:
        lock(desk, builder, f"--index-url {index.url_with('me', 's3cret')}", "alpha")
        before = desk.lock.read_bytes()
        assert b"s3cret" not in before
        assert packages(desk) == {"alpha": "1.0"}


# The other architecture


def test_the_other_architecture_is_built_when_somebody_asks(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    index = serve("alpha-1.0")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    refusal = desk.refusal(LockStaleError, target=ARM, locked=True)
    assert "no wheel of alpha==1.0 was built for python3.13/arm64" in refusal
    assert (
        f"layer-constructs lock {desk.file} --runtime python3.13 --architecture arm64 --image house/build:1" in refusal
    )
    before = entry(desk, "alpha")["tool"]["layer-constructs"]["built"]
    assert lock(desk, builder, needed=["arm64"])
    assert packages(desk, ARM) == packages(desk, X86) == {"alpha": "1.0"}
    built = entry(desk, "alpha")["tool"]["layer-constructs"]["built"]
    assert built["x86_64"] == before["x86_64"]
    assert "aarch64" in built["arm64"]["wheel"]
    assert desk.plan(locked=True).plan.architectures == ("x86_64",)
    assert images(desk).keys() == {"x86_64", "arm64"}


def test_a_wheel_without_compiled_code_serves_both(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    builder.pure = frozenset({"alpha"})
    index = serve("alpha-1.0", "beta-1.0")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    assert desk.plan(locked=True).plan.architectures == ("x86_64", "arm64")
    assert packages(desk, ARM) == {"alpha": "1.0"}
    assert images(desk).keys() == {"x86_64"}
    # Nor is it built once more for the other one, where something else has to be.
    lock(desk, builder, f"--index-url {index.url}", "alpha", "beta")
    builder.wheels.clear()
    builder.content = "2"
    lock(desk, builder, needed=["arm64"])
    assert builder.wheels == ["beta==1.0 for python3.13/arm64"]
    assert packages(desk, ARM) == {"alpha": "1.0", "beta": "1.0"}


def test_a_wheel_on_one_architecture_and_a_source_distribution_on_the_other(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve("alpha-1.0", wheels=[wheel(tmp_path, "alpha", "1.0", "cp313-cp313-manylinux_2_17_x86_64")])
    lock(desk, builder, f"--index-url {index.url}", "alpha", needed=["x86_64"])
    assert desk.plan(locked=True).plan.wheels[0].built is None
    assert "no wheel of alpha==1.0 was built" in desk.refusal(LockStaleError, target=ARM, locked=True)
    lock(desk, builder, needed=["arm64"])
    (built,) = desk.plan(target=ARM, locked=True).plan.wheels
    assert built.built
    assert "aarch64" in built.filename
    assert desk.plan(locked=True).plan.wheels[0].built is None
    assert images(desk).keys() == {"arm64"}


@pytest.mark.parametrize("leaf", [EngineError, BuildError])
def test_who_needs_only_the_architecture_with_a_wheel_needs_no_engine(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path, leaf: type[LayerError]
) -> None:
    index = serve("alpha-1.0", wheels=[wheel(tmp_path, "alpha", "1.0", "cp313-cp313-manylinux_2_17_x86_64")])
    builder.failure = leaf("alpha==1.0 needs a container, and there is no docker on this machine")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    assert packages(desk) == {"alpha": "1.0"}
    assert any("python3.13/arm64 is left out" in line for line in desk.said), desk.said
    with pytest.raises(leaf):
        lock(desk, builder, "alpha", f"--index-url {index.url}", "alpha>0", needed=["arm64"])


# What is known already


def test_the_same_again_is_the_same_bytes(desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]) -> None:
    index = serve("alpha-1.0", "beta-1.0")
    builder.pure = frozenset({"beta"})
    lock(desk, builder, f"--index-url {index.url}", "alpha", "beta")
    before = desk.state()
    assert not lock(desk, builder)
    assert not lock(desk, builder, upgrade=Upgrade(everything=True))
    assert desk.state() == before
    desk.lock.unlink()
    lock(desk, builder)
    assert desk.lock.read_bytes() == before[0]


def test_a_lock_that_changes_for_another_reason_keeps_what_was_built(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve("alpha-1.0", wheels=[wheel(tmp_path, "beta", "1.0"), wheel(tmp_path, "gamma", "1.0")])
    builder.requires = {"alpha": ["beta"]}
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    before = entry(desk, "alpha")
    builder.content = "2"
    builder.wheels.clear()
    lock(desk, builder, f"--index-url {index.url}", "alpha", "gamma")
    assert builder.wheels == ["alpha==1.0 for python3.13/x86_64"]  # for its metadata only
    assert packages(desk) == {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"}
    assert entry(desk, "alpha") == before


def test_another_runtime_keeps_every_entry(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    index = serve("alpha-1.0")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    before = entry(desk, "alpha")
    builder.wheels.clear()
    lock(desk, builder, runtimes=["python3.12"])
    entries = [package for package in desk.document()["packages"] if package["name"] == "alpha"]
    assert before in entries
    assert len(entries) == 2
    assert {label.partition(" for ")[2] for label in builder.wheels} == {"python3.12/x86_64"}
    assert packages(desk) == packages(desk, Target("python3.12")) == {"alpha": "1.0"}


def test_an_upgrade_builds_the_new_version(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    first = serve("alpha-1.0", "beta-1.0")
    lock(desk, builder, f"--index-url {first.url}", "alpha", "beta")
    beta = entry(desk, "beta")
    first._wheels["alpha-2.0.tar.gz"] = sdist(tmp_path, "alpha-2.0")
    builder.content = "2"
    assert not lock(desk, builder)
    lock(desk, builder, upgrade=Upgrade(packages=("alpha",)))
    assert packages(desk) == {"alpha": "2.0", "beta": "1.0"}
    assert entry(desk, "beta") == beta


def test_rebuilds_on_request(desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]) -> None:
    index = serve("alpha-1.0")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    before = entry(desk, "alpha")["tool"]["layer-constructs"]["built"]["x86_64"]
    builder.content = "2"
    assert not lock(desk, builder)
    assert lock(desk, builder, rebuild=True)
    after = entry(desk, "alpha")["tool"]["layer-constructs"]["built"]["x86_64"]
    assert after["sha256"] != before["sha256"]


def test_an_image_is_forgotten_when_nothing_is_built_in_it_any_more(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve("alpha-1.0", wheels=[wheel(tmp_path, "beta", "1.0")])
    lock(desk, builder, f"--index-url {index.url}", "alpha", "beta")
    lock(desk, builder, f"--index-url {index.url}", "beta")
    assert images(desk) == {}


# Stale


def changed(desk: Desk, builder: FakeBuilder, bundling: Bundling) -> tuple[Desk, FakeBuilder]:
    return replace(desk, bundling=bundling), replace(builder, bundling=bundling, content="2", wheels=[], images=[])


@pytest.mark.parametrize(
    ("bundling", "said", "option"),
    [
        (
            Bundling.auto(image="house/build:2"),
            "the image for python3.13/x86_64: house/build:1 became house/build:2",
            "--image house/build:2",
        ),
        (
            Bundling.auto(),
            "the image for python3.13/x86_64: house/build:1 became public.ecr.aws/sam/build-python3.13",
            "--architecture x86_64",
        ),
        (
            Bundling.auto(image="house/build:1", command_hooks=["dnf install -y libpq"]),
            "the options of the container for python3.13/x86_64 changed",
            "--command-hook 'dnf install -y libpq'",
        ),
        (
            Bundling.auto(image="house/build:1", build_constraints=["setuptools<81"]),
            "the options of the container for python3.13/x86_64 changed",
            "--build-constraint 'setuptools<81'",
        ),
    ],
    ids=["image", "default image", "hook", "constraint"],
)
def test_another_image_or_option_is_stale_in_ci_and_built_elsewhere(
    desk: Desk,
    builder: FakeBuilder,
    serve: Callable[..., PrivateIndex],
    bundling: Bundling,
    said: str,
    option: str,
) -> None:
    index = serve("alpha-1.0")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    before = entry(desk, "alpha")["tool"]["layer-constructs"]["built"]["x86_64"]["sha256"]
    desk, builder = changed(desk, builder, bundling)
    refusal = desk.refusal(LockStaleError, locked=True)
    assert said in refusal
    assert option in refusal
    lock(desk, builder)
    assert packages(desk) == {"alpha": "1.0"}
    assert entry(desk, "alpha")["tool"]["layer-constructs"]["built"]["x86_64"]["sha256"] != before


def test_a_changed_password_builds_nothing(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    index = serve("alpha-1.0")
    for secret in ("one", "two"):
        desk, builder = changed(
            desk, builder, Bundling.auto(image="house/build:1", environment={"PIP_PASSWORD": secret})
        )
        wrote = lock(desk, builder, f"--index-url {index.url}", "alpha")
        assert wrote is (secret == "one")
        assert packages(desk) == {"alpha": "1.0"}
    assert builder.wheels == []


def test_without_the_table_of_images_it_is_built_anew(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    index = serve("alpha-1.0")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    before = desk.lock.read_text(encoding="utf-8")
    desk.lock.write_text(re.sub(r"\.images\.x86_64\]\n.*", "]\n", before, flags=re.DOTALL), encoding="utf-8")
    assert images(desk) == {}
    assert "no image is locked for python3.13/x86_64" in desk.refusal(LockStaleError, locked=True)
    lock(desk, builder)
    assert desk.lock.read_text(encoding="utf-8") == before


def test_check_looks_for_what_was_not_built(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    index = serve("alpha-1.0")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    dependencies = Dependencies(requirements=desk.file, bundling=desk.bundling)
    request = lock_request(dependencies, read(dependencies), environ={})
    check(request, [X86.runtime])
    check(request, [X86.runtime], ["x86_64"])
    with pytest.raises(LockStaleError, match=r"no wheel of alpha==1\.0 was built for python3\.13/arm64"):
        check(request, [X86.runtime], ["arm64"])


@pytest.mark.parametrize("locked", [True, False])
def test_where_nothing_may_be_built_the_error_says_so(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], locked: bool
) -> None:
    index = serve("alpha-1.0")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    here = replace(desk, bundling=Bundling.local())
    assert here.packages() == {"alpha": "1.0"}  # what was built is locked, and may be in the cache
    refusal = here.refusal(WheelUnavailableError, target=ARM, locked=locked)
    assert "req.txt: no wheel of alpha==1.0 runs on python3.13/arm64" in refusal
    assert "Bundling.local() never starts a container" in refusal


def test_docker_locks_the_image_though_everything_has_a_wheel(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], tmp_path: Path
) -> None:
    index = serve(wheels=[wheel(tmp_path, "beta", "1.0")])
    lock(desk, builder, f"--index-url {index.url}", "beta")
    assert builder.images == []
    auto = desk.plan(locked=True).plan
    desk, builder = changed(desk, builder, Bundling.docker(image="house/build:1"))
    refusal = desk.refusal(LockStaleError, locked=True)
    assert "no image is locked for python3.13/x86_64" in refusal
    assert "--bundling docker" in refusal
    lock(desk, builder)
    docker = desk.plan(locked=True).plan
    assert docker.packages == auto.packages
    assert docker.digest != auto.digest
    assert docker.made_in == f"house/build:1@sha256:1 {desk.bundling.options.fingerprint}"
    assert (docker.architectures, auto.architectures) == (("x86_64",), ("x86_64", "arm64"))
    assert builder.wheels == []


# Failures


def test_a_failed_build_leaves_no_lock(desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]) -> None:
    index = serve("alpha-1.0", "beta-1.0")
    builder.failure = BuildError("alpha==1.0 can't be built")
    with pytest.raises(BuildError, match="can't be built"):
        lock(desk, builder, f"--index-url {index.url}", "alpha")
    assert sorted(path.name for path in desk.folder.iterdir()) == ["req.txt"]
    builder.failure = None
    lock(desk, builder)
    before = desk.state()
    builder.failure = BuildError("beta==1.0 can't be built")
    with pytest.raises(BuildError):
        lock(desk, builder, f"--index-url {index.url}", "alpha", "beta")
    assert desk.state() == before


def test_a_missing_engine_says_for_what_it_is_needed(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex]
) -> None:
    index = serve("alpha-1.0")
    builder.failure = EngineError("alpha==1.0 needs a container, and there is no docker", fix="install it")
    with pytest.raises(EngineError) as caught:
        lock(desk, builder, f"--index-url {index.url}", "alpha")
    assert str(caught.value).splitlines() == [
        "alpha==1.0 needs a container, and there is no docker",
        "  nothing of a dependency is run on this machine, so source distributions are not built",
        "  wheels for: no Lambda target",
        "  fix: install it",
    ]


@pytest.mark.parametrize("requirement", ["beta>=1.*", "beta\nRequires-Python: >=3.*.1"])
def test_metadata_that_is_not_valid_names_the_package(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], requirement: str
) -> None:
    index = serve("alpha-1.0")
    builder.requires = {"alpha": [requirement]}
    with pytest.raises(BuildError, match=r"alpha-1\.0-.* was built, and its metadata is not valid"):
        lock(desk, builder, f"--index-url {index.url}", "alpha")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('wheel = "alpha-1.0-', 'wheel = "beta-1.0-'),
        ('wheel = "alpha-1.0-', 'wheel = "alpha-1.1-'),
        ('wheel = "alpha-1.0-', 'wheel = "alpha-1.0-1/../../../x-'),
        ('wheel = "alpha-1.0-', 'wheel = "alpha-1.0-1\\\\..\\\\x-'),
        ("manylinux_2_34_x86_64.whl", "manylinux_2_34_aarch64.whl"),
        ("manylinux_2_34_x86_64.whl", "manylinux_2_34_x86_64.zip"),
        ('backend = ["setuptools==80.9.0"]', 'backend = "setuptools==80.9.0"'),
        ('backend = ["setuptools==80.9.0"]', "backend = [1]"),
        ('backend = ["setuptools==80.9.0"]', 'backend = ["--index-url https://evil.example/simple"]'),
        ('backend = ["setuptools==80.9.0"]', 'backend = ["setuptools==80.9.0\\n-r /etc/passwd"]'),
        ('backend = ["setuptools==80.9.0"]\n', ""),
    ],
)
def test_a_built_wheel_that_was_edited_is_refused(
    desk: Desk, builder: FakeBuilder, serve: Callable[..., PrivateIndex], old: str, new: str
) -> None:
    index = serve("alpha-1.0")
    lock(desk, builder, f"--index-url {index.url}", "alpha")
    desk.edit(old, new)
    text = desk.refusal(LockInvalidError, locked=True)
    assert "alpha" in text
    assert "delete it and lock again" in text
