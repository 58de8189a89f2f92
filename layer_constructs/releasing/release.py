"""LayerRelease: tells consumers where to find the ARN of a layer version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from layer_constructs.errors import ArgumentError
from layer_constructs.releasing.layer_to_release import LayersOfSet, LayerToRelease, layer_to_release, layers_of
from layer_constructs.releasing.lifecycle_notice import notify_functions
from layer_constructs.releasing.parameter_names import DEFAULT_PREFIX, LATEST
from layer_constructs.releasing.parameter_share import one_for_each_version, principals_of, share_parameters
from layer_constructs.releasing.release_entry import ReleaseEntry, entries_of
from layer_constructs.sharing.lifecycle import Lifecycle, Lifecycles, lifecycles_of, today_of
from layer_constructs.sharing.share import Share
from layer_constructs.sharing.tokens import is_token

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam


class LayerRelease(Construct):
    """Parameters in SSM by which consumers find a layer version, and outputs with its ARN that lock nothing.

    The names are frozen, and `ReleasedLayer` computes them:

    ``{parameter_prefix}/{layer's name}/{runtime}/{architecture}/{version}``
        for each version, such as ``/layers/deps/core/python3.13/x86_64/7``: never changed, and kept like the layer
        version itself when a newer one replaces it and when the stack goes.
    ``{parameter_prefix}/{library}/{runtime}/{architecture}/latest``
        the version that was released last; it goes with the stack.

    A layer that is made for several runtimes or both architectures has parameters for each of them, all with the same
    ARN. The values are full ARNs, with the version.

    :param scope: the parent construct, in the layer's own stack.
    :param id: the construct's id.
    :param layer: a layer version with a ``layer_version_name``, or a set of them.
    :param library: what the ``latest`` parameters call it; by default the layer's name. Needed for a set, whose
        layers have a name each: their versions are counted under it, and it stands in the names for each version.
    :param parameter_prefix: begins with ``/``; at most 11 levels, and not ``/aws...`` or ``/ssm...``. A whole name
        has at most 947 characters: SSM takes 1011 with the part of its ARN before it.
    :param share_parameters_with: other accounts that may read the parameters, by AWS RAM: `Share.account(...)`, or in
        RAM's own terms a number or the ARN of an organisation
        (``arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5``) or of one of its units. The parameters are
        then of the advanced tier, which costs by parameter and month. It shares no layer: ``share_with`` does.
    :param lifecycle: from when on the layer is deprecated and refused: a `Lifecycle` for all its versions, whose
        text also stands in the parameters' descriptions, or lifecycles by version, ``{3: Lifecycle(...)}``.
    :raises ArgumentError: before anything is added to the tree.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        layer: lambda_.LayerVersion | LayersOfSet,
        library: str | None = None,
        parameter_prefix: str = DEFAULT_PREFIX,
        share_parameters_with: Sequence[Share | str] = (),
        lifecycle: Lifecycles | None = None,
    ) -> None:
        _refuse_tokens({"library": library, "parameter_prefix": parameter_prefix})
        released = [layer_to_release(each, scope) for each in layers_of(layer)]
        library = _library(library, released, is_set=not isinstance(layer, lambda_.LayerVersion))
        entries = entries_of(released, library, parameter_prefix)
        principals = principals_of(share_parameters_with)
        lifecycles = lifecycles_of(lifecycle)
        today = today_of(scope) if isinstance(lifecycles, Lifecycle) else None
        super().__init__(scope, id)
        self._released, self._lifecycles = released, lifecycles
        tier = "Advanced" if principals else "Standard"
        for each in released:
            mine = [entry for entry in entries if entry.released is each]
            versions = [self._version(entry, tier=tier) for entry in mine]
            latest = [self._latest(entry, tier=tier) for entry in mine]
            if principals:
                for_versions = share_parameters(
                    self, f"{mine[0].id}VersionShare", versions, principals=principals, name=f"layer-{each.name}"
                )
                one_for_each_version(for_versions, each.child)
                _keep_like(for_versions, each.child)
                share_parameters(
                    self, f"{mine[0].id}LatestShare", latest, principals=principals, name=f"layer-{library}-{LATEST}"
                )
            cdk.CfnOutput(
                self, f"{mine[0].id}Arn", value=each.arn, description=f"the released version of layer {each.name}"
            )
            if isinstance(lifecycles, Lifecycle) and today:
                notify_functions(each.layer, lifecycles, name=each.name, today=today)

    def deny_statements(self) -> list[iam.PolicyStatement]:
        """What refuses the versions that have a date for it, as `Lifecycle.deny_statements` does.

        For policies in the layer's own account and region; for others, write the ARNs there.
        """
        statements = []
        for each in self._released:
            layer_arn = cdk.Stack.of(self).format_arn(
                service="lambda",
                resource="layer",
                resource_name=each.name,
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )
            for version, lifecycle in self._by_version().items():
                statements += lifecycle.deny_statements(f"{layer_arn}:{version}")
        return statements

    def _by_version(self) -> dict[str, Lifecycle]:
        """Where they go in an ARN."""
        if isinstance(self._lifecycles, Lifecycle):
            return {"*": self._lifecycles}
        return {str(version): each for version, each in (self._lifecycles or {}).items()}

    def _version(self, entry: ReleaseEntry, *, tier: str) -> ssm.CfnParameter:
        each = entry.released
        parameter = ssm.CfnParameter(
            self,
            f"{entry.id}Version",
            name=f"{entry.folder}/{each.version}",
            type="String",
            value=each.arn,
            tier=tier,
            description=f"layer {each.name}, version {each.version}, for {entry.target}{self._said()}",
        )
        _keep_like(parameter, each.child)
        return parameter

    def _latest(self, entry: ReleaseEntry, *, tier: str) -> ssm.CfnParameter:
        return ssm.CfnParameter(
            self,
            f"{entry.id}Latest",
            name=f"{entry.latest_folder}/{LATEST}",
            type="String",
            value=entry.released.arn,
            tier=tier,
            description=f"the newest version of {entry.library} for {entry.target}{self._said()}",
        )

    def _said(self) -> str:
        return f"; {self._lifecycles}" if isinstance(self._lifecycles, Lifecycle) else ""


def _refuse_tokens(given: Mapping[str, object]) -> None:
    for argument, value in given.items():
        if is_token(value):
            raise ArgumentError(
                f"{argument} is a token, and the parameters' names must be known at synth", fix="write it out"
            )


def _library(library: str | None, released: Sequence[LayerToRelease], *, is_set: bool) -> str:
    """What the ``latest`` parameters call it."""
    if library is not None:
        return library
    if is_set:  # even of one layer, which may be two after the next change of its requirements
        raise ArgumentError(
            "a set of layers is released, and nothing says what they are called together",
            details=[each.name for each in released],
            fix="write library='core'",
        )
    return released[0].name


def _keep_like(resource: cdk.CfnResource, layer: lambda_.CfnLayerVersion) -> None:
    """What tells of a version stays exactly where the version stays."""
    policies = layer.cfn_options
    resource.cfn_options.deletion_policy = policies.deletion_policy
    resource.cfn_options.update_replace_policy = policies.update_replace_policy
