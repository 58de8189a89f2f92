"""A layer's life through the real CLI and a real API: published, shared, released, consumed, replaced, rolled back.

The API is moto's, and the rules by which CloudFormation replaces resources are our own there: the module
`tests/support/cloudformation.py` says which and why. That they delete the versions of a layer that isn't kept is
tested, too. What no emulator knows (AWS RAM, reading another account's parameter, the condition key `lambda:Layer`)
is asserted on templates in `tests/sharing`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.moto import ACCOUNT, REGION, Api, running

pytestmark = [pytest.mark.real, pytest.mark.network]

PUBLISHER = """
import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from layer_constructs import PythonDepsLayer
from layer_constructs.releasing.release import LayerRelease
from layer_constructs.sharing.share import Share

app = cdk.App()
stack = cdk.Stack(app, "Publisher")
layer = PythonDepsLayer(
    stack,
    "Deps",
    requirements="req.txt",
    runtime=lambda_.Runtime.PYTHON_3_13,
    layer_version_name="core",
    share_with=[Share.account("111122223333")],
)
LayerRelease(stack, "Release", layer=layer)
plain = lambda_.LayerVersion(
    stack,
    "Plain",
    code=lambda_.Code.from_asset("plain"),
    layer_version_name="plain",
    compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
    compatible_architectures=[lambda_.Architecture.X86_64],
)
LayerRelease(stack, "PlainRelease", layer=plain)
app.synth()
"""

CONSUMER = """
import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from layer_constructs.releasing.released_layer import ReleasedLayer

TARGET = dict(runtime=lambda_.Runtime.PYTHON_3_13, architecture=lambda_.Architecture.ARM_64)


def function(stack, layer):
    code = lambda_.Code.from_inline("def handler(event, context): ...")
    lambda_.Function(stack, "Function", handler="index.handler", code=code, layers=[layer], **TARGET)


app = cdk.App()
pinned = cdk.Stack(app, "Pinned")
pin = int(app.node.get_context("pin"))
function(pinned, ReleasedLayer.from_parameter(pinned, "Core", library="core", version=pin, **TARGET))
follower = cdk.Stack(app, "Follower")
function(follower, ReleasedLayer.from_latest_at_deploy(follower, "Core", library="core", **TARGET))
app.synth()
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parties:
    """A publisher and a consumer, each with an app in a folder of its own."""

    api: Api
    publisher: Path
    consumer: Path

    def publish(self, pin: str) -> None:
        (self.publisher / "req.txt").write_text(f"{pin}\n", encoding="utf-8")
        (self.publisher / "plain" / "python").mkdir(parents=True, exist_ok=True)
        (self.publisher / "plain" / "python" / "plain.py").write_text(f"PIN = {pin!r}\n", encoding="utf-8")
        self._deploy(self.publisher)

    def consume(self, pin: int) -> dict[str, str]:
        """The ARN that the function of each stack has then."""
        self._deploy(self.consumer, "--context", f"pin={pin}")
        functions = self.api.client("lambda").list_functions()["Functions"]
        return {each["FunctionName"].partition("-")[0]: each["Layers"][0]["Arn"] for each in functions}

    def _deploy(self, folder: Path, *arguments: str) -> None:
        self.api.cdk(
            "deploy",
            "--all",
            "--method=direct",  # moto tells of a deleted change set in other words than the CLI waits for
            "--require-approval=never",
            "--no-version-reporting",
            "--app=python app.py",
            *arguments,
            folder=folder,
        )

    def versions(self, layer: str) -> set[int]:
        found = self.api.client("lambda").list_layer_versions(LayerName=layer)["LayerVersions"]
        return {version["Version"] for version in found}

    def parameters(self, layer: str) -> dict[str, str]:
        found = self.api.client("ssm").get_parameters_by_path(Path=f"/layers/deps/{layer}", Recursive=True)
        return {each["Name"]: each["Value"] for each in found["Parameters"]}

    def shared_with(self, layer: str, version: int) -> list[Any]:
        policy = self.api.client("lambda").get_layer_version_policy(LayerName=layer, VersionNumber=version)["Policy"]
        return [statement["Principal"] for statement in json.loads(policy)["Statement"]]


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[Parties]:
    for name, app in (("publisher", PUBLISHER), ("consumer", CONSUMER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(app, encoding="utf-8")
    with running(tmp_path) as api:
        api.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", folder=tmp_path)
        yield Parties(api=api, publisher=tmp_path / "publisher", consumer=tmp_path / "consumer")


def arn(layer: str, version: int) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{layer}:{version}"


def test_consumers_stay_on_their_version_until_they_move_and_can_go_back(parties: Parties) -> None:
    folders = [f"/layers/deps/core/python3.13/{architecture}" for architecture in ("x86_64", "arm64")]

    parties.publish("six==1.16.0")
    assert parties.versions("core") == {1}
    assert parties.parameters("core") == {
        f"{folder}/{name}": arn("core", 1) for folder in folders for name in ("1", "latest")
    }
    assert parties.versions("plain") == {1}
    assert parties.consume(1) == {"Pinned": arn("core", 1), "Follower": arn("core", 1)}

    parties.publish("six==1.17.0")
    assert parties.versions("core") == {1, 2}
    assert parties.parameters("core") == {
        f"{folder}/{name}": arn("core", version)
        for folder in folders
        for name, version in (("1", 1), ("2", 2), ("latest", 2))
    }
    assert len(parties.shared_with("core", 1)) == len(parties.shared_with("core", 2)) == 1
    # What keeps no version keeps no parameter of it: so the rules that replace are at work.
    assert parties.versions("plain") == {2}
    assert set(parties.parameters("plain")) == {
        f"/layers/deps/plain/python3.13/x86_64/{name}" for name in ("2", "latest")
    }

    # Deployed again, unchanged: who is pinned stays, who follows moves. Then the pin moves, and goes back.
    assert parties.consume(1) == {"Pinned": arn("core", 1), "Follower": arn("core", 2)}
    assert parties.consume(2) == {"Pinned": arn("core", 2), "Follower": arn("core", 2)}
    assert parties.consume(1) == {"Pinned": arn("core", 1), "Follower": arn("core", 2)}
    assert parties.versions("core") == {1, 2}
