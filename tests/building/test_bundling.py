"""`Bundling`: what may be said of where a layer is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.containers.image_name import image_name
from layer_constructs.building.containers.options import ContainerOptions, Volume
from layer_constructs.building.dependencies import Dependencies, lock_request, read
from layer_constructs.errors import ArgumentError, LayerError
from tests.support.desk import ARM, X86

MAKERS: list[Callable[..., Bundling]] = [Bundling.auto, Bundling.docker]


@dataclass(frozen=True)
class LikeADockerImage:
    """What `DockerImage.from_build` gives, as far as it counts."""

    image: str


class Consistency(Enum):
    CACHED = "CACHED"


@dataclass(frozen=True)
class LikeADockerVolume:
    """The CDK's ``DockerVolume``."""

    host_path: str
    container_path: str
    consistency: Consistency | None = None


def dockerfile(folder: Path, text: str = "FROM house/build:1\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(text, encoding="utf-8")
    return folder


def test_the_three_kinds() -> None:
    assert Bundling.auto() == Bundling()
    assert [Bundling.auto().mode, Bundling.docker().mode, Bundling.local().mode] == ["auto", "docker", "local"]
    assert [b.builds for b in (Bundling.auto(), Bundling.docker(), Bundling.local())] == [True, True, False]
    assert Bundling.local(build_sdists=True).builds
    with pytest.raises(FrozenInstanceError):
        Bundling.auto().mode = "local"  # type: ignore[misc]


@pytest.mark.parametrize("make", MAKERS)
def test_passes_every_option_on(make: Callable[..., Bundling]) -> None:
    volume = Volume(host_path="/a", container_path="/b")
    given: dict[str, Any] = {
        "image": "house/build:1",
        "entrypoint": ["/bin/sh", "-c"],
        "working_directory": "/src",
        "environment": {"CFLAGS": "-O2"},
        "volumes": [volume, LikeADockerVolume("/c", "/d", Consistency.CACHED), LikeADockerVolume("/e", "/f")],
        "network": "host",
        "user": "1000:1000",
        "security_opt": "no-new-privileges",
        "command_hooks": ["true"],
        "build_constraints": ["setuptools<81"],
    }
    assert make(**given).options == ContainerOptions(
        image="house/build:1",
        entrypoint=("/bin/sh", "-c"),
        working_directory="/src",
        environment={"CFLAGS": "-O2"},
        volumes=(
            volume,
            Volume(host_path="/c", container_path="/d", consistency="cached"),
            Volume(host_path="/e", container_path="/f"),
        ),
        network="host",
        user="1000:1000",
        security_opt="no-new-privileges",
        command_hooks=("true",),
        build_constraints=("setuptools<81",),
    )


def test_what_is_given_may_change_afterwards() -> None:
    environment, hooks = {"A": "1"}, ["true"]
    bundling = Bundling.auto(environment=environment, command_hooks=hooks)
    environment["A"] = "2"
    hooks.append("false")
    assert (bundling.options.environment, bundling.options.command_hooks) == ({"A": "1"}, ("true",))


# Images


def test_the_image_of_a_runtime_is_the_cdks() -> None:
    assert image_name(Bundling.auto().options, X86) == "public.ecr.aws/sam/build-python3.13"


def test_an_image_is_a_reference_or_something_of_the_cdk() -> None:
    assert image_name(Bundling.auto(image="house/build:1").options, X86) == "house/build:1"
    assert image_name(Bundling.auto(image=LikeADockerImage("cdk-abc")).options, X86) == "cdk-abc"


def test_a_dockerfiles_folder_names_the_image_by_its_content(tmp_path: Path) -> None:
    folder = dockerfile(tmp_path / "docker")
    options = Bundling.auto(image=folder, build_args={"VERSION": "1"}).options
    assert (options.image, options.context, options.build_args) == (None, folder, {"VERSION": "1"})
    name = image_name(options, X86)
    assert name.startswith("localhost/layer-constructs/build:")
    assert name.endswith("-x86_64")
    assert image_name(options, ARM) == name.removesuffix("-x86_64") + "-arm64"
    moved = dockerfile(tmp_path / "moved")
    assert image_name(Bundling.auto(image=moved, build_args={"VERSION": "1"}).options, X86) == name
    assert image_name(Bundling.auto(image=folder, build_args={"VERSION": "2"}).options, X86) != name
    (folder / "setup.sh").write_text("true\n", encoding="utf-8")
    added = image_name(options, X86)
    assert added != name
    dockerfile(folder, "FROM house/build:2\n")
    assert image_name(options, X86) not in {name, added}


def test_a_secret_build_argument_makes_no_other_image(tmp_path: Path) -> None:
    folder = dockerfile(tmp_path / "docker")
    one, other, none = (
        image_name(Bundling.auto(image=folder, build_args=arguments).options, X86)
        for arguments in ({"PIP_PASSWORD": "one"}, {"PIP_PASSWORD": "two"}, None)
    )
    assert one == other != none


# Fingerprints


def fingerprint(**given: Any) -> str:
    return Bundling.auto(**given).options.fingerprint


@pytest.mark.parametrize(
    "given",
    [
        {"entrypoint": ["/bin/sh"]},
        {"working_directory": "/src"},
        {"environment": {"CFLAGS": "-O2"}},
        {"volumes": [Volume(host_path="/a", container_path="/b")]},
        {"user": "1000"},
        {"command_hooks": ["true"]},
        {"build_constraints": ["setuptools<81"]},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_decides_a_result_is_in_the_fingerprint(given: dict[str, Any]) -> None:
    assert fingerprint(**given) != fingerprint()
    assert fingerprint(**given) == fingerprint(**given)


@pytest.mark.parametrize(
    "given",
    [{"image": "house/build:1"}, {"network": "host"}, {"security_opt": "no-new-privileges"}],
    ids=lambda given: next(iter(given)),
)
def test_what_decides_none_is_not(given: dict[str, Any]) -> None:
    assert fingerprint(**given) == fingerprint()


def test_neither_the_order_of_variables_nor_the_place_on_the_host_counts() -> None:
    assert fingerprint(environment={"A": "1", "B": "2"}) == fingerprint(environment={"B": "2", "A": "1"})
    one, other = (fingerprint(volumes=[Volume(host_path=h, container_path="/b")]) for h in ("/home/me", "/home/you"))
    assert one == other
    assert fingerprint(command_hooks=["a", "b"]) != fingerprint(command_hooks=["b", "a"])


@pytest.mark.parametrize("name", ["TOKEN", "UV_INDEX_HOUSE_PASSWORD", "client_secret", "AWS_SECRET_ACCESS_KEY"])
def test_of_a_secret_only_the_name_counts(name: str) -> None:
    assert fingerprint(environment={name: "one"}) == fingerprint(environment={name: "two"}) != fingerprint()
    assert Bundling.auto(environment={name: "one", "CFLAGS": "-O2"}).options.secrets == ("one",)


# Mistakes


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"image": ""}, "image is ''"),
        ({"image": "--privileged"}, "image is '--privileged'"),
        ({"image": "house/build:1 --privileged"}, "image is 'house/build:1 --privileged'"),
        ({"image": " house/build:1"}, "image is ' house/build:1'"),
        ({"image": 5}, "image is 5"),
        ({"image": LikeADockerImage("-v/:/host")}, "image is LikeADockerImage"),
        ({"image": Path("nowhere")}, "image is nowhere, a folder without a Dockerfile"),
        ({"build_args": {"A": "1"}}, "build_args are for a Dockerfile, and image names none"),
        ({"build_args": {"A": "1"}, "image": "house/build:1"}, "build_args are for a Dockerfile"),
        ({"command_hooks": "dnf install x"}, "command_hooks is 'dnf install x', and must be a list of texts"),
        ({"command_hooks": [1]}, "command_hooks is [1]"),
        ({"entrypoint": "/bin/sh"}, "entrypoint is '/bin/sh'"),
        ({"build_constraints": "setuptools<81"}, "build_constraints is 'setuptools<81'"),
        ({"environment": {"A": 1}}, "environment must be a mapping of texts to texts"),
        ({"environment": ["A=1"]}, "environment must be a mapping of texts to texts"),
        ({"environment": {"A=B": "1"}}, "environment has a variable of the name 'A=B'"),
        ({"build_args": "A=1", "image": "house/build:1"}, "build_args"),
        ({"volumes": ["/a:/b"]}, "volumes has '/a:/b'"),
    ],
    ids=str,
)
def test_says_what_is_wrong(
    make: Callable[..., Bundling], given: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LayerError) as caught:
        make(**given)
    assert type(caught.value) is ArgumentError
    assert str(caught.value).startswith(said)


