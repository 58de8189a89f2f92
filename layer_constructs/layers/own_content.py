"""A layer version that has files of the user's own and nothing else, for any runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.content import ContentPlan, build_content
from layer_constructs.building.entry.programs import refuse_unstartable
from layer_constructs.building.naming import naming
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName, Platform
from layer_constructs.errors import AuditError
from layer_constructs.layers import arguments
from layer_constructs.layers.built_layer import BuiltLayer
from layer_constructs.layers.declaration import Declaration
from layer_constructs.layers.own_files import Accepted, accept, missing_folders, said_once, unmatched
from layer_constructs.layers.texts import description_of_files
from layer_constructs.layers.verdicts import Conditions, Verdict, verdict_on

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    from layer_constructs.building.entry.entry import Entry
    from layer_constructs.layers.publication import Publication
    from layer_constructs.layers.surroundings import Surroundings
    from layer_constructs.sharing.share import Share

# What runs here runs on every system that Lambda has: glibc and its other libraries are the oldest.
_OLDEST = "provided.al2"


class OwnContentLayer(BuiltLayer):
    """What `ContentLayer` and `CustomRuntimeLayer` have in common."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        entry: Entry,
        around: Surroundings,
        runtimes: Sequence[lambda_.Runtime],
        architecture: lambda_.Architecture | None,
        allow: Mapping[str, str] | None,
        publication: Publication,
    ) -> None:
        """Add to the tree what was read, checked and made.

        :param runtimes: what it is for; none: any.
        :raises LayerError: before anything is added.
        """
        refuse_unstartable(entry)
        declaration = _declaration_of(
            entry,
            around=around,
            runtimes=runtimes,
            architecture=arguments.architecture_of(architecture),
            allow=arguments.texts_of(allow or {}, argument="allow"),
            shares=publication.shares,
            label=id,
        )
        super().__init__(
            scope,
            id,
            around=around,
            declaration=declaration,
            publication=publication,
            code=declaration.staged(around, publication.asset_format),
        )


def _declaration_of(
    entry: Entry,
    *,
    around: Surroundings,
    runtimes: Sequence[lambda_.Runtime],
    architecture: ArchitectureName,
    allow: Mapping[str, str],
    shares: Sequence[Share],
    label: str,
) -> Declaration:
    """Check the files and make the layer of them, or take it from the cache.

    :param label: what the user calls it.
    """
    accepted = accept(entry.secrets, entry=entry.path, allow=allow, shares=shares)
    platforms = tuple(arguments.platform_of(each, architecture) for each in runtimes)
    plan = ContentPlan(entry=entry, platforms=platforms or (Platform(_OLDEST, architecture),))
    layer, verdict = None, Verdict.of_all([accepted.verdict, missing_folders(entry)])
    if around.bundled:
        try:
            layer, verdict = _made(plan, accepted, cache=Cache.default(), label=label)
        except AuditError as error:
            if not runtimes:
                error.add_note(
                    f"nothing says for which runtimes it is, so it must run on the oldest system, that of {_OLDEST}; "
                    "for newer ones only, write compatible_runtimes=[...]"
                )
            raise
    return Declaration(
        digest=plan.digest,
        runtimes=runtimes,
        architectures=(architecture,) if entry.is_compiled else ARCHITECTURES,
        description=description_of_files(entry.tops(), into=entry.into),
        layer=layer,
        verdict=verdict,
        secrets=accepted.secrets,
    )


def _made(plan: ContentPlan, accepted: Accepted, *, cache: Cache, label: str) -> tuple[CachedLayer, Verdict]:
    """The layer, from the cache or built into it, and what the app makes of it.

    :raises LayerError: if it can't be built, or the app doesn't want it.
    """
    conditions = Conditions(allow=accepted.allow)
    with naming(*plan.platforms):
        layer = cache.find(plan.digest) or build_content(plan, cache=cache, label=label)
        verdicts = [verdict_on(layer, platform, conditions, cache=cache) for platform in plan.platforms]
    own = [accepted.verdict, missing_folders(plan.entry), unmatched(plan.entry)]
    return layer, Verdict.of_all([*own, *said_once(verdicts)])
