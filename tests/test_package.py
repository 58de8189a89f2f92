"""What `import layer_constructs` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import layer_constructs


def test_every_name_is_there() -> None:
    assert [name for name in layer_constructs.__all__ if getattr(layer_constructs, name, None) is None] == []


def test_an_import_alone_loads_nothing_else() -> None:
    code = "import sys, layer_constructs; print(*(name for name in sys.modules if 'layer_constructs.' in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
