"""A function in a container, of AWS's Lambda image or another one with the runtime's Python.

Files go in by the engine's own copy, as a stream: nothing is mounted. The emulator that goes in is the one that runs
functions on the host, so an image needs none. What an image has as ``/var/runtime/bootstrap``, as AWS's have, is its
runtime; else AWS's client is started with the Python that it has.
"""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from layer_constructs.building.cache import Cache
from layer_constructs.building.containers import engine
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.process import Pipe, Run, pipe, run
from layer_constructs.building.target import DEFAULT_RUNTIME, Target
from layer_constructs.emulation import tools
from layer_constructs.emulation.emulator import SERVE, serve
from layer_constructs.emulation.environment import lambda_variables
from layer_constructs.emulation.function import LocalFunction
from layer_constructs.emulation.host import CLIENT, refuse_without_bootstrap
from layer_constructs.emulation.invocation import Invocation, read_invocation
from layer_constructs.emulation.ports import HOST, free_ports
from layer_constructs.errors import ContainerError, EngineError, ImageError

_TASK = "/var/task"
_OURS = "/var/layer-constructs"
_ALL = "0.0.0.0"  # noqa: S104 - inside the container; the engine publishes it on this machine's loopback only
_NEEDED_BY = "running the function"


def lambda_image(function: LocalFunction) -> str:
    """AWS's image of a runtime (https://gallery.ecr.aws/lambda)."""
    if function.python is None:
        return f"public.ecr.aws/lambda/provided:{function.runtime.removeprefix('provided.')}"
    return f"public.ecr.aws/lambda/python:{function.python}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """:param image: by default AWS's of the function's runtime."""

    cache: Cache
    image: str | None = None
    run: Run = run
    pipe: Pipe = pipe
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def invoke(self, function: LocalFunction, task: Path, opt: Path, event: bytes, *, port: int | None) -> Invocation:
        """:param task: the function's code.
        :param opt: its layers, laid over each other.
        :raises ContainerError: if there is no engine or image, or the engine can't run it.
        :raises LayerError: if a program can't be had or doesn't start.
        """
        program = engine.engine_name(self.environ)
        # Of a target, an engine wants to know the architecture only.
        target = Target(DEFAULT_RUNTIME, function.architecture)
        reference = self.image or lambda_image(function)
        try:
            image = engine.image_of(
                reference, target, engine=program, env=self.environ, needed_by=_NEEDED_BY, run=self.run
            )
        except (EngineError, ImageError) as error:
            raise type(error)(
                error.problem, details=error.details, fix=(error.fix or "").partition(f"; {engine.WITHOUT}")[0] or None
            ) from error
        if function.python is None:
            refuse_without_bootstrap(function, task, opt)
        files = self._files(function, task, opt)
        events, runtime = free_ports(port)
        variables = {**lambda_variables(function, task=_TASK), **_runtime_variables(function)}
        options = ContainerOptions(environment=variables, working_directory="/")
        name = f"layer-constructs-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        started = engine.run_arguments(
            program, image, target, options, name=name,
            program=(
                "/bin/sh", "-c", SERVE, "sh", _TASK, f"{_OURS}/emulator",
                "--runtime-interface-emulator-address", f"{_ALL}:{events}",
                "--runtime-api-address", f"{HOST}:{runtime}",
                _bootstrap(function, task), function.handler,
            ),
        )  # fmt: skip
        env = {**self.environ, **variables, "PATH": self.environ.get("PATH", os.defpath)}
        try:
            self._create([program, "create", "--publish", f"{HOST}:{events}:{events}", *started[2:]], env)
            self._copy([program, "cp", "-", f"{name}:/"], files, env)
            answer = serve(
                [program, "start", "--attach", "--interactive", name],
                env=env, port=events, event=event, timeout=function.timeout, pipe=self.pipe,
            )  # fmt: skip
        finally:
            self.run(engine.remove_arguments(program, name), env=env)
        return read_invocation(answer, notes=function.notes)

    def _files(self, function: LocalFunction, task: Path, opt: Path) -> dict[str, Path | bytes]:
        files: dict[str, Path | bytes] = {
            _TASK: task,
            "/opt": opt,
            f"{_OURS}/emulator": tools.emulator(function.architecture, cache=self.cache, run=self.run),
        }
        if function.python:
            packages = tools.runtime_packages(function.python, function.architecture, cache=self.cache, run=self.run)
            files[f"{_OURS}/packages"] = packages
            files[f"{_OURS}/bootstrap"] = _client(function).encode()
        return files

    def _create(self, argv: list[str], env: Mapping[str, str]) -> None:
        done = self.run(argv, env=env)
        if done.returncode != 0:
            raise ContainerError(f"{argv[0]} can't make a container", details=done.stderr.splitlines()[-5:])

    def _copy(self, argv: list[str], files: Mapping[str, Path | bytes], env: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
            log = Path(folder) / "log.txt"
            code = self.pipe(
                argv, env=env, send=lambda stream: _pack(files, stream), answer=Path(folder) / "answer.txt", log=log
            )
            if code != 0:
                details = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
                raise ContainerError(f"{argv[0]} can't copy the function into a container", details=details)


def _bootstrap(function: LocalFunction, task: Path) -> str:
    if function.python:
        return f"{_OURS}/bootstrap"
    return f"{_TASK}/bootstrap" if (task / "bootstrap").is_file() else "/opt/bootstrap"


def _client(function: LocalFunction) -> str:
    """The image's own runtime, else AWS's client with the image's Python."""
    layers = f"/opt/python/lib/python{function.python}/site-packages:/opt/python"
    return (
        "#!/bin/sh\n"
        'if [ -x /var/runtime/bootstrap ]; then exec /var/runtime/bootstrap "$@"; fi\n'
        f"export PYTHONPATH={_TASK}:{layers}:{_OURS}/packages\n"
        f"export LD_LIBRARY_PATH={_TASK}:{_TASK}/lib:/opt/lib PATH=$PATH:/opt/bin\n"
        f'exec python{function.python} {" ".join(CLIENT)} "$@"\n'
    )


def _runtime_variables(function: LocalFunction) -> dict[str, str]:
    return {"PYTHONDONTWRITEBYTECODE": "1"} if function.python else {}


def _pack(files: Mapping[str, Path | bytes], stream: IO[bytes]) -> None:
    def as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode |= 0o755 if member.isdir() else 0o444  # the image's user reads them, whoever that is
        return member

    with tarfile.open(fileobj=stream, mode="w|") as sent:
        for place, content in files.items():
            if isinstance(content, bytes):
                member = tarfile.TarInfo(place.lstrip("/"))
                member.size, member.mode = len(content), 0o755
                sent.addfile(member, io.BytesIO(content))
            else:
                sent.add(content, place.lstrip("/"), filter=as_root)
