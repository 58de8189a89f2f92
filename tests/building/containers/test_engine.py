from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from layer_constructs.building.containers import engine
from layer_constructs.building.containers.engine import Image
from layer_constructs.building.containers.options import ContainerOptions, Volume
from layer_constructs.building.process import Completed
from layer_constructs.building.target import Target
from layer_constructs.errors import EngineError, ImageError, ToolFailedError

X86 = Target("python3.13")
ARM = Target("python3.13", "arm64")
IMAGE = Image(reference="house/build:1", id="sha256:" + "a" * 64, digest=None)

# As `DockerImage.from_build` names what it makes.
BUILT = "cdk-" + "7" * 64


def test_runs_a_program_as_root_without_mounts_and_leaves_nothing() -> None:
    assert engine.run_arguments(
        "podman", IMAGE, ARM, ContainerOptions(), name="one", program=("python3.13", "-c", "pass")
    ) == [
        "podman", "run", "--rm", "--interactive",
        "--name", "one",
        "--platform", "linux/arm64",
        "--user", "0:0",
        "--workdir", "/",
        "--entrypoint", "python3.13",
        IMAGE.id,
        "-c", "pass",
    ]  # fmt: skip


def test_passes_every_option_on_but_no_value_of_a_variable() -> None:
    options = ContainerOptions(
        entrypoint=("/bin/sh", "-c"),
        working_directory="/src",
        environment={"TOKEN": "s3cret", "CFLAGS": "-O2"},
        volumes=(Volume(host_path="/a", container_path="/b"), Volume(host_path="/c", container_path="/d:ro")),
        network="host",
        user="1000:1000",
        security_opt="no-new-privileges",
    )

    assert engine.run_arguments("docker", IMAGE, X86, options, name="one", program=("python3.13",)) == [
        "docker", "run", "--rm", "--interactive",
        "--name", "one",
        "--platform", "linux/amd64",
        "--user", "1000:1000",
        "--workdir", "/src",
        "--network", "host",
        "--security-opt", "no-new-privileges",
        "--volume", "/a:/b",
        "--volume", "/c:/d:ro",
        "--env", "CFLAGS",
        "--env", "TOKEN",
        "--entrypoint", "/bin/sh",
        IMAGE.id,
        "-c", "python3.13",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "content"),
    [
        ("docker", IMAGE.id),
        ("/usr/bin/podman", IMAGE.id),
        ("finch", "house/build:1"),  # it has no way to run an image by the id that it shows
        ("/usr/local/bin/nerdctl", "house/build:1"),
    ],
)
def test_runs_exactly_the_image_that_was_inspected(program: str, content: str) -> None:
    image = Image(reference=IMAGE.reference, id=IMAGE.id, digest="sha256:" + "d" * 64)

    assert engine.run_arguments(program, image, ARM, ContainerOptions(), name="one", program=("python3.13",)) == [
        program, "run", "--rm", "--interactive",
        "--name", "one",
        "--platform", "linux/arm64",
        "--user", "0:0",
        "--workdir", "/",
        "--entrypoint", "python3.13",
        content,
    ]  # fmt: skip


@pytest.mark.parametrize(("environ", "name"), [({}, "docker"), ({"CDK_DOCKER": "podman"}, "podman")])
def test_takes_the_engine_that_the_cdk_takes(environ: dict[str, str], name: str) -> None:
    assert engine.engine_name(environ) == name


class Engine:
    """An engine that has some images and can pull some others.

    :param others: what it says of its images if it is asked about a platform; without, it can't be asked.
    """

    def __init__(
        self,
        has: dict[str, object],
        pulls: dict[str, object] | None = None,
        stderr: str = "",
        others: dict[str, object] | None = None,
    ) -> None:
        self.has, self.pulls, self.stderr, self.others = has, pulls or {}, stderr, others or {}
        self.asked: list[list[str]] = []

    def __call__(self, argv: Sequence[str], **_: object) -> Completed:
        self.asked.append(list(argv))
        reference = argv[-1]
        if argv[1] == "pull":
            self.has |= {reference: self.pulls[reference]} if reference in self.pulls else {}
            return Completed(0 if reference in self.pulls else 1, "", "" if reference in self.pulls else "denied")
        has = self.others if "--platform" in argv else self.has
        if reference in has:
            return Completed(0, json.dumps([has[reference]]), "")
        return Completed(1, "", self.stderr or "no such image")


