"""What each way of making a layer smaller would save."""

from __future__ import annotations

from pathlib import Path

from layer_constructs.building.pruning.slim import needless
from layer_constructs.building.pruning.symbols import symbol_bytes
from layer_constructs.building.runtime_packages import PROVIDED
from layer_constructs.building.size import Savings
from layer_constructs.building.tree import Tree


def savings(root: Path, finished: Tree, *, site: str = "python") -> Savings:
    """Estimates, from the finished tree: what was chosen already saves nothing more."""
    gone = needless(root, [file.path for file in finished.files], site=site)
    symbols = 0
    for file in finished.files:
        if file.path not in gone and (".so" in file.path or file.executable):
            with (root / file.path).open("rb") as stream:
                symbols += symbol_bytes(stream)
    return Savings(
        slim=sum(file.size for file in finished.files if file.path in gone),
        strip=symbols,
        provided_by_runtime=sum(finished.sizes.get(name, 0) for name in PROVIDED),
        bytecode=sum(file.size for file in finished.files if file.path.endswith(".pyc")),
    )
