"""`layer-constructs invoke`: a function of a synthesised app, run here with its layers."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layer_constructs.errors import ArgumentError

if TYPE_CHECKING:
    from layer_constructs.emulation.invocation import Invocation


@click.command()
@click.argument("function")
@click.option("--app", default="cdk.out", show_default=True, type=click.Path(path_type=Path, file_okay=False),
              help="The folder of a synthesised app.")  # fmt: skip
@click.option("--event", metavar="FILE", help="JSON for the function; - is standard input. Without it, {}.")
@click.option("--env", "variables", metavar="NAME[=VALUE]", multiple=True,
              help="A variable for the function; without a value, this shell's. May be repeated.")  # fmt: skip
@click.option("--timeout", type=click.IntRange(1, 900), metavar="S", help="Seconds, in place of the function's own.")
@click.option("--port", type=click.IntRange(1, 65535), help="Where the emulator listens; by default any free port.")
@click.option("--container", is_flag=True, help="Run in a container of AWS's Lambda image.")
@click.option("--image", help="Run in a container of this image.")
@click.option("--without-unknown-layers", is_flag=True, help="Leave out the layers that are not in this app.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def invoke(
    function: str,
    app: Path,
    event: str | None,
    variables: tuple[str, ...],
    timeout: int | None,
    port: int | None,
    container: bool,
    image: str | None,
    without_unknown_layers: bool,
    as_json: bool,
) -> None:
    """Run a function of a synthesised app with its layers, in AWS's emulator.

    FUNCTION is its construct's path (Stack/Function), its logical id or its name. Its response goes to standard
    output; its log, the init time and what is unlike Lambda go to standard error. It runs with this user's rights and
    gets no credentials unless --env passes them on.

    The exit status is 0 for a response and 1 if the function failed or couldn't be run.
    """
    from layer_constructs.emulation.runtime import LambdaRuntime

    runtime = LambdaRuntime.of(
        app,
        function,
        environment=dict(_variable(each) for each in variables),
        timeout=timeout,
        container=container,
        image=image,
        leave_out_unknown=without_unknown_layers,
    )
    done = runtime.invoke(_event(event), port=port)
    if as_json:
        click.echo(json.dumps(asdict(done), indent=2))
    else:
        _show(done)
    if done.error:
        sys.exit(1)


def _event(name: str | None) -> Any:
    if name is None:
        return {}
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise ArgumentError(f"the event {name} can't be read: {error.strerror}") from error
    except ValueError as error:
        where = "standard input" if name == "-" else name
        raise ArgumentError(f"the event in {where} is no JSON: {error}") from error


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name:
        raise ArgumentError(f"--env {text} names no variable", details=["allowed: NAME or NAME=VALUE"])
    if equals:
        return name, value
    if name not in os.environ:
        raise ArgumentError(
            f"--env {name}: this shell has no such variable", fix=f"give it a value: --env {name}=VALUE"
        )
    return name, os.environ[name]


def _show(done: Invocation) -> None:
    if done.error:  # first, since it is what matters
        click.echo(f"error: {done.error}", err=True)
        for line in done.error.stack_trace:
            click.echo(line.rstrip("\n"), err=True)
    click.echo(done.log, err=True, nl=False)
    init = "" if done.init_seconds is None else f"init {done.init_seconds:.3f} s, "
    click.echo(f"{init}altogether {done.seconds:.3f} s", err=True)
    for note in done.notes:
        click.echo(f"note: {note}", err=True)
    if not done.error:
        response = done.response if isinstance(done.response, str) else json.dumps(done.response)
        click.echo(response)
