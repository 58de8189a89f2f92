#!/usr/bin/env python3
"""One library, released to three regions of two accounts by a pipeline, and who may publish it, in every account."""

import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import pipelines
from constructs import Construct

from layer_constructs import (
    ApprovedLayer,
    ApprovedLayersPolicy,
    LayerCatalog,
    LayerRelease,
    LayerRights,
    PythonDepsLayer,
    Share,
)

HERE = Path(__file__).parent

TOOLS, TEST, PRODUCTION = "111111111111", "222222222222", "333333333333"
REGIONS = ["eu-west-1", "us-east-1", "ap-southeast-2"]
ORGANIZATION = "o-a1b2c3d4e5"
UNITS = ["ou-a1b2-c3d4e5f6"]
PREFIX = "platform-"


class Library(cdk.Stack):
    """The library in one region of one account: layers are regional."""

    def __init__(self, scope: Construct, name: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        layer = PythonDepsLayer(
            self,
            "Deps",
            requirements=HERE / "requirements.txt",
            layer_version_name=f"{PREFIX}core",
            share_with=[Share.organization(ORGANIZATION)],
        )
        LayerRelease(self, "Release", layer=layer)


class Account(cdk.Stage):
    """The library in every region of one account."""

    def __init__(self, scope: Construct, name: str, *, account: str, regions: list[str]) -> None:
        super().__init__(scope, name)
        for region in regions:
            Library(self, region, env=cdk.Environment(account=account, region=region))


class Pipeline(cdk.Stack):
    """Releases to the test account, then, when somebody agreed, to production."""

    def __init__(self, scope: Construct, name: str, *, env: cdk.Environment, regions: list[str]) -> None:
        super().__init__(scope, name, env=env)
        source = pipelines.CodePipelineSource.connection(
            "example/library",
            "main",
            connection_arn=f"arn:aws:codeconnections:{REGIONS[0]}:{TOOLS}:connection/00000000-0000-0000-0000-000000000000",
        )
        pipeline = pipelines.CodePipeline(
            self,
            "Pipeline",
            cross_account_keys=True,
            synth=pipelines.ShellStep(
                "Synth", input=source, commands=["pip install layer-constructs", "npx cdk@2 synth"]
            ),
        )
        pipeline.add_stage(Account(self, "Test", account=TEST, regions=regions))
        pipeline.add_stage(
            Account(self, "Production", account=PRODUCTION, regions=regions),
            pre=[pipelines.ManualApprovalStep("Promote")],
        )


class Governance(cdk.Stack):
    """What every account of the organisation gets: a policy for those who publish, and one for those who deploy."""

    def __init__(self, scope: Construct, name: str) -> None:
        # A stack set has no bootstrapped account behind it, and no assets.
        super().__init__(scope, name, synthesizer=cdk.BootstraplessSynthesizer())
        iam.ManagedPolicy(
            self,
            "Publishers",
            managed_policy_name="LayerPublishers",
            statements=[
                *LayerRights.publish(prefix=PREFIX, regions=REGIONS),
                *LayerRights.manage(prefix=PREFIX, regions=REGIONS),
                *LayerRights.grant(prefix=PREFIX, regions=REGIONS),
            ],
        )
        approved = LayerCatalog(
            ApprovedLayer.with_prefix(PREFIX, account=PRODUCTION, regions=REGIONS), ApprovedLayer.preset("cdk")
        )
        ApprovedLayersPolicy(self, "Deployers", managed_policy_name="OnlyApprovedLayers", catalog=approved)


class Organization(cdk.Stack):
    """Deploys the governance to every account of the organisation's units, those that join later too."""

    def __init__(self, scope: Construct, name: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        stage = cdk.Stage(self, "Template")
        governance = Governance(stage, "Governance")
        cdk.CfnStackSet(
            self,
            "Governance",
            stack_set_name="layer-governance",
            permission_model="SERVICE_MANAGED",
            call_as="DELEGATED_ADMIN",
            auto_deployment=cdk.CfnStackSet.AutoDeploymentProperty(
                enabled=True, retain_stacks_on_account_removal=False
            ),
            capabilities=["CAPABILITY_NAMED_IAM"],
            stack_instances_group=[
                cdk.CfnStackSet.StackInstancesProperty(
                    deployment_targets=cdk.CfnStackSet.DeploymentTargetsProperty(organizational_unit_ids=UNITS),
                    regions=REGIONS[:1],  # IAM is global
                )
            ],
            template_body=json.dumps(stage.synth().get_stack_artifact(governance.artifact_id).template),
        )


app = cdk.App()
tools = cdk.Environment(account=TOOLS, region=REGIONS[0])
Pipeline(app, "Library", env=tools, regions=app.node.try_get_context("regions") or REGIONS)
Organization(app, "LayerGovernance", env=tools)
app.synth()
