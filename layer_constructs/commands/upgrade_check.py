"""`layer-constructs upgrade-check`: what of a requirements file loads on another runtime."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from layer_constructs.inspection.upgrade import UpgradeCheck
    from layer_constructs.inspection.upgrade_verdicts import Verdict


@click.command("upgrade-check")
@click.argument("requirements", type=click.Path(path_type=Path))
@click.option("--to", required=True, metavar="RUNTIME", help="The runtime to move to, such as python3.14.")
@click.option("--from", "start", metavar="RUNTIME", help="The runtime to move from; by default the lock's.")
@click.option("--lock", type=click.Path(path_type=Path), help="Where the lock lies; by default beside the file.")
@click.option("--extra", "extras", multiple=True, help="An extra of a pyproject.toml; may be repeated.")
@click.option("--group", "groups", multiple=True, help="A dependency group of a pyproject.toml; may be repeated.")
@click.option("--build-local-projects", is_flag=True, help="Build ./local projects by their own build backend.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def upgrade_check(
    requirements: Path,
    to: str,
    start: str | None,
    lock: Path | None,
    extras: tuple[str, ...],
    groups: tuple[str, ...],
    build_local_projects: bool,
    as_json: bool,
) -> None:
    """Say which packages of REQUIREMENTS load on another runtime, before anyone moves; nothing is written.

    Exits with 1 if something that has a wheel now has none there, in any newer version, or if nothing fits together.
    What a pure Python wheel says of itself is believed: that it runs on any Python 3.
    """
    from layer_constructs.building.bundling import Bundling
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.dependencies import Dependencies
    from layer_constructs.inspection import upgrade

    dependencies = Dependencies(
        requirements=requirements,
        lock=lock,
        extras=extras,
        groups=groups,
        build_local_projects=build_local_projects,
        bundling=Bundling.local(),
    )
    check = upgrade.check_upgrade(dependencies, to=to, start=start, cache=Cache.default())
    if as_json:
        click.echo(upgrade.as_json(check))
    else:
        _show(check)
    if not check.can_move:
        sys.exit(1)


def _show(check: UpgradeCheck) -> None:
    from layer_constructs.building.inventory.clean import one_line
    from layer_constructs.inspection.text_table import Column, show

    click.echo(f"{one_line(check.label)}: from {check.before} to {check.after}")
    for note in check.notes:
        click.echo(f"note: {one_line(note)}")
    verdicts = {a: {verdict.name: verdict for verdict in one.packages} for a, one in check.architectures.items()}
    names = sorted({name for by_name in verdicts.values() for name in by_name})
    pinned = {name: next(v[name].pinned for v in verdicts.values() if name in v) for name in names}
    click.echo()
    show(
        [Column("package", style="bold"), Column("now"), *(Column(architecture) for architecture in verdicts)],
        [[name, pinned[name], *(_said(by_name.get(name)) for by_name in verdicts.values())] for name in names],
    )
    for architecture, one in check.architectures.items():
        if one.added:
            listed = ", ".join(f"{name} {version}" for name, version in one.added.items())
            click.echo(f"\n{architecture}: needs besides: {one_line(listed)}")
        if one.problem:
            click.echo(f"\n{architecture}: nothing fits together:")
            for line in one.problem.splitlines():
                click.echo(f"  {one_line(line)}")
    relaxed = list(dict.fromkeys(line for one in check.architectures.values() for line in one.relaxed))
    if relaxed:
        click.echo("\nto be changed:")
        for line in relaxed:
            click.echo(f"  {one_line(line)}")
    click.echo(f"\n{'it can move' if check.can_move else 'it cannot move'} to {check.after}")


def _said(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return {
        "as-pinned": "loads",
        "newer": f"needs {verdict.version}",
        "older": f"goes back to {verdict.version}",
        "sdist-only": f"no wheel: {verdict.version} has to be built{', as now' if verdict.built_now else ''}",
        "none": "no wheel",
        "unneeded": "not needed",
    }[verdict.status]
