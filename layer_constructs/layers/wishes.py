"""What a user asks of layers that are made from requirements: the arguments of the constructs, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from layer_constructs.building.contents import Contents
from layer_constructs.building.wanted import Dependencies
from layer_constructs.layers import arguments
from layer_constructs.layers.publication import Publication, publication_of
from layer_constructs.layers.verdicts import Conditions

if TYPE_CHECKING:
    import aws_cdk as cdk

    from layer_constructs.building.bundling import Bundling
    from layer_constructs.building.target import Target
    from layer_constructs.layers.staging import AssetFormat
    from layer_constructs.layers.surroundings import Surroundings
    from layer_constructs.sharing.share import Share


class Wishes(NamedTuple):
    dependencies: Dependencies
    conditions: Conditions
    publication: Publication


def wishes_of(
    around: Surroundings,
    targets: Sequence[Target],
    *,
    requirements: str | Path,
    lock: str | Path | None,
    extras: Sequence[str],
    groups: Sequence[str],
    locked: bool | None,
    build_local_projects: bool,
    bundling: Bundling | None,
    exclude: Sequence[str],
    slim: bool,
    strip: bool,
    provided_by_runtime: bool | Mapping[str, str],
    bytecode: bool | str,
    allow: Mapping[str, str] | None,
    licenses: Sequence[str] | None,
    license_exceptions: Mapping[str, str] | None,
    asset_format: AssetFormat | None,
    layer_version_name: str | None,
    description: str | None,
    license: str | None,  # noqa: A002 - the CDK's own name
    removal_policy: cdk.RemovalPolicy | None,
    share_with: Sequence[Share],
) -> Wishes:
    """The arguments as the constructs take them, for these targets.

    :raises ArgumentError: for one that is not what it must be.
    """
    releases = [arguments.release_of(bytecode, target) for target in targets]
    dependencies = Dependencies(
        requirements=arguments.path_of(requirements, argument="requirements"),
        lock=arguments.path_of(lock, argument="lock") if lock is not None else None,
        extras=arguments.names_of(extras, argument="extras"),
        groups=arguments.names_of(groups, argument="groups"),
        locked=arguments.locked_of(around, locked),
        build_local_projects=arguments.switch_of(build_local_projects, argument="build_local_projects"),
        bundling=arguments.bundling_of(around, bundling),
        contents=Contents(
            exclude=arguments.names_of(exclude, argument="exclude"),
            slim=arguments.switch_of(slim, argument="slim"),
            strip=arguments.switch_of(strip, argument="strip"),
            provided_by_runtime=provided_by_runtime is not False,
            bytecode=releases[0],
        ),
        bytecode=bytecode is True,
        runtime_versions=arguments.texts_of(
            provided_by_runtime if not isinstance(provided_by_runtime, bool) else {}, argument="provided_by_runtime"
        ),
    )
    conditions = Conditions(
        allow=arguments.texts_of(allow or {}, argument="allow"),
        licenses=arguments.names_of(licenses, argument="licenses") if licenses is not None else None,
        license_exceptions=arguments.texts_of(license_exceptions or {}, argument="license_exceptions"),
        runtime_versions=dependencies.runtime_versions,
    )
    return Wishes(
        dependencies=dependencies,
        conditions=conditions,
        publication=publication_of(
            around,
            asset_format=asset_format,
            layer_version_name=layer_version_name,
            description=description,
            license=license,
            removal_policy=removal_policy,
            share_with=share_with,
        ),
    )
