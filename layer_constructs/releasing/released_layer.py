"""ReleasedLayer: a layer version that somebody else released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Never, TypeVar

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import ACCOUNT, partition_of
from layer_constructs.releasing.fit import watch
from layer_constructs.releasing.parameter_names import DEFAULT_PREFIX, LATEST, parameter_folder
from layer_constructs.sharing.lifecycle import Lifecycle, Lifecycles, annotate, lifecycles_of, of_version, today_of
from layer_constructs.sharing.pinned_arn import pinned, refuse_elsewhere
from layer_constructs.sharing.tokens import is_token

if TYPE_CHECKING:
    from constructs import Construct

# The template parameter of CloudFormation that is read from SSM when the stack is deployed. A dynamic reference
# (`{{resolve:ssm:...}}`) can't read another account's parameter.
_FROM_SSM = "AWS::SSM::Parameter::Value<String>"

_Value = TypeVar("_Value")


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
        refuse_elsewhere(parsed, region=_known(cdk.Stack.of(scope).region), where=_stack(scope))
        lifecycles = lifecycles_of(lifecycle)
        return cls(
            scope,
            id,
            library=parsed.name,
            version=int(parsed.version),
            arn=arn,
            parameter=None,
            runtimes=_all(compatible_runtimes, lambda_.Runtime, "compatible_runtimes", "lambda_.Runtime.PYTHON_3_13"),
            architectures=_all(
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
        if not _is_version(version):
            shown = "a token" if is_token(version) else repr(version)
            raise ArgumentError(
                f"version is {shown}",
                details=["allowed: a number from 1 on, known at synth"],
                fix="write version=7, or for the newest at each deployment ReleasedLayer.from_latest_at_deploy(...)",
            )
        lifecycles = lifecycles_of(lifecycle)
        return cls(
            scope,
            id,
            library=library,
            version=version,
            arn=None,
            parameter=_parameter(
                scope, library, runtime, architecture, str(version), parameter_prefix, account=account, region=region
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
            parameter=_parameter(
                scope, library, runtime, architecture, LATEST, parameter_prefix, account=account, region=region
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


def _parameter(
    scope: Construct,
    library: str,
    runtime: lambda_.Runtime,
    architecture: lambda_.Architecture,
    version: str,
    prefix: str,
    *,
    account: str | None,
    region: str | None,
) -> str:
    """The name of the parameter, or for another account its full ARN."""
    (runtime,) = _all([runtime], lambda_.Runtime, "runtime", "lambda_.Runtime.PYTHON_3_13")
    (architecture,) = _all([architecture], lambda_.Architecture, "architecture", "lambda_.Architecture.ARM_64")
    for argument, text in (
        ("library", library),
        ("parameter_prefix", prefix),
        ("account", account),
        ("region", region),
    ):
        if text is not None and is_token(text):
            raise ArgumentError(
                f"{argument} is a token, and the parameter's name must be known when the app is synthesised",
                fix=f"write {argument} out, or read it from the context: self.node.get_context('{argument}')",
            )
    folder = parameter_folder(prefix=prefix, library=library, runtime=runtime.name, architecture=architecture.name)
    name = f"{folder}/{version}"
    stack = cdk.Stack.of(scope)
    own_region = _known(stack.region)
    if region is not None and own_region is not None and region != own_region:
        raise ArgumentError(
            f"region is {region!r}, and {_stack(scope)} is in {own_region}",
            details=["a function takes layers of its own region only"],
            fix="leave region out, and release the layer in the stack's region",
        )
    if account is None:
        return name
    if not _is_account(account):
        raise ArgumentError(f"account is {account!r}", details=["allowed: 12 digits, as text"])
    if account == _known(stack.account):
        return name
    there = region or own_region
    if there is None:
        raise ArgumentError(
            f"the parameter of account {account} is read by its full ARN, and {_stack(scope)} doesn't tell its region",
            fix="write region='eu-central-1', or give the stack env=cdk.Environment(region=...)",
        )
    return f"arn:{partition_of(there)}:ssm:{there}:{account}:parameter{name}"


def _is_version(value: object) -> bool:
    """A number from 1 on; tokens of numbers are below."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_account(value: object) -> bool:
    return isinstance(value, str) and ACCOUNT.fullmatch(value) is not None


def _known(value: str) -> str | None:
    return None if is_token(value) else value


def _stack(scope: Construct) -> str:
    return f"stack {cdk.Stack.of(scope).node.path or 'Default'}"


def _all(values: Sequence[_Value], wanted: type[_Value], argument: str, example: str) -> list[_Value]:
    """:raises ArgumentError: for anything but a list of them that isn't empty."""
    given: object = values
    if isinstance(given, list | tuple) and given and all(isinstance(value, wanted) for value in given):
        return list(values)
    shown = given[0] if argument in {"runtime", "architecture"} and isinstance(given, list) else given
    fix = example if argument in {"runtime", "architecture"} else f"[{example}]"
    raise ArgumentError(f"{argument} is {shown!r}", fix=f"write {argument}={fix}")