def test_local_takes_no_image_and_says_what_is_wrong() -> None:
    assert Bundling.local(build_constraints=["setuptools<81"]).options.build_constraints == ("setuptools<81",)
    with pytest.raises(ArgumentError, match="build_constraints is 'setuptools<81'"):
        Bundling.local(build_constraints="setuptools<81")
    with pytest.raises(TypeError):
        Bundling.local(image="house/build:1")  # type: ignore[call-arg]


# The command that a lock and a refusal name


@pytest.mark.parametrize(
    ("bundling", "words"),
    [
        (Bundling.auto(), ""),
        (Bundling.docker(), " --bundling docker"),
        (Bundling.local(), " --bundling local"),
        (Bundling.local(build_sdists=True), " --bundling local --build-sdists"),
        (
            Bundling.auto(image="i:1", command_hooks=["a b", "c"], build_constraints=["setuptools<81"]),
            " --image i:1 --command-hook 'a b' --command-hook c --build-constraint 'setuptools<81'",
        ),
    ],
)
def test_the_command_repeats_the_options(tmp_path: Path, bundling: Bundling, words: str) -> None:
    path = tmp_path / "req.txt"
    path.write_text("idna\n", encoding="utf-8")
    dependencies = Dependencies(requirements=path, bundling=bundling)
    request = lock_request(dependencies, read(dependencies), environ={})
    assert request.command(base=tmp_path) == f"layer-constructs lock req.txt{words}"


def test_the_command_shows_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "req.txt"
    path.write_text("idna\n", encoding="utf-8")
    bundling = Bundling.auto(
        environment={"PIP_PASSWORD": "s3cret"},
        command_hooks=["pip config set global.index-url https://me:s3cret@packages.example/simple"],
        build_constraints=["setuptools @ https://me:s3cret@packages.example/setuptools-80.tar.gz"],
    )
    dependencies = Dependencies(requirements=path, bundling=bundling)
    command = lock_request(dependencies, read(dependencies), environ={}).command()
    assert "s3cret" not in command
    assert "https://****@packages.example/simple" in command
