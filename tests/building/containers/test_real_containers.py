"""With a real container engine and the images that `tests/engine/prepare` makes."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from layer_constructs.building.cache import Cache
from layer_constructs.building.containers import engine
from layer_constructs.building.containers.engine import Image
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.containers.wheels import Sdist, build_wheels
from layer_constructs.building.containers.work import NAME, Job, work
from layer_constructs.building.indexes.index import Index, Indexes
from layer_constructs.building.process import pipe, run
from layer_constructs.building.target import Target
from layer_constructs.errors import ContainerError, ImageError
from tests.support.engine import needs_images
from tests.support.private_index import PrivateIndex
from tests.support.sdists import make_sdist
from tests.support.wheels import make_wheel

X86 = Target("python3.13")
ARM = Target("python3.13", "arm64")
X86_IMAGE = "localhost/layer-constructs/python3.13:trixie-amd64"
ARM_IMAGE = "localhost/layer-constructs/python3.13:trixie"
PYPI = Indexes(indexes=(Index(url="https://pypi.org/simple", name="pypi"),))
SECRET = "s3cret-t0ken"


@pytest.fixture
def podman(monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine's name, with the images there."""
    needs_images(X86_IMAGE, ARM_IMAGE)
    monkeypatch.setenv("CDK_DOCKER", "podman")
    return "podman"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def image(reference: str, target: Target) -> Image:
    return engine.image_of(reference, target, engine="podman", env=os.environ, needed_by="tiny==1.0", run=run)


def in_container(podman: str, command: str, tmp_path: Path, options: ContainerOptions | None = None, **env: str) -> str:
    """What a shell command says in a container of the x86_64 image."""
    job = Job(
        files={"out/nothing": b""},
        commands=[("the command", ["/bin/sh", "-c", f"({command}) > {{root}}/out/said"])],
        environment=env,
    )
    work(
        job, image(X86_IMAGE, X86), X86, options or ContainerOptions(),
        into=tmp_path / "into", log=tmp_path / "log.txt", needed_by="tiny==1.0", secrets=[SECRET],
    )  # fmt: skip
    return (tmp_path / "into" / "said").read_text()


