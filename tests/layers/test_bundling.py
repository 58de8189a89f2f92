"""The ``bundling`` of a construct: what it may be, where it may come from and what it changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

from layer_constructs import Bundling, PythonDepsLayer
from layer_constructs.building.containers.image_name import image_name
from layer_constructs.building.dependencies import Dependencies, lock_request, read
from layer_constructs.building.sdist import BuildImage
from layer_constructs.building.target import Target
from layer_constructs.errors import ArgumentError, LayerError, LockStaleError
from tests.building.test_sources import FakeBuilder
from tests.support.wheels import make_wheel

X86 = Target("python3.13")
NOT_BUNDLED: dict[str, Any] = {"aws:cdk:bundling-stacks": []}
KEY = "layer-constructs:bundling"


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose packages have wheels; any engine is one that fails."""
    monkeypatch.setenv("CDK_DOCKER", "/nonexistent/engine")
    make_wheel(tmp_path / "files", "alpha", "1.0")
    path = tmp_path / "req.txt"
    path.write_text("--no-index\n--find-links files\nalpha\n", encoding="utf-8")
    return path


def stack_in(folder: Path, context: dict[str, Any] | None = None) -> cdk.Stack:
    return cdk.Stack(cdk.App(outdir=str(folder / "cdk.out"), context=context), "Stack")


def locked_in(requirements: Path, bundling: Bundling, folder: Path) -> Path:
    """The lock as a container's image is recorded in it, though no container is started."""
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.locking.freshness import load
    from layer_constructs.building.locking.relock import relock

    dependencies = Dependencies(requirements=requirements, bundling=bundling)
    request = lock_request(dependencies, read(dependencies), environ={})
    builder = FakeBuilder(folder=folder / "built", bundling=bundling)
    relock(
        request,
        [X86.runtime],
        needed=[X86.architecture],
        lock=load(request),
        builder=builder,
        cache=Cache(folder / "layers"),
        report=lambda _: None,
    )
    return request.path


def digest(folder: Path, requirements: Path, bundling: Bundling) -> str:
    """Of a layer that isn't built: a plan is enough for its name."""
    locked_in(requirements, bundling, folder)
    layer = PythonDepsLayer(stack_in(folder, NOT_BUNDLED), "Deps", requirements=requirements, bundling=bundling)
    return layer.digest


@pytest.mark.parametrize("bundling", [None, Bundling.auto(), Bundling.local(), Bundling.local(build_sdists=True)])
def test_what_has_wheels_needs_no_container(tmp_path: Path, requirements: Path, bundling: Bundling | None) -> None:
    layer = PythonDepsLayer(stack_in(tmp_path), "Deps", requirements=requirements, bundling=bundling)
    assert dict(layer.packages) == {"alpha": "1.0"}


@pytest.mark.parametrize("value", ["auto", "local"])
def test_the_context_says_it_for_a_whole_app(tmp_path: Path, requirements: Path, value: str) -> None:
    layer = PythonDepsLayer(stack_in(tmp_path, {KEY: value}), "Deps", requirements=requirements)
    assert dict(layer.packages) == {"alpha": "1.0"}


def test_the_context_may_ask_for_a_container_and_an_argument_goes_before_it(tmp_path: Path, requirements: Path) -> None:
    locked_in(requirements, Bundling.auto(), tmp_path)
    stack = stack_in(tmp_path, {KEY: "docker"})
    with pytest.raises(LayerError) as caught:
        PythonDepsLayer(stack, "Deps", requirements=requirements, locked=True)
    assert type(caught.value) is LockStaleError
    assert "no image is locked for python3.13/x86_64" in str(caught.value)
    assert "--bundling docker" in str(caught.value)
    PythonDepsLayer(stack, "Other", requirements=requirements, bundling=Bundling.auto(), locked=True)


@pytest.mark.parametrize("value", ["podman", "", 5, True, {"mode": "auto"}])
def test_another_value_in_the_context_is_an_error(tmp_path: Path, requirements: Path, value: object) -> None:
    with pytest.raises(LayerError) as caught:
        PythonDepsLayer(stack_in(tmp_path, {KEY: value}), "Deps", requirements=requirements)
    assert type(caught.value) is ArgumentError
    assert str(caught.value).startswith(f"the context key {KEY} is ")
    assert "allowed: auto, docker, local" in str(caught.value)


