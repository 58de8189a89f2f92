"""`layer-constructs revoke`: grants of layer versions that no template knows of any more."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from layer_constructs.commands.account import aws_errors, lambda_client
from layer_constructs.errors import ArgumentError
from layer_constructs.sharing.grants import (
    Grant,
    Grants,
    Wanted,
    find_grants,
    region_of,
    remove_grants,
    share_of,
)


@click.command()
@click.argument("layer", metavar="NAME_OR_ARN")
@click.option("--region", help="The layer's region; by default that of the ARN, else as for the AWS CLI.")
@click.option("--profile", help="A profile of the AWS configuration.")
@click.option("--version", "versions", multiple=True, type=click.IntRange(min=1), metavar="N",
              help="Only this version, be it the latest; may be repeated.")  # fmt: skip
@click.option("--keep", multiple=True, type=click.IntRange(min=1), metavar="N",
              help="Not this version; may be repeated.")  # fmt: skip
@click.option("--share", "shares", multiple=True, metavar="WHOM",
              help="Only grants to this account, organisation (o-...) or public; may be repeated.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Remove them without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and ask nothing.")
def revoke(
    layer: str,
    region: str | None,
    profile: str | None,
    versions: tuple[int, ...],
    keep: tuple[int, ...],
    shares: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """List and remove the grants of a layer's replaced versions.

    A new version of a layer keeps the grants of those before it, so that consumers which have not moved yet can still
    deploy. They are removed with --yes, or after a question in a terminal. The latest version's grants are the app's:
    take the share out of the code and deploy. Name versions that another stack still declares with --keep.

    Functions that have a version attached go on; it can't be attached anew.

    It needs lambda:ListLayerVersions, GetLayerVersionPolicy and RemoveLayerVersionPermission. The exit status is 0 if
    the grants were listed or removed, or there are none; 1 for an error, after which grants may be left.
    """
    wanted = Wanted(
        versions=frozenset(versions), keep=frozenset(keep), shares=frozenset(share_of(share) for share in shares)
    )
    if both := sorted(wanted.versions & wanted.keep):
        raise click.UsageError(f"--version and --keep both name {both[0]}")
    there = region_of(layer)
    if region and there and region != there:
        raise ArgumentError(f"the layer is in {there}, and --region is {region}", fix="leave --region out")
    account = _Account(lambda_client(region=region or there, profile=profile))
    found = find_grants(account, layer, wanted)
    if not as_json:
        _show(found)
    agreed = bool(found.grants) and (yes or (not as_json and _agreed(found.grants)))
    if agreed:
        remove_grants(account, layer, found.grants)
    if as_json:
        grants = [asdict(grant) for grant in found.grants]
        click.echo(json.dumps({"layer": layer, "latest": found.latest, "grants": grants, "removed": agreed}, indent=2))
    elif found.grants:
        click.echo(f"removed {_count(found.grants)}" if agreed else "nothing was removed; --yes removes them")


@dataclass(frozen=True, slots=True)
class _Account:
    """An account as boto3's client for Lambda reaches it."""

    client: Any

    def versions(self, layer: str) -> Sequence[int]:
        with aws_errors():
            pages = self.client.get_paginator("list_layer_versions").paginate(LayerName=layer)
            return [version["Version"] for page in pages for version in page["LayerVersions"]]

    def policy(self, layer: str, version: int) -> str | None:
        with aws_errors():
            found = self._unless_gone(
                lambda: self.client.get_layer_version_policy(LayerName=layer, VersionNumber=version)
            )
            return None if found is None else str(found["Policy"])

    def remove(self, layer: str, version: int, statement_id: str) -> None:
        with aws_errors():
            self._unless_gone(
                lambda: self.client.remove_layer_version_permission(
                    LayerName=layer, VersionNumber=version, StatementId=statement_id
                )
            )

    def _unless_gone(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except self.client.exceptions.ResourceNotFoundException:
            return None


def _show(found: Grants) -> None:
    from layer_constructs.inspection.text_table import Column, show

    if not found.grants:
        click.echo(f"there are no such grants; the latest version is {found.latest}")
        return
    show(
        [Column("version", is_number=True), Column("shared with"), Column("statement")],
        [[str(grant.version), grant.shared_with, grant.statement_id] for grant in found.grants],
    )


def _agreed(grants: Sequence[Grant]) -> bool:
    """An answer is only asked of somebody who sees the question."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return click.confirm(f"remove {_count(grants)}?")


def _count(grants: Sequence[Grant]) -> str:
    return f"{len(grants)} {'grant' if len(grants) == 1 else 'grants'}"
