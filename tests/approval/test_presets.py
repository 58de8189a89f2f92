"""The presets against the facts that the CDK itself has."""

from __future__ import annotations

from layer_constructs.approval import presets
from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.judgement import Approved
from layer_constructs.layer_arn import PARTITIONS, partition_of


def test_partitions_follow_from_regions_as_the_cdk_says() -> None:
    from aws_cdk.region_info import RegionInfo

    known = {info.name: info.partition for info in RegionInfo.regions}
    assert len(known) > 30
    assert {region: partition_of(region) for region in known} == known
    assert set(known.values()) <= set(PARTITIONS)


def test_what_the_cdk_attaches_is_approved_in_every_region_that_it_knows() -> None:
    from aws_cdk.region_info import Fact, FactName, RegionInfo

    wanted = {
        "lambda-insights": [
            FactName.cloudwatch_lambda_insights_version("1.0.404.0", arch) for arch in ("x86_64", "arm64")
        ],
        "appconfig": [FactName.app_config_lambda_layer_version("2.0.181", arch) for arch in ("x86_64", "arm64")],
        "parameters-and-secrets": [
            FactName.params_and_secrets_lambda_layer("1.0.103", arch) for arch in ("x86_64", "arm64")
        ],
        "adot": [FactName.adot_lambda_layer("PYTHON_SDK", "1.29.0", arch) for arch in ("x86_64", "arm64")],
    }
    regions = [info.name for info in RegionInfo.regions]
    for name, facts in wanted.items():
        catalog = LayerCatalog(ApprovedLayer.preset(name))
        found = [arn for region in regions for fact in facts if (arn := Fact.find(region, fact))]
        assert len(found) > 20, name
        for arn in found:
            assert isinstance(catalog.judge(arn), Approved), arn
            one = LayerCatalog(ApprovedLayer.preset(name, regions=[arn.split(":")[3]]))
            assert isinstance(one.judge(arn), Approved), arn


def test_no_preset_takes_an_account_as_a_whole() -> None:
    for name in presets.names():
        assert presets.sources(name)
        assert all(source.startswith("https://") for source in presets.sources(name))
        assert all(len(pattern.name.strip("*?")) >= 7 for pattern in presets.patterns(name)), name
