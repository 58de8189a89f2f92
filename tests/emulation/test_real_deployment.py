"""The example app, deployed by the real CLI: what an account then has is what was built, and it runs.

The account is moto's, which keeps a layer's content only where the CDK put it: in the bootstrap bucket. The example is
for arm64; here it is deployed for x86_64, since pandas takes minutes to import under emulation.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from layer_constructs.building.cache import Cache
from layer_constructs.emulation.assembly import Assembly
from layer_constructs.emulation.function import Layer, local_function
from layer_constructs.emulation.host import Host
from layer_constructs.emulation.runtime import LambdaRuntime
from tests.support.moto import ACCOUNT, REGION, ROOT, Api, running

pytestmark = [pytest.mark.real, pytest.mark.network]


def published(api: Api) -> bytes:
    """The zip of the one layer that the one function has, as the account keeps it."""
    (function,) = api.client("lambda").list_functions()["Functions"]
    (layer,) = function["Layers"]
    *_, name, version = layer["Arn"].split(":")
    found = api.client("lambda").get_layer_version(LayerName=name, VersionNumber=int(version))
    s3 = api.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for each in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            body: bytes = s3.get_object(Bucket=bucket["Name"], Key=each["Key"])["Body"].read()
            if base64.b64encode(hashlib.sha256(body).digest()).decode() == found["Content"]["CodeSha256"]:
                return body
    raise AssertionError(f"no object with the sha256 of {layer['Arn']}")


def test_what_the_example_deploys_is_what_was_built_and_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pythons: Mapping[str, Path]
) -> None:
    if "3.13" not in pythons:
        pytest.skip("no Python 3.13 on this machine")
    example = (ROOT / "app.py").read_text(encoding="utf-8")
    assert example.count("ARM_64") == 2
    (tmp_path / "app.py").write_text(example.replace("ARM_64", "X86_64"), encoding="utf-8")
    shutil.copy(ROOT / "cdk.json", tmp_path)
    shutil.copytree(ROOT / "examples" / "report", tmp_path / "examples" / "report")
    with running(tmp_path) as api:
        api.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", folder=tmp_path / "home")
        api.cdk("deploy", "--require-approval", "never", folder=tmp_path)
        deployed = published(api)

    function = local_function(Assembly(tmp_path / "cdk.out"), "Report/Report", timeout=60)
    (built,) = function.layers
    assert deployed == built.content.read_bytes()

    archive = tmp_path / "deployed.zip"
    archive.write_bytes(deployed)
    function = replace(function, layers=(Layer(label="deployed", content=archive),))
    runtime = LambdaRuntime(function=function, place=Host(cache=Cache.default()))
    done = runtime.invoke({"rows": [{"a": 1, "b": 2}, {"a": 3, "b": 6}]})
    assert done.error is None, done.log
    assert done.response == {"a": 2.0, "b": 4.0}
