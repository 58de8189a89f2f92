"""Argument lists for a container engine (docker, podman, finch), and what its failures mean."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

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

# What is on this machine only: podman's name for it, and the CDK's for `DockerImage.from_build` (core/lib/bundling.ts).
_LOCAL = re.compile(r"localhost/|cdk-[0-9a-f]{64}(?=[:@]|$)")

# They look for an image by its id as if that were a name on Docker Hub, or don't find it (containerd/nerdctl#2319).
_WITHOUT_IDS = frozenset({"nerdctl", "finch"})

_NOT_RUNNING = re.compile(
    r"cannot connect to the docker daemon|is the docker daemon running|cannot connect to podman|connection refused"
    r"|dial unix|error during connect|permission denied while trying to connect",
    re.IGNORECASE,
)
_CANT_EMULATE = re.compile(r"exec format error", re.IGNORECASE)


# How an image that is on this machine only is made.
_MAKE = "DockerImage.from_build"


def engine_name(environ: Mapping[str, str] | None = None) -> str:
    """The program that ``CDK_DOCKER`` names, or docker."""
    return (os.environ if environ is None else environ).get(ENGINE_VARIABLE) or "docker"


def platform_of(target: Target) -> str:
    """``linux/amd64`` or ``linux/arm64``."""
    return f"linux/{_GOARCH[target.architecture]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image as it is on this machine.

    :param reference: as the user named it.
    :param id: ``sha256:...`` by which the engine knows its content.
    :param digest: by which a registry knows it; None for an image that was made here.
    """

    reference: str
    id: str
    digest: str | None


def inspect_arguments(engine: str, reference: str, target: Target | None = None) -> list[str]:
    """:param target: ask about this platform only: Docker since 28.1, nerdctl and Finch can."""
    platform = ["--platform", platform_of(target)] if target else []
    return [engine, "image", "inspect", *platform, reference]


def pull_arguments(engine: str, reference: str, target: Target) -> list[str]:
    return [engine, "pull", "--quiet", "--platform", platform_of(target), reference]


def build_arguments(engine: str, name: str, target: Target, options: ContainerOptions) -> list[str]:
    """Make an image of the user's Dockerfile; the values of its arguments come from the engine's environment."""
    arguments = [engine, "build", "--platform", platform_of(target), "--tag", name]
    for variable in sorted(options.build_args):
        arguments += ["--build-arg", variable]
    return [*arguments, str(options.context)]


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
    # By id, which names exactly what was inspected, whatever its name means by now, and which is never fetched. Podman
    # and Docker take it together with --platform; in Docker's containerd image store it is the id of an index with all
    # platforms, in which --platform chooses (moby, daemon/containerd/image.go). `reference@digest` says the same of
    # an image that has a digest, and nothing of one that was made here.
    content = image.reference if PurePath(engine).stem in _WITHOUT_IDS else image.id
    return [*arguments, "--entrypoint", first, content, *rest]


def remove_arguments(engine: str, name: str) -> list[str]:
    return [engine, "rm", "--force", name]


def build_image(
    name: str,
    options: ContainerOptions,
    target: Target,
    *,
    engine: str,
    env: Mapping[str, str],
    needed_by: str,
    run: Run,
) -> None:
    """Make the image ``name`` of the user's Dockerfile, unless it is there.

    :raises EngineError: if there is no engine, or it doesn't run.
    :raises ImageError: if the Dockerfile fails, with the last of what was said.
    """
    try:
        if run(inspect_arguments(engine, name), env=env).returncode == 0:
            return
        done = run(
            build_arguments(engine, name, target, options),
            env={**env, **options.build_args},
            secrets=options.secrets,
            show_progress=True,
        )
    except ToolFailedError as error:
        raise _missing(engine, needed_by) from error
    if done.returncode != 0:
        raise failure(done.stderr, target, engine=engine, needed_by=needed_by) or ImageError(
            f"{needed_by} needs a container, and its image can't be made from {options.context}",
            details=done.stderr.splitlines()[-20:],
            fix=f"mend the Dockerfile, or name an image; {WITHOUT}",
        )