@pytest.mark.parametrize("value", ["docker", True, cdk.DockerImage.from_registry("house/build:1"), Bundling])
def test_another_argument_is_an_error(tmp_path: Path, requirements: Path, value: Any) -> None:
    with pytest.raises(LayerError) as caught:
        PythonDepsLayer(stack_in(tmp_path), "Deps", requirements=requirements, bundling=value)
    assert type(caught.value) is ArgumentError
    assert str(caught.value).startswith("bundling is ")
    assert "Bundling.auto(), Bundling.docker(...) or Bundling.local()" in str(caught.value)


def test_takes_what_the_cdk_calls_an_image_and_a_volume() -> None:
    bundling = Bundling.docker(
        image=cdk.DockerImage.from_registry("house/build:1"),
        volumes=[
            cdk.DockerVolume(host_path="/a", container_path="/b"),
            cdk.DockerVolume(host_path="/c", container_path="/d", consistency=cdk.DockerVolumeConsistency.CACHED),
        ],
    )
    assert image_name(bundling.options, X86) == "house/build:1"
    assert [str(volume) for volume in bundling.options.volumes] == ["/a:/b", "/c:/d:cached"]


def test_a_layer_made_in_a_container_has_a_digest_of_its_own(tmp_path: Path, requirements: Path) -> None:
    kinds = {
        "auto": Bundling.auto(),
        "auto with a hook": Bundling.auto(command_hooks=["true"]),
        "docker": Bundling.docker(),
        "another image": Bundling.docker(image="house/build:1"),
        "another hook": Bundling.docker(command_hooks=["true"]),
        "another variable": Bundling.docker(environment={"CFLAGS": "-O2"}),
        "one password": Bundling.docker(environment={"PIP_PASSWORD": "one"}),
        "another password": Bundling.docker(environment={"PIP_PASSWORD": "two"}),
        "another network": Bundling.docker(network="host"),
    }
    digests = {kind: digest(tmp_path / kind, requirements, bundling) for kind, bundling in kinds.items()}
    assert digests["auto"] == digests["auto with a hook"]  # whose result a wheel doesn't depend on
    assert digests["one password"] == digests["another password"]
    assert digests["docker"] == digests["another network"]
    assert len(set(digests.values())) == 6


def test_an_image_that_was_locked_by_digest_names_the_layer(tmp_path: Path, requirements: Path) -> None:
    bundling = Bundling.docker(image="house/build:1")
    lock = locked_in(requirements, bundling, tmp_path)

    def layer() -> PythonDepsLayer:
        return PythonDepsLayer(stack_in(tmp_path, NOT_BUNDLED), "Deps", requirements=requirements, bundling=bundling)

    before = layer().digest
    text = lock.read_text(encoding="utf-8")
    assert 'digest = "sha256:1"' in text
    lock.write_text(text.replace('digest = "sha256:1"', 'digest = "sha256:2"'), encoding="utf-8")
    assert layer().digest != before
    assert BuildImage(reference="a@sha256:0", digest="sha256:1", options="").exact == "a@sha256:1"


def test_a_stack_that_is_not_bundled_needs_no_engine_for_the_same_template(tmp_path: Path, requirements: Path) -> None:
    templates = []
    for bundling in (Bundling.auto(), Bundling.auto(image="house/build:1", command_hooks=["true"]), Bundling.local()):
        stack = stack_in(tmp_path, NOT_BUNDLED)
        PythonDepsLayer(stack, "Deps", requirements=requirements, bundling=bundling)
        templates.append(json.dumps(assertions.Template.from_stack(stack).to_json(), sort_keys=True))
    bundled = stack_in(tmp_path)
    PythonDepsLayer(bundled, "Deps", requirements=requirements)
    templates.append(json.dumps(assertions.Template.from_stack(bundled).to_json(), sort_keys=True))
    assert len(set(templates)) == 1


def test_a_stack_that_is_not_bundled_starts_no_container_in_docker_mode(tmp_path: Path, requirements: Path) -> None:
    bundling = Bundling.docker(image="house/build:1", environment={"PIP_PASSWORD": "s3cret"})
    lock = locked_in(requirements, bundling, tmp_path)
    stack = stack_in(tmp_path, NOT_BUNDLED)
    PythonDepsLayer(stack, "Deps", requirements=requirements, bundling=bundling, locked=True)
    template = json.dumps(assertions.Template.from_stack(stack).to_json())
    assert "s3cret" not in template + lock.read_text(encoding="utf-8")
    assert '"CompatibleArchitectures": ["x86_64"]' in template
