"""What is drawn in a terminal, and what in a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from layer_constructs.inspection.text_table import Column, show
columns = [Column("package", style="bold"), Column("size", is_number=True)]
show(columns, [["[red]one[/red]", "1.0 MB"], ["two", "20.0 MB"]])
"""


def in_a_terminal(tmp_path: Path, **environment: str) -> str:
    pty = pytest.importorskip("pty", reason="no terminals here")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    leader, follower = pty.openpty()
    env = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm-256color", **environment}
    subprocess.run([sys.executable, str(program)], stdout=follower, env=env, check=True, cwd=Path.cwd())
    os.close(follower)
    text = os.read(leader, 65536).decode()
    os.close(leader)
    return text


def test_a_terminal_gets_a_drawn_table(tmp_path: Path) -> None:
    text = in_a_terminal(tmp_path)

    assert "\x1b[1m" in text
    assert "─" in text
    assert "[red]one[/red]" in text


def test_no_color_is_heeded(tmp_path: Path) -> None:
    text = in_a_terminal(tmp_path, NO_COLOR="1")

    assert "\x1b" not in text
    assert text.split("\r\n")[0] == "package            size"


def test_a_pipe_gets_columns(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [
        "package            size",
        "[red]one[/red]   1.0 MB",
        "two             20.0 MB",
    ]
