from __future__ import annotations

from aws_cdk import aws_lambda as lambda_

from layer_constructs.building.target import RUNTIMES


def _offered() -> set[str]:
    """The Python runtimes that the CDK offers; Python sees no `deprecated` mark, and the oldest ones can't be built."""
    found = {
        runtime.name
        for runtime in lambda_.Runtime.ALL
        if runtime.family == lambda_.RuntimeFamily.PYTHON and runtime.name.startswith("python3.")
    }
    return found - {"python3.6", "python3.7"}


def test_every_python_runtime_of_the_cdk_is_a_target() -> None:
    offered = _offered()

    assert {"python3.12", "python3.13"} <= offered
    assert offered - set(RUNTIMES) == set()


def test_every_target_is_a_runtime_of_the_cdk() -> None:
    assert set(RUNTIMES) - {lambda_runtime.name for lambda_runtime in lambda_.Runtime.ALL} == set()
