"""How a finished layer reaches `cdk.out`: a verified copy under the name that the CDK gives it.

The CDK takes what lies there under the asset's name for the asset. So it is put there first, by one rename, and looked
at on every synth: nothing half-written or edited in a kept `cdk.out` is served, and jsii is asked for nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as s3_assets

from layer_constructs.errors import BuildError

if TYPE_CHECKING:
    from layer_constructs.building.cache import CachedLayer
    from layer_constructs.layers.surroundings import Surroundings

AssetFormat = Literal["zip", "directory"]

# What stands for a layer that isn't built. Lambda takes neither for a layer, should anybody deploy it.
_NOT_BUILT = Path(__file__).with_name("not_built")


def stage(around: Surroundings, layer: CachedLayer | None, *, digest: str, asset_format: AssetFormat) -> lambda_.Code:
    """The code of a layer version, its asset in the app's output folder.

    :param layer: None for a stack that is not being bundled: its template is the same.
    :param digest: names the content; the asset's hash follows from it and the format.
    :raises BuildError: if the output folder can't be written.
    """
    name = _name(digest, asset_format)
    source = _NOT_BUILT.with_suffix(".zip") if asset_format == "zip" else _NOT_BUILT
    if layer is not None:
        folder = around.outdir
        target = folder / f"asset.{_hash(name)}"
        try:
            if asset_format == "zip":
                source = target.with_name(f"{target.name}.zip")
                _put_archive(layer, source)
            else:
                _put_folder(layer, target)
        except OSError as error:
            raise BuildError(
                f"the layer can't be put into {folder}: {error.strerror or error}",
                fix="make room or give yourself the right to write there, or name another folder with --output",
            ) from error
        # The CDK takes what follows a dot in a folder's name for an ending, so the folder itself is not named to it.
        if asset_format == "directory" and not around.staged:
            source = target
    return lambda_.Code.from_asset(str(source), asset_hash=name, asset_hash_type=cdk.AssetHashType.CUSTOM)


def check_folder(layer_version: lambda_.LayerVersion, *, digest: str) -> None:
    """Be sure that the CDK took the folder that was put there for the asset.

    :raises BuildError: if it looked elsewhere.
    """
    asset = cast("s3_assets.Asset", layer_version.node.find_child("Code"))
    if asset.asset_hash != _hash(_name(digest, "directory")):
        raise BuildError(
            "this version of aws-cdk-lib names assets in another way than layer-constructs knows",
            fix="use asset_format='zip', or another version of either",
        )


def asset_hash_of(digest: str, asset_format: AssetFormat) -> str:
    """By which a template names the asset of a layer."""
    return _hash(_name(digest, asset_format))


def _name(digest: str, asset_format: AssetFormat) -> str:
    return f"{digest}-{asset_format}"


def _hash(name: str) -> str:
    """What the CDK makes of a custom hash (core/lib/asset-staging.ts)."""
    return hashlib.sha256(name.encode()).hexdigest()


def _put_archive(layer: CachedLayer, target: Path) -> None:
    """Copied, never linked: what is done to a file in `cdk.out` must not reach the cache that others are served from.

    The copy keeps the archive's modification time, by which it is known again.
    """
    ours = layer.archive.stat()
    if target.is_file():
        theirs = target.stat()
        if (theirs.st_size, theirs.st_mtime_ns) == (ours.st_size, ours.st_mtime_ns):
            return
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copy2(layer.archive, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _put_folder(layer: CachedLayer, target: Path) -> None:
    """Unpacked beside its place and moved there whole; one of another size is no longer what was put there."""
    from layer_constructs.building.archive import extract

    if target.is_dir():
        size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
        if size == layer.facts.unzipped_size:
            return
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        extract(layer.archive, temporary / "content")
        if target.exists():
            target.replace(temporary / "before")
        (temporary / "content").replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
