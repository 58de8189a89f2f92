"""A job for a container: files go in, commands run there, a folder comes back."""

from __future__ import annotations

import io
import json
import os
import tarfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from layer_constructs.building.containers import agent, engine
from layer_constructs.building.containers.engine import Image
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.containers.surroundings import surroundings
from layer_constructs.building.process import Pipe, Run, pipe, run
from layer_constructs.building.target import Target
from layer_constructs.errors import ContainerError

# What a container is called, with the process that asked for it, so that a stray one can be told from a busy one.
NAME = "layer-constructs"

# Reads the agent's source, whose length stands on the first line, and runs it. What follows is the agent's input.
_START = "import sys; exec(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())))"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """:param files: content by its place below ``{root}``; a path's file goes with its executable bit.
    :param commands: a label and an argument list each, in which ``{root}`` and ``{python}`` are the container's.
    :param environment: for the commands; it may hold secrets.
    :param out: the folder below ``{root}`` that comes back.
    """

    files: Mapping[str, Path | bytes]
    commands: Sequence[tuple[str, Sequence[str]]]
    environment: Mapping[str, str]
    out: str = "out"


def work(
    job: Job,
    image: Image,
    target: Target,
    options: ContainerOptions,
    *,
    into: Path,
    log: Path,
    needed_by: str,
    secrets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    run: Run = run,
    pipe: Pipe = pipe,
) -> None:
    """Run a job and put what it made into the folder ``into``.

    The container is gone afterwards, whatever ends it.

    :param log: where everything that was said in the container is kept.
    :param needed_by: who asks for a container, for the errors.
    :raises EngineError: if the engine can't run it.
    :raises ContainerError: if a hook or a command fails, with the last lines of the log.
    """
    environ = os.environ if environ is None else environ
    program = engine.engine_name(environ)
    env = {**environ, **options.environment}
    name = f"{NAME}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    arguments = engine.run_arguments(
        program, image, target, options, name=name, program=(f"python{target.python}", "-c", _START)
    )
    answer = log.with_suffix(".tar")
    ended = False
    try:
        code = pipe(
            arguments,
            env=env,
            send=lambda stream: _send(job, options, environ, stream),
            answer=answer,
            log=log,
            secrets=(*secrets, *options.secrets),
        )
        ended = True
        if code != 0:
            raise _failed(code, log, target, program=program, image=image, needed_by=needed_by)
        with tarfile.open(answer) as made:
            made.extractall(into, filter="data")
    except tarfile.TarError as error:
        raise ContainerError(f"{needed_by}: the container's answer can't be read: {error}") from error
    finally:
        answer.unlink(missing_ok=True)
        if not ended:
            run(engine.remove_arguments(program, name), env=env)


def _send(job: Job, options: ContainerOptions, environ: Mapping[str, str], stream: IO[bytes]) -> None:
    source = Path(agent.__file__).read_bytes()
    stream.write(b"%d\n" % len(source))
    stream.write(source)
    around = surroundings(environ)
    orders = {
        "hooks": options.command_hooks,
        "hook_environment": around.public,
        "commands": [[label, list(command)] for label, command in job.commands],
        "environment": {**around.public, **around.private, **job.environment},
        "out": job.out,
    }
    with tarfile.open(fileobj=stream, mode="w|") as sent:
        _add(sent, "job.json", json.dumps(orders).encode())
        for place, content in {**job.files, **around.files}.items():
            _add(sent, place, content)


def _add(sent: tarfile.TarFile, place: str, content: Path | bytes) -> None:
    member = tarfile.TarInfo(place)
    if isinstance(content, bytes):
        member.size, member.mode = len(content), 0o600
        sent.addfile(member, io.BytesIO(content))
        return
    with content.open("rb") as file:
        status = os.fstat(file.fileno())
        member.size, member.mode = status.st_size, 0o755 if status.st_mode & 0o100 else 0o644
        sent.addfile(member, file)


def _failed(code: int, log: Path, target: Target, *, program: str, image: Image, needed_by: str) -> ContainerError:
    text = log.read_text(encoding="utf-8")
    if code not in {agent.HOOK_FAILED, agent.COMMAND_FAILED}:  # of those it is not the engine that speaks
        known = engine.failure(text, target, engine=program, needed_by=needed_by)
        if known:
            return known
    # What uv says for us (`sdist_builder.SAY_CHOSEN`) tells a user nothing.
    *lines, last = [line for line in text.splitlines() if not line.startswith("DEBUG ")] or [""]
    if code == agent.HOOK_FAILED:
        problem = f"{needed_by}: the command hook {last!r} failed in {image.reference}"
    elif code == agent.COMMAND_FAILED:
        problem = f"{last} can't be built in {image.reference}"
    elif code in {126, 127} and f"python{target.python}" in last:  # not the user's entrypoint or working directory
        problem, lines = f"{needed_by} needs python{target.python} in {image.reference}, which has none", [*lines, last]
    else:
        problem, lines = f"{needed_by}: {program} ended with {code}", [*lines, last]
    return ContainerError(
        problem,
        details=[*lines[-20:], f"the whole log: {log}"],
        fix=f"mend what the log says, with command_hooks or another image; {engine.WITHOUT}",
    )
