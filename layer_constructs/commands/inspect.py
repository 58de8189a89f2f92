"""`layer-constructs inspect`: what is in a layer, anyone's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layer_constructs.building.bundling import MODES, Bundling, Mode
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName

if TYPE_CHECKING:
    from layer_constructs.inspection.inspection import Inspection

# What of a long list stands in the terminal; --json and --html have all.
_SHOWN = 10
_SHOWN_OF_A_KIND = 3


@click.command()
@click.argument("paths", metavar="PATH...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--runtime", help="What to compare with, such as python3.13; by default the lock's, or what fits.")
@click.option("--architecture", type=click.Choice(ARCHITECTURES), help="The same.")
@click.option("--lock", type=click.Path(path_type=Path), help="Where the requirements file's lock lies.")
@click.option("--extra", "extras", multiple=True, help="An extra of a pyproject.toml; may be repeated.")
@click.option("--group", "groups", multiple=True, help="A dependency group of a pyproject.toml; may be repeated.")
@click.option("--bundling", type=click.Choice(MODES), default="auto", show_default=True,
              help="What builds a requirements file's packages that have no wheel.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write one page with a map of what takes the space.")  # fmt: skip
@click.option("--fail-on-findings", is_flag=True,
              help="Exit with 1 if there are findings, or more than 250 MB.")  # fmt: skip
def inspect(
    paths: tuple[Path, ...],
    runtime: str | None,
    architecture: ArchitectureName | None,
    lock: Path | None,
    extras: tuple[str, ...],
    groups: tuple[str, ...],
    bundling: Mode,
    as_json: bool,
    html: Path | None,
    fail_on_findings: bool,
) -> None:
    """Show the packages of a layer, their sizes and licences, and what won't work.

    PATH is a requirements file or lock, which is built or taken from the cache, or a layer's folder or zip, whoever
    made it. A lock is never made or changed.
    """
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.dependencies import Dependencies
    from layer_constructs.building.size import LIMIT
    from layer_constructs.inspection.inspection import Wanted
    from layer_constructs.inspection.subject import inspect_layer, inspect_requirements, is_layer

    wanted = Wanted(runtime=runtime, architecture=architecture)
    if lock and len(paths) > 1:
        raise click.UsageError("--lock names one lock, so name one requirements file")
    inspections = []
    for path in paths:
        if is_layer(path):
            inspections.append(inspect_layer(path, wanted=wanted))
        else:
            dependencies = Dependencies(
                requirements=path, lock=lock, extras=extras, groups=groups, bundling=Bundling(mode=bundling)
            )
            inspections.append(inspect_requirements(dependencies, wanted=wanted, cache=Cache.default()))
    if as_json:
        from layer_constructs.inspection import json_report

        click.echo(json_report.as_json(inspections))
    else:
        for number, inspection in enumerate(inspections):
            if number:
                click.echo()
            _show(inspection)
    if html:
        from layer_constructs.inspection.page import write_page

        write_page(html, inspections)
    if fail_on_findings and any(each.findings or each.size > LIMIT for each in inspections):
        sys.exit(1)


def _show(inspection: Inspection) -> None:
    from layer_constructs.building.inventory.clean import one_line
    from layer_constructs.building.progress import megabytes
    from layer_constructs.building.size import LIMIT
    from layer_constructs.inspection.inspection import choices, grouped
    from layer_constructs.inspection.text_table import Column, bar, show

    guessed = " (as its files say; --runtime and --architecture name another)" if inspection.is_guessed else ""
    click.echo(f"{one_line(inspection.label)}: {inspection.target}{guessed}")
    share = 100 * inspection.size / LIMIT
    click.echo(f"{bar(inspection.size, LIMIT)} {megabytes(inspection.size)} of 250 MB, {share:.0f} %")
    for note in inspection.notes:
        click.echo(f"note: {one_line(note)}")
    if inspection.packages:
        click.echo()
        columns = [Column("package", style="bold"), Column("version"), Column("size", is_number=True),
                   Column("licence"), Column("native"), Column("glibc")]  # fmt: skip
        show(
            columns,
            [
                [
                    package.name,
                    package.version,
                    megabytes(package.size),
                    package.license or (f"unknown ({package.license_said})" if package.license_said else "unknown"),
                    "yes" if package.native else "",
                    package.glibc or "",
                ]
                for package in inspection.packages
            ],
        )
    for number, line in enumerate(choices(inspection.savings)):
        click.echo(line if number else f"\n{line}")
    unowned = inspection.unowned
    if unowned:
        count = "1 file belongs" if len(unowned) == 1 else f"{len(unowned)} files belong"
        click.echo(f"\n{count} to no package, {megabytes(sum(file.size for file in unowned))}:")
        _list([f"{file.path}, {megabytes(file.size)}" for file in unowned])
    findings = inspection.findings
    if findings:
        click.echo(f"\n{len(findings)} {'finding' if len(findings) == 1 else 'findings'} for {inspection.target}:")
        for group in grouped(findings):
            start = f"{group[0].package or 'no package'}: {group[0].rule}: "
            _list([f"{start}{finding}" for finding in group], most=_SHOWN_OF_A_KIND)
    else:
        click.echo(f"\nno finding for {inspection.target}")


def _list(lines: Sequence[str], most: int = _SHOWN) -> None:
    from layer_constructs.building.inventory.clean import one_line

    for line in lines[:most]:
        click.echo(f"  {one_line(line)}")
    if len(lines) > most:
        click.echo(f"  and {len(lines) - most} more, which --json lists")
