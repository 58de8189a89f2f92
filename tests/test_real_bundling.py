"""Packages without wheels through the public API, with a real container engine (`tests/engine/prepare`)."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from benchmarks.cases.mixed import THIRTY
from layer_constructs import Bundling, PythonDepsLayer, PythonDepsLayerSet
from layer_constructs.building import uv
from layer_constructs.building.archive import extract
from layer_constructs.building.containers.work import NAME
from layer_constructs.building.process import clean_environment
from layer_constructs.errors import (
    ContainerError,
    EngineError,
    HashMismatchError,
    ImageError,
    LayerError,
    WheelUnavailableError,
)
from tests.support.desk import Desk, make_desk
from tests.support.engine import is_there, needs_images
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

IMAGE = "localhost/layer-constructs/python3.13:bookworm"
OTHER_IMAGE = "localhost/layer-constructs/python3.13:trixie-amd64"
ARM_IMAGE = "localhost/layer-constructs/python3.13:trixie"
PASSWORD = "s3cret-t0ken"

# On no index, so that only the folder beside the file offers it.
TINY = "lc-tests-tiny==1.0"
LINES = ("--find-links dists", TINY)

# A build backend in the source distribution itself: nothing is fetched, and little is imported under emulation.
BACKEND = """
import shlex, subprocess, sys, sysconfig, zipfile

def build_wheel(into, settings=None, metadata=None):
    machine, python = sysconfig.get_platform().replace("-", "_"), "cp%d%d" % sys.version_info[:2]
    open("tiny.c", "w").write({source!r})
{code}
    compiler = shlex.split(sysconfig.get_config_var("CC"))
    subprocess.check_call([*compiler, "-shared", "-fPIC", "-o", "tiny.so", "tiny.c"])
    tag = python + "-" + python + "-" + machine
    wheel, info = "lc_tests_tiny-1.0-" + tag + ".whl", "lc_tests_tiny-1.0.dist-info/"
    with zipfile.ZipFile(into + "/" + wheel, "w") as archive:
        archive.write("tiny.so", "lc_tests_tiny.so")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: lc-tests-tiny\\nVersion: 1.0\\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: " + tag)
        archive.writestr(info + "RECORD", "")
    return wheel
