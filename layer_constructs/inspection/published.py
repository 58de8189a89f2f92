"""A layer version as an account has it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

from layer_constructs.errors import HashMismatchError


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A layer version as an account has it.

    :param location: where its zip can be fetched for some minutes.
    :param sha256: of the zip, as AWS says it: base64.
    """

    location: str
    sha256: str
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()


class Account(Protocol):
    """The seam to AWS."""

    def published(self, layer: str, version: int) -> Published:
        """:param layer: its ARN, without the version."""

    def fetch(self, location: str) -> bytes:
        """The zip itself."""


def download(account: Account, published: Published, arn: str) -> bytes:
    """The zip of a version.

    :raises HashMismatchError: if it is not the one that AWS names.
    """
    body = account.fetch(published.location)
    actual = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if actual != published.sha256:
        raise HashMismatchError(
            f"what was downloaded of {arn} is not what AWS says it is",
            details=[f"AWS's CodeSha256: {published.sha256}", f"its sha256:       {actual}"],
            fix="try again, and mistrust what is between you and AWS if it stays so",
        )
    return body
