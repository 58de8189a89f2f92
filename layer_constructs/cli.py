"""`layer-constructs`: what is done by hand or by a hook, outside a synth."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from layer_constructs.errors import LayerError

# In the order of the help. Each is imported when it is asked for: what one needs costs the others nothing.
_COMMANDS = (
    "lock", "inspect", "diff", "upgrade-check", "audit", "invoke", "verify", "policy", "revoke", "cache",
)  # fmt: skip


class _Group(click.Group):
    """Turns an error of ours into its text and exit status 1; anything else is a defect and keeps its traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"layer_constructs.commands.{name}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - a module of ours
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except LayerError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="layer-constructs")
def main() -> None:
    """Lambda layers of Python dependencies: pinned, built for the target, verified."""
