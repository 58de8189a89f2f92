"""An AWS account, for the commands that ask one; boto3 is imported here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from layer_constructs.errors import LayerError


def lambda_client(*, region: str | None, profile: str | None) -> Any:
    """boto3's client for Lambda.

    :raises LayerError: without boto3, a region or such a profile.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise LayerError(
            "this command asks AWS, and boto3 is not installed", fix="pip install 'layer-constructs[aws]'"
        ) from error
    with aws_errors():
        session = boto3.Session(region_name=region, profile_name=profile)
        return session.client("lambda", config=Config(retries={"mode": "standard", "max_attempts": 5}))


@contextmanager
def aws_errors() -> Iterator[None]:
    """What AWS or the way to it refuses, as an error of ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        what = error.response["Error"]
        raise LayerError(
            f"AWS refuses {error.operation_name}: {what.get('Code')}", details=[what.get("Message") or str(error)]
        ) from error
    except BotoCoreError as error:
        raise LayerError(f"AWS can't be asked: {error}", fix="check --profile, --region and the credentials") from error
