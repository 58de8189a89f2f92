"""`layer-constructs verify`: whether a published layer version is what a lock says, file by file."""

from __future__ import annotations

import io
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from layer_constructs.building.bundling import MODES, Bundling, Mode
from layer_constructs.building.contents import Contents
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName
from layer_constructs.commands.account import aws_errors, lambda_client
from layer_constructs.errors import ArgumentError, LayerError
from layer_constructs.inspection.layer_files import MOST, Comparison, compare
from layer_constructs.inspection.published import Published, download
from layer_constructs.layer_arn import LayerArn, is_token

DIFFERS = 3

_OF_LOCK = "lock"

_TIMEOUT = 60.0
_SHOWN = 20


@click.command()
@click.argument("arn", metavar="LAYER_VERSION_ARN")
@click.option("--requirements", type=click.Path(path_type=Path), required=True, help="The requirements file or lock.")
@click.option("--lock", type=click.Path(path_type=Path), help="Where the requirements file's lock lies.")
@click.option("--runtime", help="Such as python3.13; by default what the version says, if it is one.")
@click.option("--architecture", type=click.Choice(ARCHITECTURES), help="The same.")
@click.option("--extra", "extras", multiple=True, help="An extra of a pyproject.toml; may be repeated.")
@click.option("--group", "groups", multiple=True, help="A dependency group of a pyproject.toml; may be repeated.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="As given to the construct; may be repeated.")
@click.option("--slim", is_flag=True, help="As given to the construct.")
@click.option("--strip", is_flag=True, help="As given to the construct.")
@click.option("--provided-by-runtime", is_flag=True, help="As given to the construct.")
@click.option(
    "--bytecode", metavar="VERSION", help="As given to the construct: a release such as 3.13.5, or lock for True."
)
@click.option("--bundling", type=click.Choice(MODES), default="auto", show_default=True,
              help="What builds packages that have no wheel.")  # fmt: skip
@click.option("--profile", help="A profile of the AWS configuration.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    arn: str,
    requirements: Path,
    lock: Path | None,
    runtime: str | None,
    architecture: ArchitectureName | None,
    extras: tuple[str, ...],
    groups: tuple[str, ...],
    exclude: tuple[str, ...],
    slim: bool,
    strip: bool,
    provided_by_runtime: bool,
    bytecode: str | None,
    bundling: Mode,
    profile: str | None,
    as_json: bool,
) -> None:
    """Compare a published layer version with what a lock says.

    The version is downloaded, what the lock says is built or taken from the cache, and both are compared file by file:
    names, contents and permissions. It says whether these are the same, and nothing about what the packages do or who
    published them. It needs lambda:GetLayerVersion, for a layer of any account that lets you.

    The exit status is 0 if they are the same, 3 if they differ and 1 if they couldn't be compared.
    """
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.dependencies import Dependencies
    from layer_constructs.inspection.inspection import Wanted
    from layer_constructs.inspection.subject import plan_layer

    layer, region, version = _parts(arn)
    dependencies = Dependencies(
        requirements=requirements,
        lock=lock,
        extras=extras,
        groups=groups,
        bundling=Bundling(mode=bundling),
        contents=Contents(
            exclude=exclude,
            slim=slim,
            strip=strip,
            provided_by_runtime=provided_by_runtime,
            bytecode=None if bytecode == _OF_LOCK else bytecode,
        ),
        bytecode=bytecode == _OF_LOCK,
    )
    cache = Cache.default()
    _refuse_without_lock(dependencies, cache)
    account = AwsAccount(lambda_client(region=region, profile=profile))
    published = account.published(layer, version)
    wanted = Wanted(
        runtime=runtime or _only(published.runtimes),
        architecture=architecture or _architecture(published.architectures),
    )
    planned = plan_layer(dependencies, wanted=wanted, cache=cache)
    body = download(account, published, arn)
    made = planned.built(cache=cache, label=requirements.name)
    with made.archive.open("rb") as ours:
        found = compare(io.BytesIO(body), ours)
    if as_json:
        said = {"layer_version": arn, "target": str(planned.target), "same": found.is_same, **asdict(found)}
        click.echo(json.dumps(said, indent=2))
    else:
        _show(found, arn, f"{requirements} for {planned.target}")
    if not found.is_same:
        sys.exit(DIFFERS)


def _parts(arn: str) -> tuple[str, str, int]:
    """The layer's own ARN, its region and the version."""
    parsed = LayerArn.parse(arn)
    if parsed.is_service_layer or is_token(arn):
        raise ArgumentError(f"{arn!r} is not the ARN of a layer version that can be asked for")
    return arn.rpartition(":")[0], parsed.region, int(parsed.version)


def _refuse_without_lock(dependencies: Any, cache: Any) -> None:
    """Without a lock, something would be resolved now, and what was published then could differ for that alone."""
    from layer_constructs.building.dependencies import to_lock
    from layer_constructs.building.locking.lock_request import lock_path
    from layer_constructs.errors import Where

    if not dependencies.requirements.is_file():
        raise ArgumentError("there is no such file", where=Where(dependencies.requirements))
    if to_lock(dependencies, cache=cache) is None:
        return
    lock = dependencies.lock or lock_path(
        dependencies.requirements, sorted(dependencies.extras), sorted(dependencies.groups)
    )
    if not lock.is_file():
        raise ArgumentError(
            "there is no such lock, and a lock is what a published layer is compared with",
            where=Where(lock),
            fix="take it from the commit that was published, or make it: layer-constructs lock",
        )


def _only(values: Sequence[str]) -> str | None:
    return values[0] if len(values) == 1 else None


def _architecture(values: Sequence[str]) -> ArchitectureName | None:
    return next((each for each in ARCHITECTURES if list(values) == [each]), None)


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """An account as boto3's client for Lambda reaches it."""

    client: Any

    def published(self, layer: str, version: int) -> Published:
        with aws_errors():
            found = self.client.get_layer_version(LayerName=layer, VersionNumber=version)
        content = found["Content"]
        return Published(
            location=content["Location"],
            sha256=content["CodeSha256"],
            runtimes=tuple(found.get("CompatibleRuntimes", ())),
            architectures=tuple(found.get("CompatibleArchitectures", ())),
        )

    def fetch(self, location: str) -> bytes:
        # The address holds a signature, so no error shows it.
        if not location.startswith(("https://", "http://")):
            raise LayerError("the API gives no address for the layer's content", details=["only AWS itself does"])
        try:
            with urllib.request.urlopen(location, timeout=_TIMEOUT) as answer:  # noqa: S310 - checked above
                body = answer.read(MOST + 1)
        except (OSError, urllib.error.URLError) as error:
            raise LayerError(f"the layer can't be downloaded: {error}") from error
        assert isinstance(body, bytes)  # noqa: S101 - of an HTTP answer
        return body


def _show(found: Comparison, arn: str, what: str) -> None:
    from layer_constructs.building.inventory.clean import one_line

    if found.is_same:
        click.echo(f"{arn} has the files that {what} gives: {found.files} files, the same content and permissions")
        return
    click.echo(f"{arn} is not what {what} gives")
    for names, problem in (
        (found.missing, "missing from what is published"),
        (found.extra, "only in what is published"),
        (found.different, "another content"),
        (found.modes, "other permissions"),
    ):
        if names:
            click.echo(f"{problem}: {len(names)}")
        for name in names[:_SHOWN]:
            click.echo(f"  {one_line(name)}")
        if len(names) > _SHOWN:
            click.echo(f"  and {len(names) - _SHOWN} more, which --json lists")
