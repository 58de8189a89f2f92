"""`layer-constructs cache`: the finished layers on this machine."""

from __future__ import annotations

import time

import click

from layer_constructs.building.cache import Cache
from layer_constructs.building.progress import megabytes

_DAY = 86_400


@click.group()
def cache() -> None:
    """The finished layers on this machine."""


@cache.command("show")
def show_cache() -> None:
    """How many layers there are, and how large they are."""

    store = Cache.default()
    layers = store.layers()
    count = f"{len(layers)} {'layer' if len(layers) == 1 else 'layers'}"
    click.echo(f"{store.root}: {count}, {megabytes(sum(size for _, size, _ in layers))}")


@cache.command("prune")
@click.option("--older-than", type=click.IntRange(min=0), default=30, show_default=True, metavar="DAYS",
              help="Remove what was last used more than so many days ago.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Remove everything.")
def prune_cache(older_than: int, everything: bool) -> None:
    """Remove layers that were not used for a while; they are built again when they are needed."""

    count, freed = Cache.default().prune(keep_newer_than=time.time() - older_than * _DAY, everything=everything)
    click.echo(f"removed {count} {'layer' if count == 1 else 'layers'}, {megabytes(freed)}")
