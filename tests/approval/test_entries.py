"""What may be approved, what a catalog says of a layer, and what it refuses to be made of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from layer_constructs.approval import presets, statements
from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.judgement import Approved, Refused, Unknown
from layer_constructs.approval.policy_size import LIMITS, Form, PolicyTooLargeError, size_of
from layer_constructs.approval.statements import Until
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import LayerArn
from tests.approval.simulator import OWN, Request, Simulator

ACCOUNT = "111122223333"
CORE_12 = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:core:12"
AMAZON_LINUX = "arn:aws:lambda:::awslayer:AmazonLinux1803"


def core(version: int | str, *, region: str = "eu-west-1", account: str = ACCOUNT) -> str:
    return f"arn:aws:lambda:{region}:{account}:layer:core:{version}"


@pytest.mark.parametrize(
    "arn",
    [
        "core",
        "",
        "arn:aws:lambda:eu-west-1:111122223333:function:core:12",
        "arn:aws:lambda:eu-west-1:111122223333:layer:core",
        "arn:aws:lambda:eu-west-1:111122223333:layer:core:*",
        "arn:aws:lambda:eu-west-1:111122223333:layer:co*re:12",
        "arn:aws:lambda:eu-west-1:111122223333:layer:core:012",
        "arn:aws:lambda:eu-west-1:111122223333:layer:core:0",
        "arn:aws:lambda:eu-west-1:111122223333:layer:core:12\n",
        "arn:aws:lambda:eu-west-1:1111:layer:core:12",
        "arn:aws:lambda:eu-west-1:${aws:PrincipalAccount}:layer:core:12",
        "arn:aws:lambda:*:111122223333:layer:core:12",
        "arn:aws:lambda::111122223333:layer:core:12",
        "arn:aws:lambda:cn-north-1:111122223333:layer:core:12",
        "arn:aws-cn:lambda:eu-west-1:111122223333:layer:core:12",
        "arn:evil:lambda:eu-west-1:111122223333:layer:core:12",
        "arn:aws:s3:::awslayer:AmazonLinux1803",
        "arn:aws:lambda:::awslayer:*",
        "arn:aws:lambda:eu-west-1:٣١١١٢٢٢٢٣٣٣٣:layer:core:12",
        "${Token[Layer.Ref.12]}",
        "arn:aws:lambda:eu-west-1:111122223333:layer:core:${Token[V.1]}",
    ],
)
def test_an_arn_that_could_mean_anything_else_is_refused(arn: str) -> None:
    with pytest.raises(ArgumentError):
        ApprovedLayer.arn(arn)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: ApprovedLayer.named("core*", account=ACCOUNT), "name is 'core\\*'"),
        (lambda: ApprovedLayer.named("core", account="1111"), "account is '1111', and must have 12 digits"),
        (lambda: ApprovedLayer.named("core", account=111122223333), "must be a text"),  # type: ignore[arg-type]
        (lambda: ApprovedLayer.named("core", account=ACCOUNT, min_version=0), "min_version is 0"),
        (lambda: ApprovedLayer.named("core", account=ACCOUNT, min_version=True), "min_version is True"),
        (lambda: ApprovedLayer.named("core", account=ACCOUNT, min_version=3, max_version=2), "no version is between"),
        (lambda: ApprovedLayer.named("core", account=ACCOUNT, regions="eu-west-1"), "must be a list"),
        (lambda: ApprovedLayer.named("core", account=ACCOUNT, regions=["eu-*"]), "'eu-\\*', which is no region"),
        (lambda: ApprovedLayer.named("core", account=ACCOUNT, partition="aws*"), "partition is 'aws\\*'"),
        (lambda: ApprovedLayer.account(ACCOUNT, regions=["cn-north-1"], partition="aws"), "is in the partition aws-cn"),
        (lambda: ApprovedLayer.with_prefix("", account=ACCOUNT), "prefix is ''"),
        (lambda: ApprovedLayer.account("*"), "account is '\\*'"),
        (lambda: ApprovedLayer.preset("klayers"), "there is no preset 'klayers'"),
        (lambda: ApprovedLayer.preset("appconfig", regions=["ap-east-2"]), "knows of no layer in ap-east-2"),
        (lambda: ApprovedLayer.own_account(expires=datetime(2027, 1, 1)), "expires is datetime"),  # noqa: DTZ001
        (lambda: ApprovedLayer.own_account(expires="2027-01-01"), "must be a day"),  # type: ignore[arg-type]
        (lambda: ApprovedLayer.own_account(reason=" "), "reason is ' '"),
        (lambda: ApprovedLayer.own_account(required_as="a-b"), "required_as is 'a-b'"),
        (lambda: ApprovedLayer.of(CORE_12), "must be a layer construct"),
        (lambda: LayerCatalog(CORE_12), "approves nothing"),  # type: ignore[arg-type]
        (lambda: LayerCatalog().deny_statements("rcp"), "form is 'rcp'"),  # type: ignore[arg-type]
        (lambda: LayerCatalog().required_statements(), "the catalog requires no layer"),
        (lambda: LayerCatalog().revoke("core"), "is not the ARN of a layer version"),
        (lambda: LayerCatalog().publishing_statements(publishers=["*"]), "publishers has '\\*'"),
        (lambda: LayerCatalog().publishing_statements(publishers=["arn:aws:iam::*:role/*"]), "which is everybody"),
        (lambda: LayerCatalog().publishing_statements(publishers="arn:aws:iam::1:role/x"), "must be a list"),
    ],
)  # fmt: skip
def test_a_mistake_says_what_is_wrong(make: Any, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ApprovedLayer.named("core", account=ACCOUNT, min_vresion=12),  # type: ignore[call-arg]
        lambda: ApprovedLayer.own_account(min_version=12),  # type: ignore[call-arg]
        lambda: ApprovedLayer.arn(CORE_12, regions=["eu-west-1"]),  # type: ignore[call-arg]
        lambda: ApprovedLayer.arn(CORE_12, kind="account"),  # type: ignore[call-arg]
        lambda: ApprovedLayer.preset("cdk", account_id=ACCOUNT),  # type: ignore[call-arg]
    ],
)
def test_a_word_that_means_nothing_there_is_not_passed_over(make: Any) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        make()


def test_the_numbers_of_tokens_change_no_order() -> None:
    def order(first: int, second: int) -> list[int]:
        made = LayerCatalog(
            ApprovedLayer.named("b", account=f"${{Token[AWS.AccountId.{first}]}}"),
            ApprovedLayer.named("a", account=f"${{Token[AWS.AccountId.{second}]}}"),
        ).deny_statements()
        texts = made[0]["Condition"]["ForAnyValue:StringNotLike"]["lambda:Layer"]
        return [0 if ":layer:a:" in text else 1 for text in texts]

    assert order(1, 2) == order(2, 1) == order(9, 10) == [0, 1]


def test_a_refused_layer_comes_with_the_nearest_approved_version() -> None:
    catalog = LayerCatalog(
        ApprovedLayer.named(
            "core", account=ACCOUNT, min_version=12, max_version=20, regions=["eu-west-1", "us-east-1"]
        ),
        ApprovedLayer.arn(core(30)),
    ).revoke(core(12))

    def near(arn: str) -> str | None:
        answer = catalog.judge(arn)
        assert isinstance(answer, Refused)
        return answer.nearest

    assert near(core(11)) == core(13)
    assert near(core(12)) == core(13)
    assert near(core(24)) == core(20)
    assert near(core(27)) == core(30)
    assert near(core(11, region="us-east-1")) == core(12, region="us-east-1")
    assert near(core(15, account=OWN)) == core(15)
    assert near(core(15, region="eu-north-1")) == core(15)
    assert near(f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:other:1") is None
    assert near("arn:aws:lambda:eu-west-1:1:layer:x:1") is None


def test_a_day_decides_over_what_ends_and_what_is_revoked_from_then_on() -> None:
    catalog = LayerCatalog(
        ApprovedLayer.arn(core(1), expires=date(2027, 1, 31)), ApprovedLayer.arn(core(2), reason="reviewed")
    ).revoke(core(2), since=date(2027, 3, 1), reason="a leaked key")

    before, later, last = date(2027, 1, 30), date(2027, 1, 31), date(2027, 3, 1)
    assert isinstance(catalog.judge(core(1), on=before), Approved)
    ended = catalog.judge(core(1), on=later)
    assert isinstance(ended, Refused)
    assert (ended.reason, ended.nearest) == ("its approval ended on 2027-01-31", core(2))
    approved = catalog.judge(core(2), on=later)
    assert isinstance(approved, Approved)
    assert approved.by.reason == "reviewed"
    revoked = catalog.judge(core(2), on=last)
    assert isinstance(revoked, Refused)
    assert revoked.reason == "it was revoked: a leaked key"
    assert isinstance(catalog.judge(core(1)), Approved)
    assert isinstance(catalog.judge(core(2)), Approved)


@pytest.mark.parametrize(
    ("arn", "answer"),
    [
        ("${Token[Layer.Ref.1]}", Unknown),
        ("arn:${Token[AWS.Partition.3]}:lambda:${Token[AWS.Region.4]}:111122223333:layer:core:15", Approved),
        ("arn:${AWS::Partition}:lambda:${AWS::Region}:111122223333:layer:core:15", Approved),
        ("arn:aws:lambda:${AWS::Region}:111122223333:layer:core:11", Refused),
        ("arn:${Token[AWS.Partition.3]}:lambda:cn-north-1:444455556666:layer:there:1", Approved),
        ("arn:${Token[AWS.Partition.3]}:lambda:eu-west-1:444455556666:layer:there:1", Refused),
        ("arn:aws:lambda:eu-west-1:111122223333:layer:core:${Token[V.1]}", Unknown),
        ("arn:aws:lambda:eu-west-1:${Token[P.1]}:layer:core:15", Unknown),
        ("arn:aws:lambda:eu-west-1:${Token[AWS.AccountId.9]}:layer:test-x:15", Approved),
        ("arn:aws:lambda:eu-west-1:${AWS::AccountId}:layer:${Token[N.1]}:15", Approved),
        ("arn:aws:lambda:eu-west-1:444455556666:layer:${Token[N.1]}:15", Refused),
        (AMAZON_LINUX, Approved),
        ("arn:aws:lambda:::awslayer:Other", Refused),
        ("not an arn", Refused),
    ],
)
def test_what_is_known_only_at_deployment_is_unknown_where_it_counts(arn: str, answer: type) -> None:
    catalog = LayerCatalog(
        ApprovedLayer.named("core", account=ACCOUNT, min_version=12),
        ApprovedLayer.own_account(),
        ApprovedLayer.arn(AMAZON_LINUX),
        ApprovedLayer.named("there", account="444455556666", partition="aws-cn"),
    )
    assert isinstance(catalog.judge(arn, own_account=OWN), answer)


def test_an_own_account_that_is_not_known_is_unknown() -> None:
    catalog = LayerCatalog(ApprovedLayer.own_account())
    assert isinstance(catalog.judge(core(1)), Unknown)
    assert isinstance(catalog.judge(core(1), own_account=ACCOUNT), Approved)
    assert isinstance(catalog.judge(core(1), own_account=OWN), Refused)


def test_a_layer_that_may_be_revoked_is_unknown() -> None:
    catalog = LayerCatalog(ApprovedLayer.account(ACCOUNT)).revoke(core(3))
    assert isinstance(catalog.judge("arn:aws:lambda:eu-west-1:111122223333:layer:core:${Token[V.1]}"), Unknown)
    assert isinstance(catalog.judge("arn:aws:lambda:eu-west-1:111122223333:layer:other:${Token[V.1]}"), Approved)


def test_versions_that_follow_one_another_are_merged_and_what_is_covered_is_left_out() -> None:
    catalog = LayerCatalog(
        *(ApprovedLayer.arn(core(version)) for version in range(10, 20)),
        ApprovedLayer.named("core", account=ACCOUNT, regions=["eu-west-1"], min_version=20, max_version=29),
        ApprovedLayer.account(OWN),
        ApprovedLayer.arn(core(7, account=OWN)),
    )
    (statement,) = catalog.deny_statements()
    assert statement["Condition"]["ForAnyValue:StringNotLike"]["lambda:Layer"] == [
        f"arn:aws*:lambda:*:{OWN}:layer:*:*", core("1?"), core("2?")
    ]  # fmt: skip


def test_the_end_of_an_approval_is_said_in_the_shorter_way() -> None:
    end = date(2027, 1, 1)
    few = [ApprovedLayer.account(account) for account in ("444455556666", "777788889999")]
    ranged = ApprovedLayer.named("core", account=ACCOUNT, min_version=12, expires=end)
    _, from_then_on = LayerCatalog(*few, ranged).deny_statements()
    assert len(from_then_on["Condition"]["ForAnyValue:StringNotLike"]["lambda:Layer"]) == 2

    _, from_then_on = LayerCatalog(*few, ApprovedLayer.arn(CORE_12, expires=end)).deny_statements()
    assert from_then_on["Condition"]["ForAnyValue:StringLike"]["lambda:Layer"] == [CORE_12]
    assert from_then_on["Condition"]["DateGreaterThanEquals"] == {"aws:CurrentTime": "2027-01-01T00:00:00Z"}

    overlapping = ApprovedLayer.named("core", account=ACCOUNT, regions=["eu-west-1"])
    _, from_then_on = LayerCatalog(*few, overlapping, ApprovedLayer.arn(CORE_12, expires=end)).deny_statements()
    assert len(from_then_on["Condition"]["ForAnyValue:StringNotLike"]["lambda:Layer"]) == 3


def test_an_empty_catalog_refuses_every_layer_and_nothing_else() -> None:
    (statement,) = LayerCatalog().deny_statements()
    assert statement["Condition"] == {"ForAnyValue:StringLike": {"lambda:Layer": ["*"]}}
    assert LayerCatalog().get_layer_version_statement() == []


@pytest.mark.parametrize("form", ["identity", "boundary", "scp"])
def test_what_does_not_fit_says_by_how_much(form: Form) -> None:
    entries = [ApprovedLayer.named(f"layer-{number:03}", account=ACCOUNT) for number in range(300)]

    def size(count: int) -> int:
        return size_of([*additional, *statements.deny_unapproved(Until(pattern=pattern) for entry in entries[:count]
                                                                 for pattern in entry.patterns())])  # fmt: skip

    additional = [statements.allow_all()] if form == "boundary" else []
    most = 100 + (LIMITS[form] - size(100)) // (size(101) - size(100))
    assert size_of(LayerCatalog(*entries[:most]).deny_statements(form)) == size(most) <= LIMITS[form]
    with pytest.raises(PolicyTooLargeError, match="layer layer-000 of account") as caught:
        LayerCatalog(*entries[: most + 1]).deny_statements(form)
    assert caught.value.over == size(most + 1) - LIMITS[form] > 0
    assert f"{caught.value.over:,} more than the {LIMITS[form]:,}" in str(caught.value)


def test_a_large_preset_fits_when_it_is_narrowed_to_regions() -> None:
    everything = LayerCatalog(*(ApprovedLayer.preset(name) for name in presets.names()))
    with pytest.raises(PolicyTooLargeError, match=r"catalog.only\(regions"):
        everything.deny_statements("scp")
    part = everything.only(regions=["eu-west-1", "us-east-1"])
    assert size_of(part.deny_statements("identity")) < 3_000
    insights = "arn:aws:lambda:eu-west-1:580247275435:layer:LambdaInsightsExtension:52"
    assert isinstance(part.judge(insights), Approved)
    assert isinstance(part.judge(insights.replace("eu-west-1", "eu-west-2"), own_account=OWN), Refused)


def test_a_policy_for_a_partition_names_no_other() -> None:
    catalog = LayerCatalog(
        ApprovedLayer.arn(CORE_12), ApprovedLayer.account(OWN), ApprovedLayer.arn("arn:aws-cn:lambda:::awslayer:Other")
    ).revoke(core(9))
    (statement,) = catalog.only(partition="aws-cn").get_layer_version_statement()
    assert statement["Resource"] == [f"arn:aws-cn:lambda:*:{OWN}:layer:*:*"]


def test_what_is_in_a_place_that_is_not_known_yet_stays_in_every_part() -> None:
    region, partition = "${Token[AWS.Region.4]}", "${Token[AWS.Partition.3]}"
    catalog = LayerCatalog(
        ApprovedLayer.arn(f"arn:{partition}:lambda:{region}:{ACCOUNT}:layer:core:12"),
        ApprovedLayer.account(ACCOUNT, regions=[region]),
    )
    assert catalog.only(regions=["cn-north-1"]).entries == catalog.entries
    assert len(catalog.only(partition="aws-cn").entries) == 2


def test_a_required_layer_that_ends_is_an_error() -> None:
    catalog = LayerCatalog(ApprovedLayer.arn(CORE_12, required_as="core", expires=date(2027, 1, 1)))
    with pytest.raises(ArgumentError, match="from 2027-01-01 on none is approved"):
        catalog.required_statements()


def test_an_arn_reads_as_it_is_written() -> None:
    for arn in (CORE_12, AMAZON_LINUX, "arn:${AWS::Partition}:lambda:${AWS::Region}:111122223333:layer:core:15"):
        assert str(LayerArn.parse(arn)) == arn


@pytest.mark.real
def test_only_publishers_publish_layers(iam: Simulator) -> None:
    def asked(publishers: list[str], role: str) -> str:
        request = Request(
            action="lambda:PublishLayerVersion",
            resource=f"arn:aws:lambda:eu-west-1:{OWN}:layer:core",
            context={"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/{role}"},
        )
        (answer,) = iam.ask("scp", LayerCatalog().publishing_statements(publishers=publishers, form="scp"), [request])
        return answer

    assert asked([], "deployer") == "D"
    assert asked(["arn:aws:iam::*:role/pipeline"], "deployer") == "D"
    assert asked(["arn:aws:iam::*:role/deployer"], "deployer") == "A"
