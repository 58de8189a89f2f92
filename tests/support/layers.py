"""Layers of next to nothing, functions that use them, and what their app says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_

if TYPE_CHECKING:
    from constructs import Construct

ARN = "arn:aws:lambda:us-east-1:111122223333:layer:core:7"


def made_layer(scope: Construct, folder: Path, name: str = "Deps", **more: Any) -> lambda_.LayerVersion:
    """A plain layer version, kept and named as ours are."""
    content = folder / "content" / name / "python"
    content.mkdir(parents=True, exist_ok=True)
    (content / "module.py").write_text("", encoding="utf-8")
    given: dict[str, Any] = {
        "code": lambda_.Code.from_asset(str(content.parent)),
        "layer_version_name": "core",
        "compatible_runtimes": [lambda_.Runtime.PYTHON_3_13],
        "compatible_architectures": [lambda_.Architecture.X86_64],
        "removal_policy": cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        **more,
    }
    return lambda_.LayerVersion(scope, name, **given)


def function(scope: Construct, name: str = "Function", **more: Any) -> lambda_.Function:
    given: dict[str, Any] = {
        "runtime": lambda_.Runtime.PYTHON_3_13,
        "handler": "index.handler",
        "code": lambda_.Code.from_inline("def handler(event, context): ..."),
        **more,
    }
    return lambda_.Function(scope, name, **given)


def messages(app: cdk.App, level: str) -> list[tuple[str, str]]:
    """What ``cdk synth`` would print of our layers, with the construct's path."""
    found = []
    for file in sorted(Path(app.outdir).rglob("*.metadata.json")):
        for path, entries in json.loads(file.read_text(encoding="utf-8")).items():
            found += [(path, entry["data"]) for entry in entries if entry["type"] == f"aws:cdk:{level}"]
    return [(path, text) for path, text in found if "layer core" in text]


def resources(stack: cdk.Stack, kind: str) -> dict[str, Any]:
    return dict(assertions.Template.from_stack(stack).find_resources(kind))