def _facts(architecture: str, digest: str | None = None) -> dict[str, object]:
    digests = [f"house/build@{digest}"] if digest else []
    return {"Id": "b" * 64, "Architecture": architecture, "Os": "linux", "RepoDigests": digests}


def test_does_not_pull_an_image_that_is_there() -> None:
    run = Engine({"house/build:1": _facts("arm64", "sha256:" + "c" * 64)})

    image = engine.image_of("house/build:1", ARM, engine="podman", env={}, needed_by="tiny==1.0", run=run)

    assert image == Image(reference="house/build:1", id="sha256:" + "b" * 64, digest="sha256:" + "c" * 64)
    assert run.asked == [["podman", "image", "inspect", "house/build:1"]]


def test_pulls_an_image_for_the_platform_if_it_is_there_for_another_one() -> None:
    run = Engine({"house/build:1": _facts("amd64")}, pulls={"house/build:1": _facts("arm64")})

    engine.image_of("house/build:1", ARM, engine="docker", env={}, needed_by="tiny==1.0", run=run)

    assert run.asked == [
        ["docker", "image", "inspect", "house/build:1"],
        ["docker", "image", "inspect", "--platform", "linux/arm64", "house/build:1"],
        ["docker", "pull", "--quiet", "--platform", "linux/arm64", "house/build:1"],
        ["docker", "image", "inspect", "house/build:1"],
    ]


def test_finds_the_second_platform_of_a_store_that_keeps_both_under_one_name() -> None:
    index = "sha256:" + "c" * 64
    both = _facts("amd64", index) | {"Id": index}
    run = Engine({"house/build:1": both}, others={"house/build:1": _facts("arm64") | {"Id": "sha256:" + "e" * 64}})

    image = engine.image_of("house/build:1", ARM, engine="docker", env={}, needed_by="tiny==1.0", run=run)

    assert image == Image(reference="house/build:1", id=index, digest=index)
    assert [argv[1] for argv in run.asked] == ["image", "image"]


def test_takes_an_image_by_its_digest() -> None:
    digest = "sha256:" + "c" * 64
    name = f"house/build@{digest}"
    run = Engine({}, pulls={name: _facts("arm64", "sha256:" + "d" * 64)})

    image = engine.image_of(name, ARM, engine="podman", env={}, needed_by="tiny==1.0", run=run)

    assert image == Image(reference=name, id="sha256:" + "b" * 64, digest=digest)
    assert run.asked == [
        ["podman", "image", "inspect", name],
        ["podman", "pull", "--quiet", "--platform", "linux/arm64", name],
        ["podman", "image", "inspect", name],
    ]


def test_names_the_digest_that_every_engine_knows() -> None:
    """Podman lists that of the one platform, too."""
    own, index = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    facts = {
        "Id": "b" * 64, "Architecture": "arm64", "Os": "linux", "Digest": own,
        "RepoDigests": [f"house/build@{own}", f"house/build@{index}"],
    }  # fmt: skip

    image = engine.image_of(
        "house/build:1", ARM, engine="podman", env={}, needed_by="tiny==1.0", run=Engine({"house/build:1": facts})
    )

    assert image.digest == index


@pytest.mark.parametrize(
    ("reference", "listed"),
    [
        (BUILT, []),  # docker
        (BUILT, [f"{BUILT}@sha256:{'c' * 64}"]),  # docker with containerd's image store
        (BUILT, [f"localhost/{BUILT}@sha256:{'c' * 64}"]),  # podman
        ("house-build", [f"localhost/house-build@sha256:{'c' * 64}"]),
        ("localhost/house/build:1", [f"localhost/house/build@sha256:{'c' * 64}"]),
    ],
)
def test_knows_no_digest_of_an_image_that_was_made_here(reference: str, listed: list[str]) -> None:
    run = Engine({reference: _facts("amd64") | {"RepoDigests": listed}})

    image = engine.image_of(reference, X86, engine="docker", env={}, needed_by="tiny==1.0", run=run)

    assert image == Image(reference=reference, id="sha256:" + "b" * 64, digest=None)
    assert run.asked == [["docker", "image", "inspect", reference]]


def test_does_not_pull_what_the_cdk_made_and_says_so() -> None:
    run = Engine({})

    with pytest.raises(ImageError, match=rf"no image {BUILT} on this machine\n(?s:.*)not pulled(?s:.*)from_build"):
        engine.image_of(BUILT, X86, engine="docker", env={}, needed_by="tiny==1.0", run=run)

    assert run.asked == [["docker", "image", "inspect", BUILT]]