def image_of(reference: str, target: Target, *, engine: str, env: Mapping[str, str], needed_by: str, run: Run) -> Image:
    """The image, fetched if it isn't here or is here for another architecture.

    :param needed_by: who asks for a container, for the errors.
    :raises EngineError: if there is no engine, or it doesn't run.
    :raises ImageError: if there is no such image, or none for the target.
    """

    def ask(arguments: Sequence[str]) -> Mapping[str, object] | None:
        try:
            done = run(arguments, env=env)
        except ToolFailedError as error:
            raise _missing(engine, needed_by) from error
        if done.returncode != 0 and _NOT_RUNNING.search(done.stderr):
            raise _not_running(done.stderr, engine=engine, needed_by=needed_by)
        return next(iter(json.loads(done.stdout)), None) if done.returncode == 0 else None

    def inspect() -> Image | str | None:
        """The image, the platform that it is for instead, or None."""
        facts = ask(inspect_arguments(engine, reference))
        if facts and not _fits(facts, target):
            # A store with several platforms under one name tells of the machine's own. The id stays that of them all.
            other = ask(inspect_arguments(engine, reference, target))
            if not (other and _fits(other, target)):
                return f"{facts.get('Os') or 'linux'}/{facts.get('Architecture')}"
        return _understand(facts, reference) if facts else None

    local = _LOCAL.match(reference) is not None
    found, said = inspect(), ""
    if not isinstance(found, Image) and not local:
        pulled = run(pull_arguments(engine, reference, target), env=env)
        said = pulled.stderr
        if pulled.returncode == 0:
            found = inspect()
    if isinstance(found, Image):
        return found
    if found:
        raise ImageError(
            f"{needed_by} needs a container for {platform_of(target)}, and the image {reference} is for {found}",
            details=said.splitlines()[-3:],
            fix=f"make it for this architecture: {_MAKE} with platform={platform_of(target)!r}"
            if local
            else "name an image for this architecture, or one for both",
        )
    if local:
        raise ImageError(
            f"{needed_by} needs a container, and there is no image {reference} on this machine",
            details=["its name says that it is made here, so it is not pulled"],
            fix=f"make it with {_MAKE}; {WITHOUT}",
        )
    raise ImageError(
        f"{needed_by} needs a container, and there is no image {reference}",
        details=said.splitlines()[-3:],
        fix=f"check its name, and that {engine} may pull it; {WITHOUT}",
    )


def _fits(facts: Mapping[str, object], target: Target) -> bool:
    return facts.get("Architecture") == _GOARCH[target.architecture]


def _understand(facts: Mapping[str, object], reference: str) -> Image:
    identity = str(facts["Id"])
    return Image(
        reference=reference,
        id=identity if identity.startswith("sha256:") else f"sha256:{identity}",
        digest=_digest(facts, reference),
    )


def _digest(facts: Mapping[str, object], reference: str) -> str | None:
    """The same on every machine and engine, as far as there is such."""
    if _LOCAL.match(reference):
        return None
    if "@" in reference:
        return reference.rpartition("@")[2]
    names = facts.get("RepoDigests")
    known = [str(name) for name in names if not _LOCAL.match(str(name))] if isinstance(names, list) else []
    digests = [name.rpartition("@")[2] for name in known]
    # Podman lists that of the index, which Docker gives, and that of the one platform, which it calls `Digest`.
    return next((digest for digest in digests if digest != facts.get("Digest")), digests[0] if digests else None)


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


def _missing(engine: str, needed_by: str) -> EngineError:
    return EngineError(
        f"{needed_by} needs a container, and there is no {engine} on this machine",
        fix=f"install Docker, Podman or Finch and name it with {ENGINE_VARIABLE}; {WITHOUT}",
    )
