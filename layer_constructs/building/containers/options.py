"""How a container is run, with the CDK's names (`DockerRunOptions`)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# A variable with such a name holds what must be in no hash: another value of it builds nothing anew.
# (Texts: compiling them costs every app, and few have variables.)
_LOGIN = r"://[^/\s]+@"  # in a URL
_CONFIDENTIAL = r"(?i)TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL|_KEY|_AUTH"


class Volume(NamedTuple):
    """A folder of the host in the container.

    :param consistency: of the mount on macOS, such as ``cached``; by default the engine's.
    """

    host_path: str
    container_path: str
    consistency: str | None = None

    def __str__(self) -> str:
        return ":".join(filter(None, (self.host_path, self.container_path, self.consistency)))


class ContainerOptions(NamedTuple):
    """What a user may say of the container.

    :param image: an image reference; by default the runtime's build image.
    :param context: a folder with a Dockerfile, of which the image is built instead.
    :param build_args: for that Dockerfile. Their values stand in no argument list.
    :param entrypoint: run in place of the image's own; what it is given as arguments it must run.
    :param working_directory: where ``command_hooks`` run.
    :param environment: more variables. Their values stand in no argument list.
    :param user: by default root in the container, whatever the image says, so that a hook may install packages.
    :param command_hooks: shell commands to run before anything is built, such as ``dnf install -y libpq-devel``.
    :param build_constraints: requirements that hold build backends.
    """

    image: str | None = None
    context: Path | None = None
    build_args: Mapping[str, str] = {}
    entrypoint: tuple[str, ...] = ()
    working_directory: str | None = None
    environment: Mapping[str, str] = {}
    volumes: tuple[Volume, ...] = ()
    network: str | None = None
    user: str | None = None
    security_opt: str | None = None
    command_hooks: tuple[str, ...] = ()
    build_constraints: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must be in no log."""
        both = {**self.build_args, **self.environment}
        return tuple(value for name, value in both.items() if _is_secret(name, value))

    @property
    def fingerprint(self) -> str:
        """A hash of what decides a result, besides the image.

        Neither how a network is reached nor a host's paths, and of a variable that looks secret only its name.
        """
        decides = {
            "entrypoint": self.entrypoint,
            "working_directory": self.working_directory,
            "environment": _public(self.environment),
            "volumes": sorted(volume.container_path for volume in self.volumes),
            "user": self.user,
            "command_hooks": self.command_hooks,
            "build_constraints": self.build_constraints,
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def only_in_an_app(self) -> list[str]:
        """The options that are set and that the command line has no word for."""
        names = (
            "context",
            "entrypoint",
            "working_directory",
            "environment",
            "volumes",
            "network",
            "user",
            "security_opt",
        )
        return [name for name in names if getattr(self, name)]

    @property
    def context_fingerprint(self) -> str:
        """A hash of the Dockerfile's folder and its arguments: names the image that is built of it.

        :raises ValueError: if there is no such folder.
        """
        if self.context is None:
            raise ValueError("no context")
        digest = hashlib.sha256(json.dumps(_public(self.build_args), sort_keys=True).encode())
        for path in sorted(path for path in self.context.rglob("*") if path.is_file()):
            content = path.read_bytes()
            mark = "x" if os.access(path, os.X_OK) else ""
            digest.update(f"{path.relative_to(self.context).as_posix()}\0{len(content)}{mark}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:32]


def _public(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: "" if _is_secret(name, value) else value for name, value in variables.items()}


def _is_secret(name: str, value: str) -> bool:
    return re.search(_CONFIDENTIAL, name) is not None or re.search(_LOGIN, value) is not None