def containers_of_ours(podman: str) -> list[str]:
    """Not those of another test run beside this one, or of one that was killed."""
    filters = ["--filter", f"name={NAME}-{os.getpid()}-"]
    done = subprocess.run(
        [podman, "ps", "--all", "--format", "{{.Names}}", *filters], check=True, capture_output=True, text=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(("target", "reference", "machine"), [(X86, X86_IMAGE, "x86_64"), (ARM, ARM_IMAGE, "aarch64")])
def test_builds_a_c_extension_for_the_target(
    target: Target, reference: str, machine: str, podman: str, cache: Cache, tmp_path: Path
) -> None:
    sdist = Sdist(label="tiny==1.0", path=make_sdist(tmp_path, "tiny"))

    built = build_wheels(
        [sdist], image(reference, target), target, ContainerOptions(),
        into=tmp_path / "into", log=tmp_path / "log.txt", cache=cache, indexes=PYPI,
    )  # fmt: skip

    wheel = built["tiny==1.0"]
    assert wheel.name == f"tiny-1.0-cp313-cp313-linux_{machine}.whl"
    with zipfile.ZipFile(wheel) as archive:
        library = archive.read(f"tiny.cpython-313-{machine}-linux-gnu.so")
    assert library[18] == {"x86_64": 0x3E, "aarch64": 0xB7}[machine]  # e_machine of the ELF header
    assert wheel.stat().st_uid == os.getuid()
    assert containers_of_ours(podman) == []


def test_builds_the_same_wheel_twice(podman: str, cache: Cache, tmp_path: Path) -> None:
    sdist = Sdist(label="tiny==1.0", path=make_sdist(tmp_path, "tiny"))

    first, second = (
        build_wheels(
            [sdist], image(X86_IMAGE, X86), X86, ContainerOptions(),
            into=tmp_path / name, log=tmp_path / "log.txt", cache=cache, indexes=PYPI,
            constraints=["setuptools==80.9.0"],
        )["tiny==1.0"].read_bytes()
        for name in ("first", "second")
    )  # fmt: skip

    assert first == second


def test_says_which_package_does_not_compile_and_where_the_log_is(podman: str, cache: Cache, tmp_path: Path) -> None:
    good = Sdist(label="good==1.0", path=make_sdist(tmp_path, "good"))
    bad = Sdist(label="bad==1.0", path=make_sdist(tmp_path, "bad", source="#include <libpq-fe.h>"))
    log = tmp_path / "log.txt"

    with pytest.raises(ContainerError, match=r"bad==1\.0 can't be built in localhost/") as raised:
        build_wheels(
            [good, bad], image(X86_IMAGE, X86), X86, ContainerOptions(),
            into=tmp_path / "into", log=log, cache=cache, indexes=PYPI,
        )  # fmt: skip

    assert "libpq-fe.h: No such file" in str(raised.value)
    assert str(log) in str(raised.value)
    assert containers_of_ours(podman) == []


def test_takes_a_build_backend_from_an_index_with_a_password(podman: str, cache: Cache, tmp_path: Path) -> None:
    backend = make_wheel(
        tmp_path, "backend", "1.0",
        files={"backend.py": b"def build_wheel(into, settings=None, metadata=None):\n"
               b"    import shutil; shutil.copy('ready.whl', into + '/tiny-1.0-py3-none-any.whl')\n"
               b"    return 'tiny-1.0-py3-none-any.whl'\n"},
    )  # fmt: skip
    ready = make_wheel(tmp_path / "ready", "tiny", "1.0")
    sdist = tmp_path / "tiny-1.0.tar.gz"
    project = b'[build-system]\nrequires = ["backend"]\nbuild-backend = "backend"\n'
    with tarfile.open(sdist, "w:gz") as archive:
        for name, content in (("pyproject.toml", project), ("ready.whl", ready.read_bytes())):
            member = tarfile.TarInfo(f"tiny-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    with PrivateIndex([backend], username="user", password=SECRET) as index:
        private = Index(url=index.url, name="lc0", username="user", password=SECRET)
        built = build_wheels(
            [Sdist(label="tiny==1.0", path=sdist)], image(X86_IMAGE, X86), X86, ContainerOptions(network="host"),
            into=tmp_path / "into", log=tmp_path / "log.txt", cache=cache, indexes=Indexes(indexes=(private,)),
        )  # fmt: skip
        wrong = Indexes(indexes=(replace(private, password="wrong"),))
        with pytest.raises(ContainerError, match="401"):
            build_wheels(
                [Sdist(label="tiny==1.0", path=sdist)], image(X86_IMAGE, X86), X86, ContainerOptions(network="host"),
                into=tmp_path / "again", log=tmp_path / "again.txt", cache=cache, indexes=wrong,
            )  # fmt: skip

    assert built["tiny==1.0"].name == ready.name
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


def test_a_secret_is_in_no_argument_list_and_no_configuration_of_the_container(podman: str, tmp_path: Path) -> None:
    first = "tr '\\0' ' ' < /proc/1/cmdline; tr '\\0' ' ' < /proc/1/environ"

    inspect = in_container(podman, first, tmp_path, TOKEN=SECRET)

    assert "python3.13" in inspect
    assert SECRET not in inspect


def test_a_secret_that_is_printed_is_masked_in_the_log(podman: str, tmp_path: Path) -> None:
    in_container(podman, "echo $TOKEN >&2", tmp_path, TOKEN=SECRET)

    assert (tmp_path / "log.txt").read_text() == "****\n"


def test_runs_hooks_first_as_root_in_the_working_directory(podman: str, tmp_path: Path) -> None:
    options = ContainerOptions(working_directory="/srv", command_hooks=("id -u > here", "pwd >> here"))

    assert in_container(podman, "cat /srv/here", tmp_path, options) == "0\n/srv\n"


def test_says_which_hook_failed(podman: str, tmp_path: Path) -> None:
    options = ContainerOptions(command_hooks=("echo before it >&2; no-such-command",))

    with pytest.raises(ContainerError, match=r"the command hook 'echo before it.*no-such-command' failed") as raised:
        in_container(podman, "true", tmp_path, options)

    assert "before it" in raised.value.details


def test_runs_as_another_user_and_with_an_entrypoint_of_the_users_own(podman: str, tmp_path: Path) -> None:
    options = ContainerOptions(
        user="1234:1234", entrypoint=("/usr/bin/env", "MARK=here"), environment={"GREETING": "hello"}
    )

    assert in_container(podman, "id -u; echo $MARK $GREETING", tmp_path, options) == "1234\nhere hello\n"
    assert (tmp_path / "into" / "said").stat().st_uid == os.getuid()


def test_stops_the_container_when_it_is_interrupted(podman: str, tmp_path: Path) -> None:
    def interrupted(
        argv: Sequence[str], *, env: Mapping[str, str], send: Callable[[IO[bytes]], None], answer: Path, log: Path,
        secrets: Iterable[str] = (),
    ) -> int:  # fmt: skip
        def send_and_interrupt(stream: IO[bytes]) -> None:
            send(stream)
            stream.flush()
            name = argv[argv.index("--name") + 1]
            deadline = time.monotonic() + 30
            while name not in containers_of_ours(podman):
                assert time.monotonic() < deadline, "the container never started"
            raise KeyboardInterrupt

        return pipe(argv, env=env, send=send_and_interrupt, answer=answer, log=log, secrets=secrets)

    job = Job(files={}, commands=[("sleeper", ["/bin/sleep", "600"])], environment={})

    with pytest.raises(KeyboardInterrupt):
        work(
            job, image(X86_IMAGE, X86), X86, ContainerOptions(),
            into=tmp_path / "into", log=tmp_path / "log.txt", needed_by="tiny==1.0", pipe=interrupted,
        )  # fmt: skip

    assert containers_of_ours(podman) == []
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]


def test_refuses_an_image_for_another_architecture(podman: str) -> None:
    with pytest.raises(ImageError, match=r"for linux/amd64, and the image .* is for linux/arm64"):
        image(ARM_IMAGE, X86)


def test_refuses_an_image_without_the_runtime(podman: str, tmp_path: Path) -> None:
    old = Target("python3.9")
    job = Job(files={}, commands=[], environment={})

    with pytest.raises(ContainerError, match=r"needs python3\.9 in localhost/.*, which has none"):
        work(
            job, image(X86_IMAGE, old), old, ContainerOptions(),
            into=tmp_path / "into", log=tmp_path / "log.txt", needed_by="tiny==1.0",
        )  # fmt: skip
