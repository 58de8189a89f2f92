"""`layer-constructs diff`: what a change does to a layer, for whoever reviews it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layer_constructs.building.bundling import MODES, Bundling, Mode
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName

if TYPE_CHECKING:
    from layer_constructs.inspection.comparison import Change, Comparison, Side, SidePackage

_HEADS = ("package", "before", "after", "size", "licence")

# What Markdown or HTML would take for its own (https://spec.commonmark.org, and GitHub's @names and tables).
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@:])")


@click.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option("--runtime", help="Of a lock: which runtime is compared, such as python3.13.")
@click.option("--architecture", type=click.Choice(ARCHITECTURES), help="Of a lock: which architecture is compared.")
@click.option("--build", "building", is_flag=True, help="Build what isn't in the cache, so that sizes can be compared.")
@click.option("--bundling", type=click.Choice(MODES), default="auto", show_default=True,
              help="What builds packages that have no wheel.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print a table for a pull request.")
def diff(
    before: Path,
    after: Path,
    runtime: str | None,
    architecture: ArchitectureName | None,
    building: bool,
    bundling: Mode,
    as_json: bool,
    markdown: bool,
) -> None:
    """Show which packages, versions, sizes and licences differ between A and B.

    Each is a lock, a requirements file, or a layer's folder or zip. A lock of another branch:
    git show main:pylock.req.toml > /tmp/pylock.main.toml
    """
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.dependencies import Dependencies
    from layer_constructs.inspection import comparison
    from layer_constructs.inspection.inspection import Wanted
    from layer_constructs.inspection.sides import side_of

    if as_json and markdown:
        raise click.UsageError("--json and --markdown are two kinds of output: choose one")
    cache, wanted = Cache.default(), Wanted(runtime=runtime, architecture=architecture)

    def side(path: Path) -> Side:
        dependencies = Dependencies(requirements=path, bundling=Bundling(mode=bundling))
        return side_of(dependencies, wanted=wanted, cache=cache, building=building)

    compared = comparison.compare(side(before), side(after))
    if as_json:
        click.echo(comparison.as_json(compared))
    elif markdown:
        click.echo(_as_markdown(compared))
    else:
        _show(compared)


def _show(compared: Comparison) -> None:
    from layer_constructs.building.inventory.clean import one_line
    from layer_constructs.inspection.text_table import Column, show

    for side in (compared.before, compared.after):
        for note in side.notes:
            click.echo(f"note: {one_line(side.label)}: {one_line(note)}")
    if not compared.changes:
        click.echo(f"no package differs{_total(compared)}")
        return
    show([Column(name, is_number=name == "size", style="bold" if name == "package" else "") for name in _HEADS],
         [_row(change) for change in compared.changes])  # fmt: skip
    click.echo(f"\n{_summary(compared)}{_total(compared)}")


def _as_markdown(compared: Comparison) -> str:
    def cell(text: str) -> str:
        from layer_constructs.building.inventory.clean import one_line

        return _MARKUP.sub(r"\\\1", one_line(text))

    target = compared.after.target
    lines = [f"**{cell(compared.after.label)}** ({target}): {_summary(compared)}{_total(compared)}"]
    if compared.changes:
        lines += ["", f"| {' | '.join(_HEADS)} |", "| --- | --- | --- | ---: | --- |"]
        lines += [f"| {' | '.join(cell(each) for each in _row(change))} |" for change in compared.changes]
    return "\n".join(lines)


def _row(change: Change) -> list[str]:
    before, after = change.before, change.after
    licence = ""
    if change.license_changed and before and after:
        licence = f"{before.license or 'unknown'} -> {after.license or 'unknown'}"
    elif after and not before:
        licence = after.license or ""
    return [change.name, _version(before), _version(after), _difference(change.size_difference), licence]


def _version(package: SidePackage | None) -> str:
    return package.version or "unknown" if package else ""


def _difference(size: int | None) -> str:
    from layer_constructs.building.progress import megabytes

    return "" if size is None else f"{'-' if size < 0 else '+'}{megabytes(abs(size))}"


def _summary(compared: Comparison) -> str:
    if not compared.changes:
        return "no package differs"
    counts: dict[str, int] = {}
    for change in compared.changes:
        word = {"same": "with another size or licence"}.get(change.kind, change.kind)
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _total(compared: Comparison) -> str:
    from layer_constructs.building.progress import megabytes

    before, after = compared.before.size, compared.after.size
    if compared.before.target != compared.after.target:
        return f"; of two targets, {compared.before.target} and {compared.after.target}"
    if before is None or after is None:
        return "; sizes are not compared: not both are in the cache (--build builds them)"
    return f"; {megabytes(before)} -> {megabytes(after)} of 250 MB ({_difference(after - before)})"
