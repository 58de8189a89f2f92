"""What the tests of approvals share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.approval import simulator
from tests.approval.simulator import Simulator


@pytest.fixture(scope="session")
def iam() -> Iterator[Simulator]:
    """An IAM evaluator that is not ours, started once."""
    process = simulator.start()
    yield Simulator(process)
    process.communicate(timeout=30)
