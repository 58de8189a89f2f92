"""`layer-constructs audit`: what is known against the packages of a layer, asked outside a synth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layer_constructs.building.target import ARCHITECTURES, ArchitectureName
from layer_constructs.errors import ArgumentError, Where

if TYPE_CHECKING:
    from layer_constructs.building.inventory.components import Component
    from layer_constructs.inspection.inspection import Wanted

_FOUND = 1


@click.command()
@click.argument("paths", metavar="PATH...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--vulnerabilities", is_flag=True, required=True, help="Ask a vulnerability service.")
@click.option("--service", metavar="URL", help="Another service with the API of OSV.dev, such as a mirror.")
@click.option("--runtime", help="Of a requirements file's lock, such as python3.13; by default its first.")
@click.option("--architecture", type=click.Choice(ARCHITECTURES), help="The same.")
def audit(
    paths: tuple[Path, ...],
    vulnerabilities: bool,  # noqa: ARG001 - the only thing that is audited from outside so far
    service: str | None,
    runtime: str | None,
    architecture: ArchitectureName | None,
) -> None:
    """Check the packages of a layer against a vulnerability service.

    PATH is a requirements file or lock, or a layer's folder or zip. The exit status is 1 if something is known against
    one of them, and also if the service can't answer for every package: no answer is never taken for a good one.
    """
    from layer_constructs.building.inventory.service import OSV
    from layer_constructs.building.inventory.vulnerabilities import check
    from layer_constructs.inspection.inspection import Wanted

    wanted = Wanted(runtime=runtime, architecture=architecture)
    asked: dict[tuple[str, str], Component] = {}
    for path in paths:
        components = _components(path, wanted)
        if not components:
            raise ArgumentError(
                "there is no package in it whose name and version are known, so nothing can be asked",
                where=Where(path),
                fix="keep the packages' dist-info folders, or name the requirements file or lock that it was made from",
            )
        asked |= {(each.name, each.version): each for each in components}
    found = check(tuple(asked.values()), service=service or OSV)
    for vulnerability in found:
        click.echo(str(vulnerability))
    count = f"{len(asked)} {'package' if len(asked) == 1 else 'packages'}"
    known = "1 vulnerability is" if len(found) == 1 else f"{len(found) or 'no'} vulnerabilities are"
    click.echo(f"{known} known of {count}, by {service or OSV}")
    if found:
        sys.exit(_FOUND)


def _components(path: Path, wanted: Wanted) -> list[Component]:
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.dependencies import Dependencies
    from layer_constructs.building.inventory.components import Component
    from layer_constructs.inspection.subject import inspect_layer, is_layer, plan_layer

    if is_layer(path):
        packages = inspect_layer(path, wanted=wanted, audited=False).packages
        return [Component(name=package.name, version=package.version or "") for package in packages]
    planned = plan_layer(Dependencies(requirements=path), wanted=wanted, cache=Cache.default()).planned
    return [Component(name=name, version=version) for name, version in planned.plan.packages.items()]
