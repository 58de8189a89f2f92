"""Where a layer is made: on this machine, in a container, or in a container only where it has to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from layer_constructs.building.containers import options as container_options
from layer_constructs.building.containers.options import ContainerOptions, Volume
from layer_constructs.errors import ArgumentError

Mode = Literal["auto", "docker", "local"]
MODES: tuple[Mode, ...] = ("auto", "docker", "local")


class _DockerImage(Protocol):
    """The CDK's ``DockerImage``: what `from_build` and `from_registry` give."""

    @property
    def image(self) -> str: ...


class _DockerVolume(Protocol):
    """The CDK's ``DockerVolume``."""

    @property
    def host_path(self) -> str: ...

    @property
    def container_path(self) -> str: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundling:
    """Where a layer is made; use one of :meth:`auto`, :meth:`docker` and :meth:`local`."""

    mode: Mode = "auto"
    options: ContainerOptions = field(default_factory=ContainerOptions)
    build_sdists: bool = False

    @classmethod
    def auto(
        cls,
        *,
        image: str | Path | _DockerImage | None = None,
        entrypoint: Sequence[str] = (),
        working_directory: str | None = None,
        environment: Mapping[str, str] | None = None,
        volumes: Sequence[Volume | _DockerVolume] = (),
        network: str | None = None,
        user: str | None = None,
        security_opt: str | None = None,
        build_args: Mapping[str, str] | None = None,
        command_hooks: Sequence[str] = (),
        build_constraints: Sequence[str] = (),
    ) -> Bundling:
        """Wheels are installed here; only packages that have none for the target are built, in a container.

        The names are the CDK's (``DockerRunOptions``, ``BundlingOptions`` of aws-lambda-python-alpha).

        :param image: an image reference, a ``DockerImage``, or the ``Path`` of a folder with a Dockerfile, which is
            built only when a container is needed; by default the runtime's bundling image.
        :param entrypoint: run in place of the image's own; it must run what it is given as arguments.
        :param working_directory: where ``command_hooks`` run.
        :param environment: more variables; their values stand in no argument list.
        :param user: by default root in the container, so that a hook may install packages.
        :param build_args: for the Dockerfile of ``image``; their values stand in no argument list.
        :param command_hooks: shell commands to run before a build, such as ``dnf install -y libpq-devel``.
        :param build_constraints: requirements that hold build backends, such as ``setuptools<81``. What was used is
            pinned in the lock in any case.
        :raises ArgumentError: for a value that is none of these.
        """
        reference, context = _image(image)
        if build_args and context is None:
            raise ArgumentError(
                "build_args are for a Dockerfile, and image names none",
                fix="write image=Path('folder'), or give them to DockerImage.from_build(..., build_args=...)",
            )
        return cls(
            options=ContainerOptions(
                image=reference,
                context=context,
                build_args=_variables(build_args, "build_args"),
                entrypoint=_texts(entrypoint, "entrypoint"),
                working_directory=working_directory,
                environment=_variables(environment, "environment"),
                volumes=tuple(_volume(volume) for volume in volumes),
                network=network,
                user=user,
                security_opt=security_opt,
                command_hooks=_texts(command_hooks, "command_hooks"),
                build_constraints=_texts(build_constraints, "build_constraints"),
            )
        )

    @classmethod
    def docker(
        cls,
        *,
        image: str | Path | _DockerImage | None = None,
        entrypoint: Sequence[str] = (),
        working_directory: str | None = None,
        environment: Mapping[str, str] | None = None,
        volumes: Sequence[Volume | _DockerVolume] = (),
        network: str | None = None,
        user: str | None = None,
        security_opt: str | None = None,
        build_args: Mapping[str, str] | None = None,
        command_hooks: Sequence[str] = (),
        build_constraints: Sequence[str] = (),
    ) -> Bundling:
        """Everything is installed in a container; the parameters are those of :meth:`auto`."""
        chosen = cls.auto(
            image=image,
            entrypoint=entrypoint,
            working_directory=working_directory,
            environment=environment,
            volumes=volumes,
            network=network,
            user=user,
            security_opt=security_opt,
            build_args=build_args,
            command_hooks=command_hooks,
            build_constraints=build_constraints,
        )
        return cls(mode="docker", options=chosen.options)

    @classmethod
    def local(cls, *, build_sdists: bool = False, build_constraints: Sequence[str] = ()) -> Bundling:
        """Never a container: a package without a wheel for the target is an error.

        :param build_sdists: build such a package on this machine, which runs its code here. The machine must be a
            Linux of the target's architecture, with the target's Python.
        """
        options = ContainerOptions(build_constraints=_texts(build_constraints, "build_constraints"))
        return cls(mode="local", options=options, build_sdists=build_sdists)

    @property
    def builds(self) -> bool:
        """Whether a package without a wheel can be built."""
        return self.mode != "local" or self.build_sdists


def _image(image: object) -> tuple[str | None, Path | None]:
    if image is None:
        return None, None
    if isinstance(image, Path):
        if not (image / "Dockerfile").is_file():
            raise ArgumentError(f"image is {image}, a folder without a Dockerfile")
        return None, image
    reference = image if isinstance(image, str) else getattr(image, "image", None)
    if not isinstance(reference, str) or not reference or reference.startswith("-") or reference.split() != [reference]:
        raise ArgumentError(
            f"image is {image!r}",
            details=["allowed: an image reference, DockerImage.from_build(...), Path of a folder with a Dockerfile"],
        )
    return reference, None


def _texts(value: object, argument: str) -> tuple[str, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ArgumentError(f"{argument} is {value!r}, and must be a list of texts")


def _variables(value: object, argument: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        # No value is shown: one may be a secret.
        raise ArgumentError(f"{argument} must be a mapping of texts to texts")
    odd = [name for name in value if not name or "=" in name]
    if odd:
        raise ArgumentError(f"{argument} has a variable of the name {odd[0]!r}")
    return dict(value)


def _volume(volume: Volume | _DockerVolume) -> Volume:
    if isinstance(volume, Volume):
        return volume
    if not all(isinstance(getattr(volume, name, None), str) for name in ("host_path", "container_path")):
        raise ArgumentError(f"volumes has {volume!r}", fix="write a DockerVolume(host_path=..., container_path=...)")
    consistency = getattr(volume, "consistency", None)
    return container_options.Volume(
        host_path=volume.host_path,
        container_path=volume.container_path,
        consistency=None if consistency is None else str(getattr(consistency, "value", consistency)).lower(),
    )
