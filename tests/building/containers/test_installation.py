"""Wheels unpacked in a container: the same tree as on the host, and the same errors."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

from layer_constructs.building import archive, tree
from layer_constructs.building.cache import Cache
from layer_constructs.building.containers import agent, engine, installation
from layer_constructs.building.containers.engine import Image
from layer_constructs.building.containers.installation import install_there
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.indexes.index import PYPI, FindLinks, Index, Indexes
from layer_constructs.building.install import install
from layer_constructs.building.locking import uv_errors
from layer_constructs.building.process import run
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import (
    BuildError,
    ContainerError,
    EngineError,
    HashMismatchError,
    IndexUnavailableError,
    LayerError,
)
from tests.support.engine import needs_images
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

X86 = Target("python3.13")
X86_IMAGE = "localhost/layer-constructs/python3.13:trixie-amd64"
SECRET = "s3cret/t0ken word"
NOWHERE = Indexes(indexes=(Index(url="http://127.0.0.1:9/simple", name="lc0"),))
PYPI_ONLY = Indexes(indexes=(Index(url=PYPI, name="lc0"),))
HOST_NETWORK = ContainerOptions(network="host")

_FILES = "https://files.pythonhosted.org/packages"
SIX = LockedWheel(
    name="six",
    version="1.17.0",
    filename="six-1.17.0-py2.py3-none-any.whl",
    sha256="4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274",
    url=f"{_FILES}/b7/ce/149a00dd41f10bc29e5921b496af8b574d8413afcd5e30dfa0ed46c2cc5e/six-1.17.0-py2.py3-none-any.whl",
    index=PYPI,
)
_NUMPY = "numpy-2.3.5-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"
NUMPY = LockedWheel(
    name="numpy",
    version="2.3.5",
    filename=_NUMPY,
    sha256="11e06aa0af8c0f05104d56450d6093ee639e15f24ecf62d417329d06e522e017",
    url=f"{_FILES}/f5/10/ca162f45a102738958dcec8023062dad0cbc17d1ab99d68c4e4a6c45fb2b/{_NUMPY}",
    index=PYPI,
)

Install = Callable[..., None]


@pytest.fixture
def there(tmp_path: Path) -> Install:
    """``install_there`` into ``tmp_path / "there"``, without any option."""
    return partial(
        _install, into=tmp_path / "there", log=tmp_path / "log.txt", cache=Cache(tmp_path / "cache"),
    )  # fmt: skip


def _install(
    wheels: Sequence[LockedWheel],
    image: Image,
    indexes: Indexes = NOWHERE,
    options: ContainerOptions | None = None,
    **more: object,
) -> None:
    install_there(
        wheels, image, X86, options or ContainerOptions(),
        indexes=indexes, failure=partial(uv_errors.installation_failure, indexes=indexes), **more,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> Image:
    needs_images(X86_IMAGE)
    monkeypatch.setenv("CDK_DOCKER", "podman")
    return engine.image_of(X86_IMAGE, X86, engine="podman", env=os.environ, needed_by="tiny==1.0", run=run)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def local(path: Path) -> LockedWheel:
    name, version = path.name.split("-")[:2]
    return LockedWheel(name=name, version=version, filename=path.name, sha256=sha256(path), path=path)


def served(path: Path, index: PrivateIndex) -> LockedWheel:
    url = f"http://{index.host}/files/{path.name}"
    return replace(local(path), path=None, url=url, index=index.url)


def only(index: PrivateIndex, password: str = SECRET) -> Indexes:
    return Indexes(indexes=(Index(url=index.url, name="lc0", username="user", password=password),))


def zipped(site: Path, tmp_path: Path) -> str:
    """The hash of the layer that a folder makes."""
    root = tmp_path / f"root-{site.name}"
    root.mkdir()
    shutil.copytree(site, root / "python", symlinks=True)
    return archive.write_zip(root, tree.normalise(root), tmp_path / f"{site.name}.zip").sha256


def same_as_here(wheels: Sequence[LockedWheel], indexes: Indexes, tmp_path: Path) -> bool:
    """Whether what lies in ``there`` makes the layer that these wheels make on the host."""
    work = tmp_path / "work"
    work.mkdir()
    install(wheels, X86, into=tmp_path / "here", work=work, indexes=indexes)
    return zipped(tmp_path / "here", tmp_path) == zipped(tmp_path / "there", tmp_path)


# --- with a real container engine


@pytest.mark.network
def test_installs_real_wheels_as_the_host_does(there: Install, image: Image, tmp_path: Path) -> None:
    there([NUMPY, SIX], image, PYPI_ONLY)

    assert same_as_here([NUMPY, SIX], PYPI_ONLY, tmp_path)
    files = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in files} == {(os.getuid(), os.getgid())}
    assert any(path.name.endswith(".cpython-313-x86_64-linux-gnu.so") for path in files)


def test_installs_local_wheels_and_those_of_an_index_with_a_password(
    there: Install, image: Image, tmp_path: Path
) -> None:
    script = {"tiny.py": b"", "tiny-1.0+a.1.data/scripts/run": b"#!python\n", "tiny/data": b"x" * 100_000}
    entry = "[console_scripts]\nother = other:main\n"
    wheels = [
        local(make_wheel(tmp_path / "with a blank", "tiny", "1.0+a.1", files=script)),
        local(make_wheel(tmp_path / "linux", "native", "1.0", tag="cp313-cp313-linux_x86_64")),
    ]
    private = make_wheel(tmp_path, "other", "2.0", entry_points=entry)
    with PrivateIndex([private], username="user", password=SECRET) as index:
        wheels.append(served(private, index))
        there(wheels, image, only(index), HOST_NETWORK)

        assert same_as_here(wheels, only(index), tmp_path)
    assert (tmp_path / "there" / "bin" / "other").stat().st_mode & 0o111
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


def test_refuses_what_the_host_refuses(there: Install, image: Image, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny", "1.0")
    evil = make_wheel(tmp_path, "evil", "1.0", extra_raw={"../outside.py": b"print()"})
    with PrivateIndex([wheel, evil], username="user", password=SECRET) as index:
        with pytest.raises(HashMismatchError, match="is not the one that was locked") as raised:
            there([replace(served(wheel, index), sha256="0" * 64)], image, only(index), HOST_NETWORK)
        assert "tiny" in str(raised.value)

        with pytest.raises(IndexUnavailableError, match="401"):
            there([served(wheel, index)], image, only(index, "wrong"), HOST_NETWORK)

        with pytest.raises(BuildError, match=r"evil-1\.0-py3-none-any\.whl has a file that leaves its folder: '\.\./"):
            there([served(wheel, index), served(evil, index)], image, only(index), HOST_NETWORK)


def test_says_that_an_index_does_not_answer_and_not_that_the_engine_does_not(
    there: Install, image: Image, tmp_path: Path
) -> None:
    gone = replace(
        SIX, url="http://127.0.0.1:9/files/six-1.17.0-py2.py3-none-any.whl", index="http://127.0.0.1:9/simple"
    )

    with pytest.raises(IndexUnavailableError, match=r"http://127\.0\.0\.1:9/simple can't be reached"):
        there([gone], image, NOWHERE, HOST_NETWORK)


# --- with an engine that is played


class Played:
    """A pipe that keeps what it is given and ends as it is told."""

    def __init__(self, code: int, log: str) -> None:
        self.code, self.log = code, log
        self.argv: list[str] = []
        self.orders: dict[str, Any] = {}
        self.sent: list[str] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        send: Callable[[IO[bytes]], None],
        answer: Path,
        log: Path,
        secrets: Iterable[str] = (),
    ) -> int:
        self.argv = list(argv)
        stream = io.BytesIO()
        send(stream)
        stream.seek(0)
        stream.seek(int(stream.readline()), os.SEEK_CUR)
        with tarfile.open(fileobj=stream, mode="r|") as sent:
            for member in sent:
                self.sent.append(member.name)
                content = sent.extractfile(member)
                if member.name == "job.json" and content:
                    self.orders = json.load(content)
        log.write_text(self.log, encoding="utf-8")
        with tarfile.open(answer, "w"):
            pass
        return self.code


IMAGE = Image(reference="house/build:1", id="sha256:" + "a" * 64, digest=None)


@pytest.mark.parametrize(
    ("code", "log", "error", "text"),
    [
        (
            125,
            "Cannot connect to the Docker daemon at unix:///x.",
            EngineError,
            r"six==1\.17\.0 needs a container, and",
        ),
        (agent.HOOK_FAILED, "no such program\nmake it\n", ContainerError, r"six==1\.17\.0: the command hook 'make it'"),
        (agent.COMMAND_FAILED, f"odd\n{installation._LABEL}\n", BuildError, r"could not be installed\n  odd$"),
        (
            127,
            'exec: "python3.13": executable file not found in $PATH',
            ContainerError,
            r"six==1\.17\.0 needs python3\.13 in house/build:1",
        ),
    ],
)
def test_says_what_failed(code: int, log: str, error: type[LayerError], text: str, there: Install) -> None:
    with pytest.raises(error, match=text):
        there([SIX], IMAGE, pipe=Played(code, log))


def test_asks_indexes_as_the_host_would_and_names_none_of_its_folders(
    there: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "UV_HTTP_TIMEOUT": "7",
        "UV_CACHE_DIR": "/home/me/uv",
        "UV_KEYRING_PROVIDER": "subprocess",
        "UV_PRERELEASE": "allow",
    }.items():
        monkeypatch.setenv(name, value)
    pages = (FindLinks(url="file:///srv/wheels"), FindLinks(url="https://files.house.example/links"))
    house = Index(url="https://pypi.house.example/simple", name="lc0", username="user", password=SECRET)
    wheel = local(make_wheel(tmp_path, "tiny", "1.0"))
    played = Played(0, "")

    there([SIX, wheel], IMAGE, Indexes(indexes=(house,), find_links=pages), pipe=played)

    environment = {name: value for name, value in played.orders["environment"].items() if name.startswith("UV_")}
    assert environment == {
        "UV_HTTP_RETRIES": "1",
        "UV_HTTP_TIMEOUT": "7",
        "UV_HTTP_CONNECT_TIMEOUT": "5",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_DEFAULT_INDEX": "lc0=https://pypi.house.example/simple",
        "UV_INDEX_LC0_USERNAME": "user",
        "UV_INDEX_LC0_PASSWORD": SECRET,
        "UV_FIND_LINKS": "https://files.house.example/links",
        "UV_CACHE_DIR": "{root}/uv",
    }
    assert {"bin/uv", "pylock.layer.toml", "wheels/1/tiny-1.0-py3-none-any.whl"} <= set(played.sent)
    assert played.orders["commands"] == [
        [
            installation._LABEL,
            [
                "{root}/bin/uv", "pip", "install",
                "--requirements", "{root}/pylock.layer.toml",
                "--target", "{root}/out",
                "--python", "{python}",
                "--python-version", "3.13",
                "--python-platform", "x86_64-manylinux_2_40",
                "--no-deps", "--no-build", "--no-config", "--no-installer-metadata",
                "--link-mode", "copy",
                "--preview-features", "pylock",
            ],
        ]
    ]  # fmt: skip
    assert SECRET not in " ".join(played.argv)


def test_starts_no_container_for_a_local_wheel_that_changed(there: Install, tmp_path: Path) -> None:
    played = Played(0, "")
    wheel = replace(local(make_wheel(tmp_path, "tiny", "1.0")), sha256="0" * 64)

    with pytest.raises(HashMismatchError, match=r"tiny-1\.0-py3-none-any\.whl is not the wheel that was locked"):
        there([wheel], IMAGE, pipe=played)

    assert played.argv == []


def test_starts_no_container_for_no_wheels(there: Install, tmp_path: Path) -> None:
    played = Played(0, "")

    there([], IMAGE, pipe=played)

    assert played.argv == []
    assert list((tmp_path / "there").iterdir()) == []


def test_names_a_few_of_many_packages() -> None:
    wheels = [replace(SIX, name=name, version="1") for name in "abcde"]

    assert installation.needed_by(wheels[:3]) == "a==1, b==1, c==1"
    assert installation.needed_by(wheels) == "a==1, b==1, c==1, 2 more"
