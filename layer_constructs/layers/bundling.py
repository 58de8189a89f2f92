"""The adapter between a finished layer and the CDK's staging: jsii calls it, and it only copies.

The CDK renames what a bundler made into place, so a synth that is killed leaves nothing half-written in `cdk.out`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as s3_assets

AssetFormat = Literal["zip", "directory"]

# The CDK hashes the bundling options, this name among them, so it must never change. It is never pulled or run.
_IMAGE = "layer-constructs"

# What the CDK CLI has the CDK note of each asset, for SAM (cx-api: ASSET_RESOURCE_METADATA_PATH_KEY).
_ASSET_PATH = "aws:asset:path"

# An existing folder that the CDK wants to be told of; nothing in it is read.
_SOURCE = Path(__file__).parent


@jsii.implements(cdk.ILocalBundling)
class _Bundler:
    def __init__(self, fill: Callable[[Path], None]) -> None:
        self._fill = fill
        self.error: Exception | None = None

    def try_bundle(self, output_dir: str, *, image: cdk.DockerImage, **_: object) -> bool:  # noqa: ARG002 - the CDK's
        try:
            self._fill(Path(output_dir))
        except Exception as error:
            self.error = error  # jsii carries only its text: the construct raises this one again
            raise
        return True


class Staging:
    """How one layer reaches `cdk.out`.

    :param digest: names the content.
    :param fill: puts the content into a folder; called only for a stack that is being bundled, and only if `cdk.out`
        doesn't have it.
    """

    def __init__(self, *, digest: str, asset_format: AssetFormat, fill: Callable[[Path], None]) -> None:
        self._bundler = _Bundler(fill)
        archived = asset_format == "zip"
        self.code = lambda_.Code.from_asset(
            str(_SOURCE),
            asset_hash=digest,
            asset_hash_type=cdk.AssetHashType.CUSTOM,
            bundling=cdk.BundlingOptions(
                image=cdk.DockerImage.from_registry(_IMAGE),
                local=self._bundler,
                output_type=cdk.BundlingOutput.ARCHIVED if archived else cdk.BundlingOutput.NOT_ARCHIVED,
            ),
        )

    @property
    def error(self) -> Exception | None:
        """What went wrong in :meth:`try_bundle`, as it was before jsii made a text of it."""
        return self._bundler.error


def copy_archive(archive: Path, into: Path) -> None:
    """Copy, never link: what is done to a file in `cdk.out` must not reach the cache that others are served from.

    The copy keeps the archive's modification time, by which :func:`mend_staged` knows it again.
    """
    shutil.copy2(archive, into / archive.name)


def mend_staged(layer: lambda_.LayerVersion, archive: Path) -> None:
    """Look at the staged copy, and put the archive in its place if something was done to it.

    The CDK trusts whatever lies in a kept `cdk.out` under the asset's name. A cheap look: size and modification time.
    """
    staged, _ = _staged(layer, "zip")
    try:
        theirs, ours = staged.stat(), archive.stat()
    except FileNotFoundError:
        return
    if (theirs.st_size, theirs.st_mtime_ns) == (ours.st_size, ours.st_mtime_ns):
        return
    temporary = staged.with_name(f".{staged.name}.{os.getpid()}")
    try:
        shutil.copy2(archive, temporary)
        temporary.replace(staged)
    finally:
        temporary.unlink(missing_ok=True)


def name_asset(layer: lambda_.LayerVersion, asset_format: AssetFormat) -> None:
    """In the template of a stack that isn't being bundled, name the asset as it is named where it is.

    The CDK would name the source folder instead, so that the template depended on what is being synthesised.
    """
    resource = cast("cdk.CfnResource", layer.node.default_child)
    if resource.get_metadata(_ASSET_PATH) is not None:
        staged, outdir = _staged(layer, asset_format)
        resource.add_metadata(_ASSET_PATH, Path(os.path.relpath(staged, outdir)).as_posix())


def _staged(layer: lambda_.LayerVersion, asset_format: AssetFormat) -> tuple[Path, Path]:
    """Where the CDK stages the layer's asset, and the folder of the cloud assembly that names it."""
    asset = cast("s3_assets.Asset", layer.node.find_child("Code"))
    stage = cast("cdk.Stage", cdk.Stage.of(layer))
    name = f"asset.{asset.asset_hash}" + (".zip" if asset_format == "zip" else "")
    return Path(stage.asset_outdir, name), Path(stage.outdir)
