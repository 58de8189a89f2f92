"""CustomRuntimeLayer: a `bootstrap` of one's own as a layer version, for functions on Lambda's bare systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Never

from aws_cdk import aws_lambda as lambda_

from layer_constructs.building.entry.programs import BOOTSTRAP
from layer_constructs.building.entry.reading import existing, read_entry
from layer_constructs.errors import ArgumentError, BuildError, Where
from layer_constructs.layers import arguments
from layer_constructs.layers.own_content import OwnContentLayer
from layer_constructs.layers.publication import publication_of
from layer_constructs.layers.staging import AssetFormat
from layer_constructs.layers.surroundings import surroundings_of

if TYPE_CHECKING:
    import aws_cdk as cdk
    from constructs import Construct

    from layer_constructs.sharing.share import Share

_BARE = "provided."


# What people who come from elsewhere write, and what it is here.
_INSTEAD: Mapping[str, str] = {
    "code": "entry='path/to/folder', the one with bootstrap in it",
    "compatible_architectures": "architecture=lambda_.Architecture.ARM_64; files that aren't compiled are for both",
    "compatible_runtimes": "runtime=lambda_.Runtime.PROVIDED_AL2023",
}


class CustomRuntimeLayer(OwnContentLayer):
    """A Lambda layer version with a custom runtime: its ``bootstrap`` and what that needs, at ``/opt``.

    Functions of runtime ``provided.al2023`` that have no ``bootstrap`` of their own start this one. Several can share
    it; with layers that have one too, the last wins, and the synth says so.

    ``bootstrap`` must be an executable file: a script that begins with ``#!``, or a program for the layer's
    architecture whose libraries the runtime has.

    :param scope: the parent construct.
    :param id: the construct's id.
    :param entry: the folder with ``bootstrap``, relative to the working directory. All of it goes in, as in
        `ContentLayer`.
    :param runtime: by default ``provided.al2023``.
    :param architecture: of what is compiled, by default x86_64; files of which nothing is are for both.
    :param exclude: globs of files to leave out, relative to ``entry`` and with the rules of ``.gitignore``.
    :param allow: as for `ContentLayer`.
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
        runtime: lambda_.Runtime | None = None,
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
        arguments.refuse_unknown(unknown, construct="CustomRuntimeLayer", instead=_INSTEAD)
        path = arguments.path_of(entry, argument="entry", example="runtime", what="a folder")
        chosen = _runtime_of(runtime)
        around = surroundings_of(scope)
        publication = publication_of(
            around,
            asset_format=asset_format,
            layer_version_name=layer_version_name,
            description=description,
            license=license,
            removal_policy=removal_policy,
            share_with=share_with,
        )
        if not existing(path).is_dir():
            raise ArgumentError(
                f"the entry {path} is a file, and must be the folder with {BOOTSTRAP}",
                fix=f"write entry={path.parent.as_posix()!r}",
            )
        read = read_entry(path, into="", exclude=arguments.names_of(exclude, argument="exclude"))
        if all(file.path != BOOTSTRAP for file in read.files):
            problem = "is a folder" if BOOTSTRAP in read.tops() else "is missing"
            raise BuildError(
                f"{BOOTSTRAP} {problem}, which Lambda starts",
                where=Where(path),
                details=[f"there are: {', '.join(read.tops()[:10])}"],
                fix=f"name the folder that has {BOOTSTRAP} itself, in lower case and without an ending",
            )
        super().__init__(
            scope,
            id,
            entry=read,
            around=around,
            runtimes=[chosen],
            architecture=architecture,
            allow=allow,
            publication=publication,
        )


def _runtime_of(runtime: object) -> lambda_.Runtime:
    if runtime is None:
        return lambda_.Runtime.PROVIDED_AL2023
    if not isinstance(runtime, lambda_.Runtime) or not runtime.name.startswith(_BARE):
        name = runtime.name if isinstance(runtime, lambda_.Runtime) else repr(runtime)
        raise ArgumentError(
            f"runtime is {name}, and must be one without a bootstrap of its own",
            details=["allowed: provided.al2023, provided.al2"],
            fix="write runtime=lambda_.Runtime.PROVIDED_AL2023, here and for the functions",
        )
    return runtime
