"""How a container is run, with the CDK's names (`DockerRunOptions`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume:
    """A folder of the host in the container.

    :param consistency: of the mount on macOS, such as ``cached``; by default the engine's.
    """

    host_path: str
    container_path: str
    consistency: str | None = None

    def __str__(self) -> str:
        return ":".join(filter(None, (self.host_path, self.container_path, self.consistency)))


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerOptions:
    """What a user may say of the container.

    :param image: an image reference; by default the runtime's build image.
    :param entrypoint: run in place of the image's own; what it is given as arguments it must run.
    :param working_directory: where ``command_hooks`` run.
    :param environment: more variables. Their values stand in no argument list.
    :param user: by default root in the container, whatever the image says, so that a hook may install packages.
    :param command_hooks: shell commands to run before anything is built, such as ``dnf install -y libpq-devel``.
    """

    image: str | None = None
    entrypoint: tuple[str, ...] = ()
    working_directory: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()
    network: str | None = None
    user: str | None = None
    security_opt: str | None = None
    command_hooks: tuple[str, ...] = ()
