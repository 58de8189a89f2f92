"""ContentLayer: any files as a layer version - data, configuration, programs, libraries, extensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Never

from layer_constructs.building.entry.reading import read_entry
from layer_constructs.errors import ArgumentError
from layer_constructs.layers import arguments
from layer_constructs.layers.own_content import OwnContentLayer
from layer_constructs.layers.publication import publication_of
from layer_constructs.layers.staging import AssetFormat
from layer_constructs.layers.surroundings import surroundings_of

if TYPE_CHECKING:
    import aws_cdk as cdk
    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    from layer_constructs.sharing.share import Share

# What people who come from elsewhere write, and what it is here.
_INSTEAD: Mapping[str, str] = {
    "code": "entry='path/to/folder', and into='bin' for the folder below /opt",
    "compatible_architectures": "architecture=lambda_.Architecture.ARM_64; files that aren't compiled are for both",
    "runtime": "compatible_runtimes=[lambda_.Runtime.PROVIDED_AL2023]",
}


class ContentLayer(OwnContentLayer):
    """A Lambda layer version with files as they are, at ``/opt/<into>``.

    Programs in ``into="bin"`` are on a function's ``PATH``, libraries in ``into="lib"`` on its ``LD_LIBRARY_PATH``.
    What lies directly in ``/opt/extensions`` is started by Lambda as an extension, and must be a program.

    What a symbolic link leads to goes in as a copy; folders in which nothing is, bytecode and what file browsers leave
    stay out. Programs stay executable; on Windows, which keeps no such bit, scripts and ELF files are.

    :param scope: the parent construct.
    :param id: the construct's id.
    :param entry: a folder or a file, relative to the working directory.
    :param into: the folder below ``/opt``, such as ``"bin"`` or ``"share/models"``; by default ``/opt`` itself.
    :param compatible_runtimes: what it is for; by default any runtime, and then what is compiled must run on the oldest
        system that Lambda has, Amazon Linux 2.
    :param architecture: of what is compiled, by default x86_64; files of which nothing is are for both.
    :param exclude: globs of files to leave out, relative to ``entry`` and with the rules of ``.gitignore``.
    :param allow: findings that may stay, with reasons, by path: ``{"bin/tool:library-missing": "not needed for -h"}``;
        what looks like a secret, too: ``{"etc/.env": "names only"}``.
    :param asset_format: as for `PythonDepsLayer`, as are all that follow.
    :param description: at most 256 characters; by default the names of the files and folders.
    :param share_with: who else may use it. What looks like a secret is never shared with everybody.
    :raises LayerError: a leaf of it, before anything is added to the tree.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        entry: str | Path = "",  # required, as `requirements` is of `PythonDepsLayer`
        into: str = "",
        compatible_runtimes: Sequence[lambda_.Runtime] | None = None,
        architecture: lambda_.Architecture | None = None,
        exclude: Sequence[str] = (),
        allow: Mapping[str, str] | None = None,
        asset_format: AssetFormat | None = None,
        layer_version_name: str | None = None,
        description: str | None = None,
        license: str | None = None,  # noqa: A002 - the CDK's own name
        removal_policy: cdk.RemovalPolicy | None = None,
        share_with: Sequence[Share] = (),
        **unknown: Never,
    ) -> None:
        arguments.refuse_unknown(unknown, construct="ContentLayer", instead=_INSTEAD)
        path = arguments.path_of(entry, argument="entry", example="tools", what="a file or folder")
        folder = _folder(into)
        around = surroundings_of(scope)
        runtimes = (
            arguments.runtimes_given(compatible_runtimes, argument="compatible_runtimes")
            if compatible_runtimes is not None
            else []
        )
        publication = publication_of(
            around,
            asset_format=asset_format,
            layer_version_name=layer_version_name,
            description=description,
            license=license,
            removal_policy=removal_policy,
            share_with=share_with,
        )
        read = read_entry(path, into=folder, exclude=arguments.names_of(exclude, argument="exclude"))
        super().__init__(
            scope,
            id,
            entry=read,
            around=around,
            runtimes=runtimes,
            architecture=architecture,
            allow=allow,
            publication=publication,
        )


def _folder(into: object) -> str:
    """Below ``/opt``, with ``/``.

    :raises ArgumentError: for what isn't there.
    """
    if not isinstance(into, str):
        raise ArgumentError(f"into is {into!r}, and must be a folder below /opt", fix="write into='bin'")
    parts = into.removesuffix("/").split("/") if into not in {"", "."} else []
    if any(part in {"", ".", ".."} or "\\" in part or "\0" in part or "${" in part for part in parts):
        below = into.removeprefix("/opt/").strip("/") if into.startswith("/opt/") else "" if into == "/opt" else "bin"
        raise ArgumentError(
            f"into is {into!r}, and must be a folder below /opt",
            details=["allowed: names with '/' between them, none of them '.', '..' or a token"],
            fix=f"write into={below!r}",
        )
    return "/".join(parts)
