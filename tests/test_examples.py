"""The examples synthesise, with the real CDK CLI, and are what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from layer_constructs.building.cache import Cache

ROOT = Path(__file__).parents[1]
CDK = ROOT / "node_modules" / ".bin" / "cdk"
EXAMPLE = ROOT / "examples" / "many_regions"

TEST, PRODUCTION = "222222222222", "333333333333"
REGIONS = {"eu-west-1", "us-east-1", "ap-southeast-2"}
PLACES = {(account, region) for account in (TEST, PRODUCTION) for region in REGIONS}


@dataclass(frozen=True, kw_only=True)
class Synthesised:
    outdir: Path
    cache: Cache
    said: str

    def template(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.outdir / f"{name}.template.json").read_text(encoding="utf-8"))
        return found

    def stacks(self) -> Iterator[tuple[tuple[str, str], Mapping[str, Any], Mapping[str, Any]]]:
        """The library's: where each is deployed, its resources by type, and its assets."""
        for manifest in self.outdir.glob("assembly-Library-*/manifest.json"):
            for artifact in json.loads(manifest.read_text(encoding="utf-8"))["artifacts"].values():
                if artifact["type"] != "aws:cloudformation:stack":
                    continue
                account, _, region = artifact["environment"].removeprefix("aws://").partition("/")
                template = manifest.with_name(artifact["properties"]["templateFile"])
                assets = template.with_name(template.name.replace(".template.json", ".assets.json"))
                resources: dict[str, list[Any]] = {}
                for resource in json.loads(template.read_text(encoding="utf-8"))["Resources"].values():
                    resources.setdefault(resource["Type"], []).append(resource)
                yield (account, region), resources, json.loads(assets.read_text(encoding="utf-8"))["files"]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """Synthesised once, with an empty cache."""
    folder = tmp_path_factory.mktemp("many-regions")
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "LAYER_CONSTRUCTS_CACHE_DIR": str(folder / "cache"),
        "LAYER_CONSTRUCTS_QUIET": "",
        "CI": "true",  # so that the committed lock is not made anew
    }
    done = subprocess.run(
        [str(CDK), "synth", "--quiet", "--output", str(folder / "cdk.out")],
        cwd=EXAMPLE,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Synthesised(outdir=folder / "cdk.out", cache=Cache(folder / "cache"), said=done.stderr)


def test_one_declaration_is_released_to_three_regions_of_two_accounts(example: Synthesised) -> None:
    stacks = list(example.stacks())
    assert {place for place, _, _ in stacks} == PLACES
    assert len(stacks) == len(PLACES)
    for _, resources, _ in stacks:
        (layer,) = resources["AWS::Lambda::LayerVersion"]
        assert layer["Properties"]["LayerName"] == "platform-core"
        (permission,) = resources["AWS::Lambda::LayerVersionPermission"]
        assert permission["Properties"]["OrganizationId"] == "o-a1b2c3d4e5"
        names = [parameter["Properties"]["Name"] for parameter in resources["AWS::SSM::Parameter"]]
        assert "/layers/deps/platform-core/python3.13/x86_64/latest" in names


def test_its_content_is_built_once_and_uploaded_everywhere(example: Synthesised) -> None:
    assert example.said.count(": building ") == 1, example.said
    assert len(example.cache.layers()) == 1
    (archive,) = example.outdir.glob("**/asset.*.zip")
    uploads = set()
    for (account, region), resources, files in example.stacks():
        (layer,) = resources["AWS::Lambda::LayerVersion"]
        content = layer["Properties"]["Content"]
        assert content == {"S3Bucket": f"cdk-hnb659fds-assets-{account}-{region}",
                           "S3Key": archive.name.removeprefix("asset.")}  # fmt: skip
        (file,) = (file for file in files.values() if file["source"]["path"].endswith(".zip"))
        uploads |= {destination["bucketName"] for destination in file["destinations"].values()}
    assert uploads == {f"cdk-hnb659fds-assets-{account}-{region}" for account, region in PLACES}


def test_the_pipeline_publishes_the_archive_in_one_step_and_asks_before_production(example: Synthesised) -> None:
    resources = example.template("Library")["Resources"].values()
    (pipeline,) = (each for each in resources if each["Type"] == "AWS::CodePipeline::Pipeline")
    stages = {
        stage["Name"]: [(action["RunOrder"], action["Name"]) for action in stage["Actions"]]
        for stage in pipeline["Properties"]["Stages"]
    }
    assert list(stages) == ["Source", "Build", "UpdatePipeline", "Assets", "Test", "Production"]
    assert len(stages["Assets"]) == 1
    assert {name for _, name in stages["Test"]} >= {f"{region}.Deploy" for region in REGIONS}
    first, *after = sorted(stages["Production"])
    assert first == (1, "Promote")
    assert all(order > 1 for order, _ in after)


def test_the_same_governance_goes_to_the_organisation_as_a_stack_set(example: Synthesised) -> None:
    (stack_set,) = example.template("LayerGovernance")["Resources"].values()
    properties = stack_set["Properties"]
    assert stack_set["Type"] == "AWS::CloudFormation::StackSet"
    (instances,) = properties["StackInstancesGroup"]
    assert instances["DeploymentTargets"] == {"OrganizationalUnitIds": ["ou-a1b2-c3d4e5f6"]}
    body = properties["TemplateBody"]
    assert len(body.encode()) <= 51_200  # CloudFormation's limit for a template in a request
    template = json.loads(body)
    assert "Parameters" not in template  # such as the version of a bootstrap stack, which these accounts may not have
    assert {resource["Type"] for resource in template["Resources"].values()} == {"AWS::IAM::ManagedPolicy"}
    policies = {resource["Properties"]["ManagedPolicyName"]: resource for resource in template["Resources"].values()}
    assert policies.keys() == {"LayerPublishers", "OnlyApprovedLayers"}
    refusal = policies["OnlyApprovedLayers"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert (
        "arn:aws:lambda:eu-west-1:333333333333:layer:platform-*:*"
        in refusal["Condition"]["ForAnyValue:StringNotLike"]["lambda:Layer"]
    )
    publish = policies["LayerPublishers"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert publish["Action"] == "lambda:PublishLayerVersion"
    assert {"Ref": "AWS::Partition"} in publish["Resource"][0]["Fn::Join"][1]


def test_its_lock_is_fresh(example: Synthesised) -> None:
    assert "locked " not in example.said
    program = Path(sys.executable).with_name("layer-constructs")
    done = subprocess.run(
        [program, "lock", "--check", "requirements.txt"], cwd=EXAMPLE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
