"""The guides are true: their Python runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
GUIDES = ("approval.md", "releasing.md", "rights.md", "sharing.md")

BLOCKS = [
    pytest.param(code, id=f"{name} {number}")
    for name in GUIDES
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    )
]


def test_every_guide_has_python() -> None:
    assert {str(block.id).split()[0] for block in BLOCKS} == set(GUIDES)


@pytest.mark.parametrize("code", BLOCKS)
def test_its_python_runs_in_a_folder_with_requirements(code: str, tmp_path: Path) -> None:
    (tmp_path / "req.txt").write_text("idna==3.10\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
