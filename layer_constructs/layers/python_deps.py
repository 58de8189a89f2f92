"""PythonDepsLayer: a requirements file as a pinned layer version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Never

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target
from layer_constructs.layers import arguments
from layer_constructs.layers.built_layer import BuiltLayer
from layer_constructs.layers.declaration import Declaration
from layer_constructs.layers.layer_content import LayerContent, MadeContent, make_content
from layer_constructs.layers.staging import AssetFormat
from layer_constructs.layers.surroundings import surroundings_of
from layer_constructs.layers.texts import description_of, license_of
from layer_constructs.layers.wishes import wishes_of

if TYPE_CHECKING:
    import aws_cdk as cdk
    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    from layer_constructs.sharing.share import Share


class PythonDepsLayer(BuiltLayer):
    """A Lambda layer version with the dependencies of a requirements file, pinned and built for its target.

    The first synth writes a lock, ``pylock.<name>.toml``, beside the file; commit it. From then on every synth, on
    every machine, gives the same template and the same asset. A layer that was built before is taken from the user's
    cache: no process, no network.

    :param scope: the parent construct.
    :param id: the construct's id.
    :param requirements: a requirements file, ``pylock.*.toml``, ``uv.lock``, ``Pipfile.lock``, ``poetry.lock`` or
        ``pyproject.toml``; a relative path is relative to the working directory.
    :param lock: where the lock lies; by default beside ``requirements``.
    :param runtime: what it is built for; by default the context key ``layer-constructs:runtime``, else
        ``python3.13``, which only a major version of this library moves.
    :param architecture: by default x86_64, as for ``Function``; arm64 costs less per millisecond on Lambda.
    :param extras: of ``pyproject.toml`` or a lock.
    :param groups: dependency groups of ``pyproject.toml`` or a lock.
    :param locked: True: never make or change the lock, a missing or stale one is an error; False: make it even on a
        CI system. By default the context key ``layer-constructs:locked``, else True on a CI system.
    :param build_local_projects: allow local projects (``./libs/shared``) to be built by their own build backend,
        which runs their code on this machine.
    :param bundling: what makes it: `Bundling.auto()` installs wheels on this machine and builds only packages that
        have none, in a container of the runtime's image; `Bundling.docker()` does everything in a container;
        `Bundling.local()` never starts one. By default the context key ``layer-constructs:bundling`` (``auto``,
        ``docker`` or ``local``), else auto.
    :param exclude: globs of files to leave out, below ``python/`` and with the rules of ``.gitignore``:
        ``"botocore/data/ec2"``, ``"*.md"``.
    :param slim: leave out what can't matter at run time: type stubs, headers, static libraries, C sources, and the
        ``tests`` of packages that work without.
    :param strip: leave out the symbols of compiled files; one that would load differently stays as it is.
    :param provided_by_runtime: leave out boto3 and what it needs, which the runtime ships in versions that AWS moves;
        with a mapping, such as ``{"boto3": "1.42.0"}``, these are the versions that it has.
    :param bytecode: compile the modules, for faster imports: with the CPython that the lock names (True), or with
        this one (``"3.13.5"``). It must be on this machine or to be had.
    :param allow: findings of the audit that may stay, with reasons: ``{"opencv-python": "libGL is loaded lazily"}``
        or, for one rule only, ``{"opencv-python:library-missing": "..."}``.
    :param licenses: SPDX identifiers of the licences that packages may have; others are an error.
    :param license_exceptions: packages that may have another licence, with reasons.
    :param asset_format: ``zip``, which the CDK needs not zip again, or ``directory`` for ``sam local invoke``; by
        default the context key ``layer-constructs:asset-format``, else ``zip``.
    :param layer_version_name: the layer's name; by default CloudFormation makes one.
    :param description: at most 256 characters; by default the packages and their versions.
    :param license: at most 512 characters; by default the SPDX licences of the packages, as the lock records them.
    :param removal_policy: by default a version is kept when a newer one replaces it or the stack goes, since
        functions may still use it; one whose first creation failed is not. With the context key
        ``layer-constructs:disposable`` the default is ``DESTROY``, for development accounts.
    :param share_with: who else may use it, such as ``[Share.account("111122223333")]``; see `share_with`.
    :raises LayerError: a leaf of it, before anything is added to the tree.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        requirements: str | Path = "",  # required; a default lets those who write `entry=` read what to write instead
        lock: str | Path | None = None,
        runtime: lambda_.Runtime | None = None,
        architecture: lambda_.Architecture | None = None,
        extras: Sequence[str] = (),
        groups: Sequence[str] = (),
        locked: bool | None = None,
        build_local_projects: bool = False,
        bundling: Bundling | None = None,
        exclude: Sequence[str] = (),
        slim: bool = False,
        strip: bool = False,
        provided_by_runtime: bool | Mapping[str, str] = False,
        bytecode: bool | str = False,
        allow: Mapping[str, str] | None = None,
        licenses: Sequence[str] | None = None,
        license_exceptions: Mapping[str, str] | None = None,
        asset_format: AssetFormat | None = None,
        layer_version_name: str | None = None,
        description: str | None = None,
        license: str | None = None,  # noqa: A002 - the CDK's own name
        removal_policy: cdk.RemovalPolicy | None = None,
        share_with: Sequence[Share] = (),
        **unknown: Never,
    ) -> None:
        arguments.refuse_unknown(unknown, construct="PythonDepsLayer")
        around = surroundings_of(scope)
        target = arguments.target_of(around, runtime, architecture)
        wishes = wishes_of(
            around,
            [target],
            requirements=requirements,
            lock=lock,
            extras=extras,
            groups=groups,
            locked=locked,
            build_local_projects=build_local_projects,
            bundling=bundling,
            exclude=exclude,
            slim=slim,
            strip=strip,
            provided_by_runtime=provided_by_runtime,
            bytecode=bytecode,
            allow=allow,
            licenses=licenses,
            license_exceptions=license_exceptions,
            asset_format=asset_format,
            layer_version_name=layer_version_name,
            description=description,
            license=license,
            removal_policy=removal_policy,
            share_with=share_with,
        )
        cache = Cache.default()
        planned = make_plan(wishes.dependencies, target, cache=cache)
        content = LayerContent(plans={target: planned}, architectures=planned.plan.architectures)
        made = (
            make_content(content, wishes.conditions, cache=cache, label=id)
            if around.bundled
            else MadeContent(content=content)
        )
        declaration = declared(made)
        super().__init__(
            scope,
            id,
            around=around,
            declaration=declaration,
            publication=wishes.publication,
            code=declaration.staged(around, wishes.publication.asset_format),
        )
        self._target = made.content.target

    @property
    def target(self) -> Target:
        """The runtime and architecture that it was built for; the first, if it is for several."""
        return self._target


def declared(made: MadeContent) -> Declaration:
    """What a layer version of these packages declares."""
    plan = made.content.plan
    return Declaration(
        digest=plan.digest,
        runtimes=arguments.runtimes_of(made.content.runtimes),
        architectures=made.content.architectures,
        description=description_of(plan.packages),
        license=license_of(plan.wheels),
        packages=plan.packages,
        layer=made.layer,
        verdict=made.verdict,
    )
