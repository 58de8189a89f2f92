"""ReleasedLayer: a layer version that somebody else released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Never

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from layer_constructs.errors import ArgumentError
from layer_constructs.releasing.arguments import check_version, constants_of
from layer_constructs.releasing.consuming_stack import known, name_of
from layer_constructs.releasing.fit import watch
from layer_constructs.releasing.parameter_address import parameter_address
from layer_constructs.releasing.parameter_names import DEFAULT_PREFIX, LATEST
from layer_constructs.sharing.lifecycle import Lifecycle, Lifecycles, annotate, lifecycles_of, of_version, today_of
from layer_constructs.sharing.pinned_arn import pinned, refuse_elsewhere

if TYPE_CHECKING:
    from constructs import Construct

# The template parameter of CloudFormation that is read from SSM when the stack is deployed. A dynamic reference
# (`{{resolve:ssm:...}}`) can't read another account's parameter.
_FROM_SSM = "AWS::SSM::Parameter::Value<String>"


@jsii.implements(lambda_.ILayerVersion)
class ReleasedLayer(cdk.Resource):
    """A layer version of another stack, app or account; made by `from_arn`, `from_parameter` or
    `from_latest_at_deploy`.

    It goes into a function's ``layers``; a function on another runtime or architecture is refused at synth.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        library: str,
        version: int | None,
        arn: str | None,
        parameter: str | None,
        runtimes: Sequence[lambda_.Runtime],
        architectures: Sequence[lambda_.Architecture],
        lifecycle: Lifecycle | None,
    ) -> None:
        today = today_of(scope) if lifecycle else None
        super().__init__(scope, id)
        self._library, self._version, self._lifecycle = library, version, lifecycle
        self._runtimes, self._architectures = list(runtimes), list(architectures)
        label = library if version is None else f"{library}:{version}"
        if parameter is not None:
            # The name is part of the id: of a parameter that it has already, the CDK's CLI keeps the value.
            arn = cdk.CfnParameter(
                self,
                f"Parameter{parameter}",
                type=_FROM_SSM,
                default=parameter,
                description=f"the ARN of layer {label}",
            ).value_as_string
        self._arn = str(arn)
        if lifecycle and today:
            annotate(self, lifecycle, layer=label, today=today)
        watch(self, arn=self._arn, runtimes=self._runtimes, architectures=self._architectures)

    @classmethod
    def from_arn(
        cls,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        arn: str,
        *,
        compatible_runtimes: Sequence[lambda_.Runtime],
        compatible_architectures: Sequence[lambda_.Architecture],
        lifecycle: Lifecycles | None = None,
    ) -> ReleasedLayer:
        """A version by its ARN, of any account that shares it.

        :param scope: the parent construct.
        :param id: the construct's id.
        :param arn: with the version. Partition, region and account may be tokens, name and version may not.
        :param compatible_runtimes: what the layer is made for; the CDK refuses other functions.
        :param compatible_architectures: the same.
        :param lifecycle: what its publisher declares, for all versions or by version.
        :raises ArgumentError: for an ARN that is malformed, without a version, or of another region or partition than
            the stack's, where that is known.
        """
        parsed = pinned(arn)
        refuse_elsewhere(parsed, region=known(cdk.Stack.of(scope).region), where=name_of(scope))
        lifecycles = lifecycles_of(lifecycle)
        return cls(
            scope,
            id,
            library=parsed.name,
            version=int(parsed.version),
            arn=arn,
            parameter=None,
            runtimes=constants_of(
                compatible_runtimes, lambda_.Runtime, "compatible_runtimes", "lambda_.Runtime.PYTHON_3_13"
            ),
            architectures=constants_of(
                compatible_architectures,
                lambda_.Architecture,
                "compatible_architectures",
                "lambda_.Architecture.ARM_64",
            ),
            lifecycle=of_version(lifecycles, int(parsed.version)),
        )

    @classmethod
    def from_parameter(
        cls,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        library: str,
        version: int,
        runtime: lambda_.Runtime,
        architecture: lambda_.Architecture,
        parameter_prefix: str = DEFAULT_PREFIX,
        account: str | None = None,
        region: str | None = None,
        lifecycle: Lifecycles | None = None,
    ) -> ReleasedLayer:
        """An exact version, by the parameter that `LayerRelease` made for it. Rolling back is an older ``version``.

        :param scope: the parent construct.
        :param id: the construct's id.
        :param library: the layer's name, as it stands in its ARN.
        :param version: as it stands in its ARN.
        :param runtime: one that the layer declares.
        :param architecture: one that the layer declares.
        :param parameter_prefix: as in the release.
        :param account: the publisher's, if it is another than the stack's; it must share its parameters, with
            ``share_parameters_with=[...]``.
        :param region: with ``account``, the stack's region, where the stack doesn't tell.
        :param lifecycle: what its publisher declares, for all versions or by version.
        :raises ArgumentError: for a version that isn't a number from 1 on, a parameter name that SSM wouldn't take,
            or another region than the stack's.
        """
        check_version(version)
        lifecycles = lifecycles_of(lifecycle)
        return cls(
            scope,
            id,
            library=library,
            version=version,
            arn=None,
            parameter=parameter_address(
                scope,
                library=library,
                runtime=runtime,
                architecture=architecture,
                version=str(version),
                prefix=parameter_prefix,
                account=account,
                region=region,
            ),
            runtimes=[runtime],
            architectures=[architecture],
            lifecycle=of_version(lifecycles, version),
        )

    @classmethod
    def from_latest_at_deploy(
        cls,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        library: str,
        runtime: lambda_.Runtime,
        architecture: lambda_.Architecture,
        parameter_prefix: str = DEFAULT_PREFIX,
        account: str | None = None,
        region: str | None = None,
        lifecycle: Lifecycles | None = None,
    ) -> ReleasedLayer:
        """Whatever version is the newest each time the stack is deployed: not pinned, and rolled back by nobody here.

        :param library: what the release is called: the layer's name, or its ``library``.
        :param lifecycle: what its publisher declares for all versions; what is said of one can't be known to hold.
        :raises ArgumentError: as `from_parameter`, whose other arguments it has.
        """
        return cls(
            scope,
            id,
            library=library,
            version=None,
            arn=None,
            parameter=parameter_address(
                scope,
                library=library,
                runtime=runtime,
                architecture=architecture,
                version=LATEST,
                prefix=parameter_prefix,
                account=account,
                region=region,
            ),
            runtimes=[runtime],
            architectures=[architecture],
            lifecycle=of_version(lifecycles_of(lifecycle), None),
        )

    @property
    def layer_version_arn(self) -> str:
        """With the version."""
        return self._arn

    @property
    def layer_version_ref(self) -> Any:  # the CDK's type of it is in a module that it doesn't publish
        """The CDK's reference to it."""
        from aws_cdk.interfaces.aws_lambda import LayerVersionReference

        return LayerVersionReference(layer_version_arn=self._arn)

    @property
    def compatible_runtimes(self) -> list[lambda_.Runtime] | None:
        """What it is made for."""
        return self._runtimes

    @property
    def compatible_architectures(self) -> list[lambda_.Architecture]:
        """What it is made for."""
        return self._architectures

    @property
    def library(self) -> str:
        """What it is called."""
        return self._library

    @property
    def version(self) -> int | None:
        """The version that it is pinned to; None for the latest at deploy."""
        return self._version

    @property
    def lifecycle(self) -> Lifecycle | None:
        """What its publisher declared for this version."""
        return self._lifecycle

    def add_permission(self, id: str, **_: object) -> Never:  # noqa: A002, ARG002 - the CDK's own signature
        """:raises ArgumentError: always: only its publisher can share a layer."""
        raise ArgumentError(
            f"{self.node.path} is released elsewhere, and only its publisher can share it",
            fix="ask for share_with=[Share.account(...)] where it is declared",
        )
