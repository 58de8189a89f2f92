"""Where a benchmark works: a folder with caches of its own, and an environment in which nothing else counts."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from layer_constructs.building.cache import Cache
from layer_constructs.building.cache_folder import DIRECTORY_VARIABLE
from layer_constructs.building.process import clean_environment
from layer_constructs.building.progress import QUIET_VARIABLE

ROOT = Path(__file__).parent.parent
APPS = ROOT / "benchmarks" / "apps"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder of the benchmark's own; kept between runs, it has the wheels already."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the processes that are compared see, all of them the same."""
        env = clean_environment()
        return env | {
            # The interpreter's own folder first: its Node, if it has one, is the project's.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)]),
            "PYTHONPATH": str(ROOT),
            # Bytecode is there in every run but the warm-up, whatever the environment says of it.
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
            "UV_CACHE_DIR": str(self.folder / "uv"),
            DIRECTORY_VARIABLE: str(self.folder / "layers"),
            QUIET_VARIABLE: "1",
        }

    def enter(self) -> None:
        """Give this process the same environment, for what is called in it."""
        kept = self.environment
        os.environ.clear()
        os.environ.update(kept)

    def cache(self) -> Cache:
        """The cache of finished layers that the processes use too."""
        return Cache(self.folder / "layers")

    def place(self, *names: str) -> Path:
        """A path below the folder, whose parents are there."""
        path = self.folder.joinpath(*names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def file(self, *names: str, text: str) -> Path:
        """A small file; left as it is if it says the same, so that what was made from it stays fresh."""
        path = self.place(*names)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        return path

    def gone(self, *names: str) -> Callable[[], None]:
        """A preparation after which nothing is there."""
        path = self.place(*names)
        return lambda: shutil.rmtree(path) if path.exists() else None