def test_says_how_to_make_an_image_for_the_architecture() -> None:
    with pytest.raises(ImageError, match=rf"the image {BUILT} is for linux/amd64\n.*platform='linux/arm64'"):
        engine.image_of(
            BUILT, ARM, engine="docker", env={}, needed_by="tiny==1.0", run=Engine({BUILT: _facts("amd64")})
        )


def test_says_which_architecture_an_image_is_for() -> None:
    run = Engine({"house/build:1": _facts("amd64")})

    with pytest.raises(ImageError, match=r"tiny==1\.0 needs a container for linux/arm64, .* is for linux/amd64"):
        engine.image_of("house/build:1", ARM, engine="docker", env={}, needed_by="tiny==1.0", run=run)


def test_says_that_there_is_no_such_image_and_how_to_do_without() -> None:
    with pytest.raises(ImageError, match=r"no image house/build:1\n(?s:.*)denied(?s:.*)do without"):
        engine.image_of("house/build:1", ARM, engine="docker", env={}, needed_by="tiny==1.0", run=Engine({}))


def test_says_that_the_engine_does_not_run() -> None:
    run = Engine({}, stderr="Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")

    with pytest.raises(EngineError, match=r"tiny==1\.0 needs a container, and docker doesn't run"):
        engine.image_of("house/build:1", ARM, engine="docker", env={}, needed_by="tiny==1.0", run=run)


def test_says_that_there_is_no_engine() -> None:
    def missing(argv: Sequence[str], **_: object) -> Completed:
        raise ToolFailedError("docker can't be started: no such file")

    with pytest.raises(EngineError, match="there is no docker on this machine") as raised:
        engine.image_of("house/build:1", ARM, engine="docker", env={}, needed_by="tiny==1.0", run=missing)

    assert raised.value.fix
    assert "CDK_DOCKER" in raised.value.fix


def test_says_how_to_run_what_the_machine_cannot() -> None:
    error = engine.failure("exec /bin/python: exec format error", ARM, engine="docker", needed_by="tiny==1.0")

    assert error
    assert "linux/arm64" in error.problem
    assert error.fix
    assert "binfmt" in error.fix


# An image of the user's Dockerfile


def test_builds_an_image_for_the_platform_and_shows_no_value_of_an_argument() -> None:
    options = ContainerOptions(context=Path("docker"), build_args={"VERSION": "1", "TOKEN": "s3cret"})
    assert engine.build_arguments("docker", "house/made:1", ARM, options) == [
        "docker", "build", "--platform", "linux/arm64", "--tag", "house/made:1",
        "--build-arg", "TOKEN", "--build-arg", "VERSION",
        "docker",
    ]  # fmt: skip
    assert engine.build_arguments("podman", "made", X86, ContainerOptions(context=Path("/a b"))) == [
        "podman", "build", "--platform", "linux/amd64", "--tag", "made", "/a b",
    ]  # fmt: skip


class Building:
    """An engine that has an image or makes it.

    :ivar calls: the arguments and variables of each call.
    """

    def __init__(self, *codes: int, stderr: str = "") -> None:
        self._codes = iter(codes)
        self._stderr = stderr
        self.calls: list[tuple[Sequence[str], Mapping[str, str]]] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        secrets: Iterable[str] = (),
        show_progress: bool = False,
    ) -> Completed:
        self.calls.append((argv, env))
        return Completed(returncode=next(self._codes), stdout="[]", stderr=self._stderr)


def make_image(run: Building) -> None:
    options = ContainerOptions(context=Path("docker"), build_args={"TOKEN": "s3cret"})
    engine.build_image("made", options, X86, engine="podman", env={"PATH": "/bin"}, needed_by="numpy==1", run=run)


def test_builds_an_image_only_where_it_is_missing() -> None:
    there, missing = Building(0), Building(1, 0)
    make_image(there)
    make_image(missing)
    assert [arguments[:3] for arguments, _ in there.calls] == [["podman", "image", "inspect"]]
    assert [arguments[1] for arguments, _ in missing.calls] == ["image", "build"]
    assert missing.calls[1][1] == {"PATH": "/bin", "TOKEN": "s3cret"}


def test_says_why_a_dockerfile_fails() -> None:
    with pytest.raises(ImageError) as caught:
        make_image(Building(1, 125, stderr="STEP 2/2: RUN false\nError: exit status 1"))
    assert str(caught.value).startswith("numpy==1 needs a container, and its image can't be made from docker\n")
    assert "STEP 2/2: RUN false" in str(caught.value)
