"""Argument lists for a container engine (docker, podman, finch), and what its failures mean."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.process import Run
from layer_constructs.building.target import Target
from layer_constructs.errors import EngineError, ImageError, ToolFailedError

# The CDK's own variable: core/lib/bundling.ts.
ENGINE_VARIABLE = "CDK_DOCKER"

# As the images of an engine name them (https://go.dev/doc/install/source#environment).
_GOARCH = {"x86_64": "amd64", "arm64": "arm64"}

# Said of whatever keeps a container from running.
WITHOUT = "or do without a container: pin versions that have wheels for the target"

_NOT_RUNNING = re.compile(
    r"cannot connect to the docker daemon|is the docker daemon running|cannot connect to podman|connection refused"
    r"|dial unix|error during connect|permission denied while trying to connect",
    re.IGNORECASE,
)
_CANT_EMULATE = re.compile(r"exec format error", re.IGNORECASE)


def engine_name(environ: Mapping[str, str] | None = None) -> str:
    """The program that ``CDK_DOCKER`` names, or docker."""
    return (os.environ if environ is None else environ).get(ENGINE_VARIABLE) or "docker"


def platform_of(target: Target) -> str:
    """``linux/amd64`` or ``linux/arm64``."""
    return f"linux/{_GOARCH[target.architecture]}"


def default_image(target: Target) -> str:
    """The CDK's ``Runtime.bundling_image``: AWS's image to build for a runtime."""
    return f"public.ecr.aws/sam/build-{target.runtime}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image as it is on this machine.

    :param reference: as the user named it.
    :param id: ``sha256:...`` of its content.
    :param digest: by which a registry knows it; None for an image that was made here.
    """

    reference: str
    id: str
    digest: str | None


def inspect_arguments(engine: str, reference: str) -> list[str]:
    return [engine, "image", "inspect", reference]


def pull_arguments(engine: str, reference: str, target: Target) -> list[str]:
    return [engine, "pull", "--quiet", "--platform", platform_of(target), reference]


def run_arguments(
    engine: str, image: Image, target: Target, options: ContainerOptions, *, name: str, program: Sequence[str]
) -> list[str]:
    """``run`` of one program with standard input, in a container that is gone afterwards.

    :param program: what runs in place of the image's entrypoint.
    """
    arguments = [
        engine, "run", "--rm", "--interactive",
        "--name", name,
        "--platform", platform_of(target),
        "--user", options.user or "0:0",
        "--workdir", options.working_directory or "/",
    ]  # fmt: skip
    if options.network:
        arguments += ["--network", options.network]
    if options.security_opt:
        arguments += ["--security-opt", options.security_opt]
    for volume in options.volumes:
        arguments += ["--volume", str(volume)]
    for variable in sorted(options.environment):
        arguments += ["--env", variable]  # its value comes from the engine's own environment, so no list shows it
    first, *rest = [*options.entrypoint, *program]
    return [*arguments, "--entrypoint", first, image.id, *rest]


def remove_arguments(engine: str, name: str) -> list[str]:
    return [engine, "rm", "--force", name]


def image_of(reference: str, target: Target, *, engine: str, env: Mapping[str, str], needed_by: str, run: Run) -> Image:
    """The image, fetched if it isn't here or is here for another architecture.

    :param needed_by: who asks for a container, for the errors.
    :raises EngineError: if there is no engine, or it doesn't run.
    :raises ImageError: if there is no such image, or none for the target.
    """

    def inspect() -> Image | str:
        try:
            done = run(inspect_arguments(engine, reference), env=env)
        except ToolFailedError as error:
            raise EngineError(
                f"{needed_by} needs a container, and there is no {engine} on this machine",
                fix=f"install Docker, Podman or Finch and name it with {ENGINE_VARIABLE}; {WITHOUT}",
            ) from error
        if done.returncode != 0:
            if _NOT_RUNNING.search(done.stderr):
                raise _not_running(done.stderr, engine=engine, needed_by=needed_by)
            return "missing"
        return _understand(done.stdout, reference, target)

    found = inspect()
    if isinstance(found, Image):
        return found
    pulled = run(pull_arguments(engine, reference, target), env=env)
    if pulled.returncode == 0:
        found = inspect()
        if isinstance(found, Image):
            return found
    if found != "missing":
        raise ImageError(
            f"{needed_by} needs a container for {platform_of(target)}, and the image {reference} is for {found}",
            details=pulled.stderr.splitlines()[-3:],
            fix="name an image for this architecture, or one for both",
        )
    raise ImageError(
        f"{needed_by} needs a container, and there is no image {reference}",
        details=pulled.stderr.splitlines()[-3:],
        fix=f"check its name, and that {engine} may pull it; {WITHOUT}",
    )


def _understand(text: str, reference: str, target: Target) -> Image | str:
    """The image, or the platform that it is for instead."""
    facts = json.loads(text)[0]
    architecture = str(facts.get("Architecture"))
    if architecture != _GOARCH[target.architecture]:
        return f"{facts.get('Os') or 'linux'}/{architecture}"
    digests = [str(each).rpartition("@")[2] for each in facts.get("RepoDigests") or ()]
    local = reference.partition("/")[0] == "localhost"
    identity = str(facts["Id"])
    return Image(
        reference=reference,
        id=identity if identity.startswith("sha256:") else f"sha256:{identity}",
        digest=digests[0] if digests and not local else None,
    )


def failure(stderr: str, target: Target, *, engine: str, needed_by: str) -> EngineError | None:
    """What an engine's own failure to run a container means; None if it isn't one."""
    if _CANT_EMULATE.search(stderr):
        return EngineError(
            f"{needed_by} needs a container for {platform_of(target)}, which this machine can't run",
            details=stderr.splitlines()[-3:],
            fix=f"enable emulation once: {engine} run --privileged --rm tonistiigi/binfmt --install "
            f"{_GOARCH[target.architecture]}, or apt-get install qemu-user-static binfmt-support; {WITHOUT}",
        )
    if _NOT_RUNNING.search(stderr):
        return _not_running(stderr, engine=engine, needed_by=needed_by)
    return None


def _not_running(stderr: str, *, engine: str, needed_by: str) -> EngineError:
    return EngineError(
        f"{needed_by} needs a container, and {engine} doesn't run",
        details=stderr.splitlines()[-3:],
        fix=f"start it, and see that you may use it; {WITHOUT}",
    )