"""

SOURCE = "int answer(void) { return 42; }"


def make_sdist(folder: Path, *, source: str = SOURCE, code: str = "", requires: str = "") -> Path:
    """:param code: run by the build backend before it compiles.
    :param requires: what is installed for it.
    """
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: lc-tests-tiny\nVersion: 1.0\n",
        "pyproject.toml": f'[build-system]\nrequires = [{requires}]\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND.format(source=source, code=textwrap.indent(code, "    ")),
    }
    folder.mkdir(exist_ok=True)
    path = folder / "lc_tests_tiny-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for place, text in files.items():
            member = tarfile.TarInfo(f"lc_tests_tiny-1.0/{place}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What was asked of the engine, one argument list a line; the engine and the images are there."""
    needs_images(IMAGE, OTHER_IMAGE, ARM_IMAGE)
    (tmp_path / "bin").mkdir()
    asked, program = tmp_path / "bin" / "asked.txt", tmp_path / "bin" / "podman"
    asked.touch()
    program.write_text(f'#!/bin/sh\necho "$*" >> {asked}\nexec {shutil.which("podman")} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("CDK_DOCKER", str(program))
    return asked


@pytest.fixture
def desk(podman: Path, tmp_path: Path) -> Desk:
    desk = replace(make_desk(tmp_path), bundling=Bundling.auto(image=IMAGE))
    make_sdist(desk.folder / "dists")
    return desk


def bundled(desk: Desk, bundling: Bundling) -> Desk:
    return replace(desk, bundling=bundling)


def runs(asked: Path) -> int:
    """How many containers were started."""
    return sum(line.startswith("run ") for line in asked.read_text(encoding="utf-8").splitlines())


def imported(layer: Path, name: str, into: Path) -> str:
    """What a clean container of the image says of a module of the layer."""
    extract(layer, into)
    done = subprocess.run(
        ["podman", "run", "--rm", "--volume", f"{into / 'python'}:/opt/python:ro", "--env", "PYTHONPATH=/opt/python",
         IMAGE, "python3.13", "-c", f"import {name}; print({name}.__file__)"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def containers(pid: int) -> list[str]:
    command = ["podman", "ps", "--all", "--format", "{{.Names}}", "--filter", f"name={NAME}-{pid}-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def everything_said_to_programs() -> str:
    """The argument lists of all processes of the machine."""
    said = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it ended
            continue
    return "\n".join(said)


def elf_machine(wheel: Path) -> int:
    """``e_machine`` of the header of its library."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read("lc_tests_tiny.so")[18]


@contextmanager
def watched() -> Iterator[list[str]]:
    """What is public of the processes and containers while the block runs."""
    seen: list[str] = []
    over = Event()

    def look() -> None:
        while not over.wait(0.5):
            seen.append(everything_said_to_programs())
            names = containers(os.getpid())
            if names:
                command = ["podman", "inspect", *names]
                seen.append(subprocess.run(command, check=False, capture_output=True, text=True).stdout)

    watcher = Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def without_what_was_made(desk: Desk) -> None:
    for kind in ("wheels", "layers", "built"):
        shutil.rmtree(desk.cache.root / kind)


def test_a_package_and_the_library_it_needs_load_where_that_library_is_not(desk: Desk, tmp_path: Path) -> None:
    hook = "apt-get update -qq && apt-get install -y -qq --no-install-recommends libpq-dev"
    desk = bundled(desk, Bundling.auto(image=IMAGE, command_hooks=[hook]))

    layer = desk.build(desk.plan("psycopg2==2.9.11"))

    assert imported(layer.archive, "psycopg2", tmp_path / "opt").startswith("/opt/python/psycopg2/__init__.py")
    assert [path.name for path in (tmp_path / "opt" / "python").rglob("libpq*")]


def test_only_what_has_no_wheel_is_built_and_for_both_architectures(
    desk: Desk, podman: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(desk.cache.root))
    monkeypatch.setenv("UV_INDEX_HOUSE_USERNAME", "user")
    monkeypatch.setenv("UV_INDEX_HOUSE_PASSWORD", PASSWORD)
    sdist = desk.folder / "dists" / "lc_tests_tiny-1.0.tar.gz"
    with PrivateIndex([sdist], username="user", password=PASSWORD) as index, watched() as seen:
        monkeypatch.setenv("UV_INDEX", f"house={index.url}")
        requirements = desk.write(TINY, "markupsafe==3.0.2")
        app = cdk.App(outdir=str(tmp_path / "cdk.out"))
        stack = cdk.Stack(app, "Stack")
        for name, image, architecture in (
            ("X86", IMAGE, lambda_.Architecture.X86_64),
            ("Arm", ARM_IMAGE, lambda_.Architecture.ARM_64),
        ):
            PythonDepsLayer(
                stack, name, requirements=requirements, runtime=lambda_.Runtime.PYTHON_3_13, architecture=architecture,
                bundling=Bundling.auto(image=image, network="host"),
            )  # fmt: skip
        app.synth()

    assert runs(podman) == 2
    machines = {path.name: elf_machine(path) for path in (desk.cache.root / "wheels").rglob("*.whl")}
    assert machines == {
        "lc_tests_tiny-1.0-cp313-cp313-linux_x86_64.whl": 0x3E,
        "lc_tests_tiny-1.0-cp313-cp313-linux_aarch64.whl": 0xB7,
    }
    assert any(NAME in text and '"Config"' in text for text in seen)
    assert PASSWORD not in "\n".join(seen)
    assert PASSWORD not in podman.read_text(encoding="utf-8")
    assert [path for path, content in desk.files().items() if PASSWORD.encode() in content] == []


@pytest.mark.network
def test_one_package_is_built_and_the_other_thirty_are_installed_here(desk: Desk, podman: Path) -> None:
    planned = desk.plan(*LINES, *THIRTY)
    layer = desk.build(planned)

    wheels = {wheel.name: wheel for wheel in planned.plan.wheels}
    assert {name for name, wheel in wheels.items() if wheel.built} == {"lc-tests-tiny"}
    assert {name.partition("==")[0] for name in THIRTY} <= layer.facts.packages.keys()
    assert len(THIRTY) == 30
    assert all(package.size for package in layer.facts.packages.values())
    assert runs(podman) == 1  # the thirty didn't go into it: they have no place in its one command
    assert [line for line in desk.said if "has no wheel" in line] == [
        f"lc-tests-tiny==1.0: has no wheel for python3.13/x86_64, building it in {IMAGE}"
    ]


def test_a_set_builds_for_each_runtime_in_that_runtimes_own_image(
    desk: Desk, podman: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(desk.cache.root))
    monkeypatch.delenv("LAYER_CONSTRUCTS_QUIET")
    # AWS's images can't be had everywhere: others stand for them, under the names that are the default.
    default = {name: f"public.ecr.aws/sam/build-{name}" for name in ("python3.11", "python3.13")}
    named = {name: runtime for runtime, name in default.items() if not is_there(name)}
    try:
        for name, runtime in named.items():
            subprocess.run(["podman", "tag", f"localhost/layer-constructs/{runtime}:bookworm", name], check=True)
        app = cdk.App(outdir=str(tmp_path / "cdk.out"))
        layers = PythonDepsLayerSet(
            cdk.Stack(app, "Stack"), "Deps", requirements=desk.write(*LINES, "idna==3.10"),
            runtimes=[lambda_.Runtime.PYTHON_3_13, lambda_.Runtime.PYTHON_3_11],
        )  # fmt: skip
        app.synth()
    finally:
        for name in named:  # of an image with another name, only this one
            subprocess.run(["podman", "image", "rm", name], check=False, capture_output=True)

    assert [layer.target.runtime for layer in layers.layers] == ["python3.11", "python3.13"]
    assert runs(podman) == 2
    built = sorted(path.name for path in (desk.cache.root / "wheels").rglob("lc_tests_tiny*.whl"))
    assert built == [f"lc_tests_tiny-1.0-{python}-{python}-linux_x86_64.whl" for python in ("cp311", "cp313")]
    said = capfd.readouterr().err
    assert all(said.count(f"for {runtime}/x86_64, building it in {name}") == 1 for runtime, name in default.items())


def test_a_file_that_is_its_own_lock_gets_one_for_what_a_container_builds(
    desk: Desk, podman: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdist = hashlib.sha256((desk.folder / "dists" / "lc_tests_tiny-1.0.tar.gz").read_bytes()).hexdigest()
    hashed = desk.write("--find-links dists", f"{TINY} --hash=sha256:{sdist}", name="hashed.txt")
    project = '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.11"\n'
    project += 'dependencies = ["docopt==0.6.2", "idna==3.10"]\n'
    (desk.folder / "pyproject.toml").write_text(project, encoding="utf-8")
    command = [uv.binary(), "lock", "--no-config", "--quiet", "--python", sys.executable]
    subprocess.run(command, cwd=desk.folder, env=clean_environment(), check=True)
    for file, packages in ((hashed, {"lc-tests-tiny"}), (desk.folder / "uv.lock", {"docopt", "idna"})):
        lock = file.with_name(f"pylock.{file.stem}-built.toml")
        with pytest.raises(WheelUnavailableError, match=r"fix: .*lock='pylock\.built\.toml'"):
            desk.build(desk.plan(file=file))
        layer = desk.build(desk.plan(file=file, lock=lock))
        assert layer.facts.packages.keys() == packages
        with monkeypatch.context() as without_engine:
            without_engine.setenv("CDK_DOCKER", "/bin/false")
            assert desk.build(desk.plan(file=file, lock=lock, locked=True)).archive == layer.archive


def test_a_login_in_netrc_and_one_in_a_keyring_reach_a_real_container(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = make_wheel(tmp_path / "wheels", "lc-tests-backend", "1.0", files={"lc_backend.py": b""})
    keyring = tmp_path / "bin" / "keyring"
    keyring.write_text(f"#!/bin/sh\necho {PASSWORD}\n", encoding="utf-8")
    keyring.chmod(0o755)
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login user password {PASSWORD}\n", encoding="utf-8")
    netrc.chmod(0o600)
    bundling = Bundling.auto(image=IMAGE, network="host")
    sdist = make_sdist(desk.folder / "dists", requires='"lc-tests-backend"')
    for way in ("netrc", "keyring"):
        with PrivateIndex([backend, sdist], username="user", password=PASSWORD) as index:
            url = index.url
            if way == "netrc":
                monkeypatch.setenv("NETRC", str(netrc))
            else:
                url = url.replace("://", "://user@")
                monkeypatch.delenv("NETRC")
                monkeypatch.setenv("UV_KEYRING_PROVIDER", "subprocess")
                monkeypatch.setenv("PATH", f"{keyring.parent}{os.pathsep}{os.environ['PATH']}")
            shutil.rmtree(desk.cache.root)
            desk.lock.unlink(missing_ok=True)
            planned = bundled(desk, bundling).plan(f"--index-url {url}", TINY)
            assert [wheel.built is not None for wheel in planned.plan.wheels] == [True], way
            fetched = [request for request in index.requests if request.path.endswith(".whl")]
            assert fetched, way  # by the container: the wheel of the backend is nothing to this machine
        left = [path for path in desk.folder.parent.rglob("*") if path.is_file() and path not in {netrc, keyring}]
        assert not [path for path in left if PASSWORD.encode() in path.read_bytes()], way


def test_both_ways_give_the_same_layer_and_ask_no_engine_again(
    desk: Desk, podman: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (*LINES, "markupsafe==3.0.2", "requests==2.32.5")
    # Another user's files in the container, and the same options: they share the lock.
    desk = bundled(desk, Bundling.auto(image=IMAGE, user="1234:1234"))
    docker = bundled(desk, Bundling.docker(image=IMAGE, user="1234:1234"))
    plans = [desk.plan(*lines)]
    layers = [desk.build(plans[0])]
    plans.append(docker.plan())
    layers.append(docker.build(plans[1]))

    monkeypatch.setenv("CDK_DOCKER", "/bin/false")
    again = [one.build(one.plan()) for one in (desk, docker)]

    assert layers[0].facts.sha256 == layers[1].facts.sha256
    assert plans[0].plan.digest != plans[1].plan.digest
    assert [layer.archive for layer in again] == [layer.archive for layer in layers]
    mine = {path.stat().st_uid for path in desk.folder.parent.rglob("*")}
    assert mine == {os.getuid()}


def test_another_image_or_hook_builds_anew_and_a_changed_password_does_not(
    desk: Desk, podman: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lock_with(**options: Any) -> bytes:
        bundled(desk, Bundling.auto(**options)).plan(*LINES)
        return desk.lock.read_bytes()

    first = lock_with(image=IMAGE, environment={"INDEX_PASSWORD": "old"})
    same = lock_with(image=IMAGE, environment={"INDEX_PASSWORD": PASSWORD})
    assert (runs(podman), same) == (1, first)

    hooked = lock_with(image=IMAGE, environment={"INDEX_PASSWORD": "old"}, command_hooks=["true"])
    assert (runs(podman), hooked == same) == (2, False)

    assert lock_with(image=OTHER_IMAGE) != hooked
    assert runs(podman) == 3


def test_a_rebuild_that_differs_is_an_error_and_is_never_served(desk: Desk) -> None:
    with_the_time = "import time\nprint('long long built =', time.time_ns(), ';', file=open('tiny.c', 'a'))"
    make_sdist(desk.folder / "dists", code=with_the_time)
    planned = desk.plan(*LINES)
    desk.build(planned)
    without_what_was_made(desk)

    for _ in range(2):
        with pytest.raises(HashMismatchError, match=r"lc-tests-tiny==1\.0 was built again in localhost/"):
            desk.build(desk.plan(locked=True))

    assert desk.cache.find(planned.plan.digest) is None


@pytest.mark.parametrize(
    ("options", "leaf", "words"),
    [
        ({"image": ARM_IMAGE}, ImageError, ["lc-tests-tiny==1.0 needs", "linux/amd64", "is for linux/arm64"]),
        ({"image": IMAGE, "working_directory": "/nowhere"}, ContainerError, ["lc-tests-tiny==1.0: ", '"/nowhere"']),
        ({"image": IMAGE, "entrypoint": ["/nowhere"]}, ContainerError, ["lc-tests-tiny==1.0: ", "/nowhere"]),
        ({"image": "localhost/nowhere"}, ImageError, ["lc-tests-tiny==1.0 needs", "there is no image", "do without"]),
        (
            {"image": IMAGE, "command_hooks": ["echo before; false"]},
            ContainerError,
            ["lc-tests-tiny==1.0: the command hook 'echo before; false' failed", "the whole log: ", "do without"],
        ),
    ],
)
def test_says_which_package_needs_what_is_not_there(
    desk: Desk, options: dict[str, Any], leaf: type[LayerError], words: list[str]
) -> None:
    said = bundled(desk, Bundling.auto(**options)).refusal(leaf, *LINES)

    assert [word for word in words if word not in said] == []
    assert not desk.lock.exists()


def test_says_which_package_needs_an_engine_that_is_not_there_or_does_not_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CDK_DOCKER", "/nonexistent/docker")
    missing = desk.refusal(EngineError, *LINES)
    assert "lc-tests-tiny==1.0 needs a container, and there is no /nonexistent/docker on this machine" in missing
    assert "do without a container: pin versions that have wheels" in missing

    monkeypatch.setenv("CDK_DOCKER", "podman")
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/nobody.sock")  # podman as a client, as Docker always is
    dead = desk.refusal(EngineError, *LINES)
    assert "lc-tests-tiny==1.0 needs a container, and podman doesn't run" in dead
    assert "do without a container: pin versions that have wheels" in dead


def test_says_which_package_does_not_compile_and_why(desk: Desk) -> None:
    make_sdist(desk.folder / "dists", source="#include <libpq-fe.h>")

    with pytest.raises(ContainerError) as raised:
        desk.plan(*LINES)

    said = str(raised.value)
    assert f"lc-tests-tiny==1.0 can't be built in {IMAGE}" in said
    assert "libpq-fe.h: No such file" in said
    assert "do without a container" in said
    [log] = (desk.cache.root / "logs").iterdir()
    assert f"the whole log: {log}" in said
    assert "libpq-fe.h" in log.read_text(encoding="utf-8")


def test_an_image_is_made_of_a_dockerfile_only_when_something_has_to_be_built(desk: Desk, podman: Path) -> None:
    context = desk.folder / "docker"
    context.mkdir()
    (context / "Dockerfile").write_text(
        f'FROM {IMAGE}\nARG MARK\nARG HOUSE_TOKEN\nRUN echo "#define MARK \\"$MARK\\"" > /usr/local/include/mark.h\n'
        'RUN test -n "$HOUSE_TOKEN"\nUSER 1234:1234\nENTRYPOINT ["/bin/false"]\n',
        encoding="utf-8",
    )
    arguments = {"MARK": f"of {desk.folder}", "HOUSE_TOKEN": PASSWORD}  # an image of this test's own
    desk = bundled(desk, Bundling.auto(image=context, build_args=arguments))
    make_sdist(desk.folder / "dists", source=f"#include <mark.h>\n{SOURCE}\nconst char *mark = MARK;")
    desk.build(desk.plan("markupsafe==3.0.2"))
    assert podman.read_text(encoding="utf-8") == ""

    layer = desk.build(desk.plan(*LINES))

    made = desk.document()["tool"]["layer-constructs"]["runtimes"]["python3.13"]["images"]["x86_64"]["reference"]
    try:
        asked = podman.read_text(encoding="utf-8")
        assert asked.count("build --platform") == 1
        assert str(desk.folder) not in asked.replace(str(context), "")
        assert PASSWORD not in asked
        assert desk.build(desk.plan()).archive == layer.archive
        assert podman.read_text(encoding="utf-8") == asked
        without_what_was_made(desk)
        assert desk.build(desk.plan(locked=True)).facts.sha256 == layer.facts.sha256
        assert podman.read_text(encoding="utf-8").count("build --platform") == 1
    finally:
        subprocess.run(["podman", "image", "rm", "--force", made], check=False, capture_output=True)


SYNTH = """
import sys
from pathlib import Path
import aws_cdk as cdk
from layer_constructs import Bundling, PythonDepsLayer, PythonDepsLayerSet
from layer_constructs.building.containers.options import Volume
from tests.support.engine import is_there, needs_images
here = Path(sys.argv[1])
image = cdk.DockerImage.from_build(str(here / "docker"))
(here / "image.txt").write_text(image.image)
app = cdk.App(outdir=str(here / "cdk.out"))
bundling = Bundling.auto(image=image, volumes=[Volume(host_path=str(here / "wait"), container_path="/wait")])
PythonDepsLayer(cdk.Stack(app, "Stack"), "Deps", requirements=here / "app" / "req.txt", bundling=bundling)
app.synth()
"""


@pytest.fixture
def synth(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A CDK app with an image that the CDK makes, and a build that waits as long as ``wait/hold`` is there."""
    waiting = "import os, time\nopen('/wait/started', 'w')\nwhile os.path.exists('/wait/hold'): time.sleep(0.1)"
    make_sdist(desk.folder / "dists", code=waiting)
    desk.write(*LINES)
    (tmp_path / "wait").mkdir()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text(f"FROM {IMAGE}\nENV OF={tmp_path}\n", encoding="utf-8")
    monkeypatch.setenv("LAYER_CONSTRUCTS_CACHE_DIR", str(desk.cache.root))
    yield [sys.executable, "-c", SYNTH, str(tmp_path)]
    image = (tmp_path / "image.txt").read_text(encoding="utf-8")
    subprocess.run(["podman", "image", "rm", "--force", image], check=False, capture_output=True)


def interrupted(synth: list[str], folder: Path) -> None:
    """Start a synth and interrupt it while it compiles, as a terminal does."""
    (folder / "wait" / "started").unlink(missing_ok=True)
    (folder / "wait" / "hold").touch()
    process = subprocess.Popen(synth, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not (folder / "wait" / "started").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "the build never started"
            time.sleep(0.1)
        assert len(containers(process.pid)) == 1

        os.killpg(process.pid, signal.SIGINT)

        _, said = process.communicate(timeout=10)
        assert process.returncode != 0
        assert "KeyboardInterrupt" in said
        assert containers(process.pid) == []
    finally:
        (folder / "wait" / "hold").unlink()
        process.wait()


def made(desk: Desk) -> list[Path]:
    return [path for kind in ("wheels", "built", "layers", "tmp") for path in (desk.cache.root / kind).glob("*")]


def test_an_interrupted_lock_leaves_nothing_behind(synth: list[str], desk: Desk, tmp_path: Path) -> None:
    interrupted(synth, tmp_path)

    assert made(desk) == []
    assert not desk.lock.exists()


def test_an_interrupted_rebuild_leaves_nothing_behind_and_the_next_synth_works(
    synth: list[str], desk: Desk, tmp_path: Path
) -> None:
    subprocess.run(synth, check=True)
    shutil.rmtree(desk.cache.root)
    before = desk.state()

    interrupted(synth, tmp_path)
    assert made(desk) == []

    subprocess.run(synth, check=True)
    assert len(desk.cache.layers()) == 1
    assert desk.state() == before
