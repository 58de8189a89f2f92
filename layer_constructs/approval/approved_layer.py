"""One entry of a catalog: layers that somebody approved, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, Unpack

from layer_constructs.approval import app_layer, presets
from layer_constructs.approval.arguments import (
    About,
    Details,
    account_of,
    check_about,
    check_date,
    check_words,
    partition_named,
    regions_of,
    text_of,
)
from layer_constructs.approval.patterns import OWN_ACCOUNT, LayerPattern, exactly, unless_known
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import NAME, LayerArn, is_cdk_token, is_token, partition_of

Kind = Literal["arn", "name", "prefix", "account", "own_account", "preset", "layer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovedLayer:
    """Layers that functions may use; make one with the class methods.

    They all take the same words about the approval:

    :param reason: why; it stands in findings.
    :param owner: who answers for it.
    :param expires: the first day, in UTC, on which it is approved no more.
    :param required_as: a label. Every function must have a layer of each label; of several entries with one label, any
        will do (see ``LayerCatalog.required_statements``).
    """

    kind: Kind
    value: str = ""
    account_id: str = ""
    min_version: int = 1
    max_version: int | None = None
    regions: tuple[str, ...] = ()
    partition: str | None = None
    layer: object | None = None
    reason: str | None = None
    owner: str | None = None
    expires: date | None = None
    required_as: str | None = None

    def __post_init__(self) -> None:
        check_about(reason=self.reason, owner=self.owner, required_as=self.required_as)
        check_date(self.expires, "expires")

    @classmethod
    def of(cls, layer: object, **about: Unpack[About]) -> ApprovedLayer:
        """A layer of this app, or one that it imported by an ARN.

        While the app synthesises it is exactly this layer. In IAM it is its name in its account, in all versions and
        regions, so that a release doesn't outlaw functions that are pinned to the version before; the layer then needs
        a ``layer_version_name``. An imported layer is its ARN in both.

        :param layer: a construct. It is asked for its name and account when they are needed, not here.
        :raises ArgumentError: for what is no construct.
        """
        app_layer.check(layer)
        check_words(about, About)
        return cls(kind="layer", layer=layer, **about)

    @classmethod
    def arn(cls, arn: str, **about: Unpack[About]) -> ApprovedLayer:
        """Exactly one version.

        :param arn: such as ``arn:aws:lambda:eu-west-1:111122223333:layer:core:12``, or without region and account, as
            ``arn:aws:lambda:::awslayer:AmazonLinux1803``. Partition, region and account may be tokens of the CDK.
        :raises ArgumentError: for anything else.
        """
        if is_cdk_token(text_of(arn, "arn")):
            raise ArgumentError(
                f"arn is {arn}, which is known only at deployment",
                fix="ApprovedLayer.of(layer) approves a layer of the app",
            )
        found = LayerArn.parse(arn)
        for part in (found.partition, found.region, found.account):
            if is_token(part) and not is_cdk_token(part):
                raise ArgumentError(f"arn is {arn!r}, and may have no variables but tokens of the CDK")
        if is_token(found.version + found.name):
            raise ArgumentError(
                f"arn is {arn!r}, whose name or version is known only at deployment",
                fix="ApprovedLayer.of(layer) approves a layer of the app, ApprovedLayer.named(...) all versions of one",
            )
        check_words(about, About)
        return cls(kind="arn", value=arn, **about)

    @classmethod
    def named(
        cls,
        name: str,
        *,
        account: str,
        min_version: int = 1,
        max_version: int | None = None,
        **details: Unpack[Details],
    ) -> ApprovedLayer:
        """Versions of one layer.

        :param name: without wildcards; :meth:`with_prefix` is for names that start alike.
        :param account: 12 digits, or a token.
        :param min_version: the first approved version.
        :param max_version: the last one; None approves all that come.
        :param regions: see :class:`Place`.
        :param partition: the same.
        :raises ArgumentError: for a value that can't be.
        """
        if not NAME.fullmatch(text_of(name, "name")):
            raise ArgumentError(
                f"name is {name!r}, and may have letters, digits, - and _",
                fix="for names that start alike there is ApprovedLayer.with_prefix(...)",
            )
        for word, number in (("min_version", min_version), ("max_version", max_version)):
            if number is not None and (type(number) is not int or number < 1):
                raise ArgumentError(f"{word} is {number!r}, and must be a number from 1")
        if max_version is not None and max_version < min_version:
            raise ArgumentError(f"max_version is {max_version}, and min_version {min_version}: no version is between")
        return cls._placed(
            "name", name, account_of(account), details, min_version=min_version, max_version=max_version
        )  # fmt: skip

    @classmethod
    def with_prefix(cls, prefix: str, *, account: str, **details: Unpack[Details]) -> ApprovedLayer:
        """All versions of all layers whose names start with ``prefix``.

        The other parameters are those of :meth:`named`.
        """
        if not NAME.fullmatch(text_of(prefix, "prefix")):
            raise ArgumentError(
                f"prefix is {prefix!r}, and may have letters, digits, - and _",
                fix="all layers of an account are ApprovedLayer.account(...)",
            )
        return cls._placed("prefix", prefix, account_of(account), details)

    @classmethod
    def account(cls, account: str, **details: Unpack[Details]) -> ApprovedLayer:
        """All layers of an account; the other parameters are those of :meth:`named`."""
        return cls._placed("account", "", account_of(account), details)

    @classmethod
    def own_account(cls, **details: Unpack[Details]) -> ApprovedLayer:
        """All layers of the account in which the function is made, whichever that is.

        Whoever may publish a layer there approves it: pair it with ``LayerCatalog.publishing_statements``. The other
        parameters are those of :meth:`named`.
        """
        return cls._placed("own_account", "", OWN_ACCOUNT, details)

    @classmethod
    def preset(cls, name: str, **details: Unpack[Details]) -> ApprovedLayer:
        """Layers that AWS publishes, or that the CDK publishes and attaches by itself.

        :param name: ``lambda-insights``, ``powertools``, ``parameters-and-secrets``, ``adot``, ``appconfig``, or
            ``cdk``: the CLI, kubectl and proxy layers that constructs such as ``BucketDeployment`` publish in the
            account that they are deployed to.
        :param regions: by default all that are known; name yours, since most of these layers are in another account in
            each region, and all of them don't fit into one policy.
        :raises ArgumentError: if there is no such preset, or it is not known in one of the regions.
        """
        made = cls._placed("preset", name, "", details)
        presets.check(name, regions=made.regions, partition=made.partition)
        return made

    @classmethod
    def _placed(
        cls,
        kind: Kind,
        value: str,
        account_id: str,
        details: Details,
        *,
        min_version: int = 1,
        max_version: int | None = None,
    ) -> ApprovedLayer:
        check_words(details, Details)
        partition = partition_named(details.get("partition"))
        return cls(
            kind=kind,
            value=value,
            account_id=account_id,
            min_version=min_version,
            max_version=max_version,
            regions=regions_of(details.get("regions", ()), partition),
            partition=partition,
            reason=details.get("reason"),
            owner=details.get("owner"),
            expires=details.get("expires"),
            required_as=details.get("required_as"),
        )

    def patterns(self) -> list[LayerPattern]:
        """What IAM compares ARNs with.

        :raises ArgumentError: for a layer of the app that has no ``layer_version_name``.
        """
        if self.kind == "layer":
            return [app_layer.pattern(self.layer)]
        if self.kind == "preset":
            return presets.patterns(self.value, regions=self.regions, partition=self.partition)
        if self.kind == "arn":
            return [exactly(LayerArn.parse(self.value))]
        name = {"name": self.value, "prefix": f"{self.value}*"}.get(self.kind, "*")
        everywhere = LayerPattern(
            partition=self.partition,
            account=self.account_id,
            name=name,
            versions=((self.min_version, self.max_version),),
        )
        if not self.regions:
            return [everywhere]
        return [replace(everywhere, region=region, partition=unless_known(region, self.partition))
                for region in self.regions]  # fmt: skip

    def only(self, *, regions: Iterable[str] = (), partition: str | None = None) -> list[ApprovedLayer]:
        """The part of it that is of use in some regions or in a partition: one entry, or none.

        A layer of the app is kept as it is, and so is what is in a place that is known only at deployment.
        """
        wanted = regions_of(regions, partition_named(partition))
        if self.kind == "layer":
            return [self]
        if self.kind == "arn":
            return [self] if any(
                pattern.within(partition=partition, region=region)
                for pattern in self.patterns() for region in wanted or (None,)
            ) else []  # fmt: skip
        if partition and self.partition not in {None, partition}:
            return []
        place = partition or self.partition
        places = self.regions or wanted
        if wanted and self.regions:
            places = tuple(region for region in self.regions if region in wanted or is_token(region))
        if place:
            places = tuple(region for region in places if is_token(region) or partition_of(region) == place)
        if (wanted or self.regions) and not places:
            return []
        narrowed = replace(self, regions=places, partition=place)
        return [narrowed] if narrowed.patterns() else []

    def what(self) -> str:
        """What is approved, in few words."""
        if self.kind == "layer":
            return app_layer.path(self.layer)
        if self.kind == "arn":
            return self.value
        of = f" of account {self.account_id}"
        versions = ""
        if (self.min_version, self.max_version) != (1, None):
            versions = f", versions {self.min_version} to {self.max_version or 'the latest'}"
        text = {
            "name": f"layer {self.value}{of}{versions}",
            "prefix": f"layers {self.value}...{of}",
            "account": f"layers{of}",
            "own_account": "layers of the function's own account",
            "preset": f"the preset {self.value}",
        }[self.kind]
        places = ", ".join(self.regions) or self.partition
        return f"{text} in {places}" if places else text

    @property
    def selection(self) -> tuple[object, ...]:
        """What is approved, without the words about it: two entries with the same one are the same approval."""
        value = LayerArn.parse(self.value) if self.kind == "arn" else self.value
        return (self.kind, value, self.account_id, self.min_version, self.max_version, frozenset(self.regions),
                self.partition, id(self.layer))  # fmt: skip
