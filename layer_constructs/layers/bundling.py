"""The adapter between a finished layer and the CDK's staging: jsii calls it, and it only copies.

The CDK renames what a bundler made into place, so a synth that is killed leaves nothing half-written in `cdk.out`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

AssetFormat = Literal["zip", "directory"]

# The CDK hashes the bundling options, this name among them, so it must never change. It is never pulled or run.
_IMAGE = "layer-constructs"

# An existing folder that the CDK wants to be told of; nothing in it is read.
_SOURCE = Path(__file__).parent


@jsii.implements(cdk.ILocalBundling)
class _Bundler:
    def __init__(self, fill: Callable[[Path], None]) -> None:
        self._fill = fill
        self.error: Exception | None = None

    def try_bundle(self, output_dir: str, *, image: cdk.DockerImage, **_: object) -> bool:
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

    The copy keeps the archive's modification time, by which :func:`is_copy` knows it again.
    """
    shutil.copy2(archive, into / archive.name)


def is_copy(staged: Path, archive: Path) -> bool:
    """Whether a staged file is still what :func:`copy_archive` wrote; a cheap look at its size and time."""
    try:
        theirs = staged.stat()
    except OSError:
        return False
    ours = archive.stat()
    return theirs.st_size == ours.st_size and theirs.st_mtime_ns == ours.st_mtime_ns


def restore(staged: Path, archive: Path) -> None:
    """Put the archive back in the place of a staged file that was changed, at once."""
    temporary = staged.with_name(f".{staged.name}.{os.getpid()}")
    try:
        shutil.copy2(archive, temporary)
        os.replace(temporary, staged)
    finally:
        temporary.unlink(missing_ok=True)
