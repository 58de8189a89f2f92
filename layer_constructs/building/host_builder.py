"""Source distribution -> wheel for a target, on this machine: only on the user's explicit word."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from layer_constructs.building import uv
from layer_constructs.building.cache import Cache
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.elf import obstacles
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.repack import repacked
from layer_constructs.building.sdist import HOST, BuildImage, LockedSdist
from layer_constructs.building.sdist_builder import SAME, SAY_CHOSEN, SdistBuilder
from layer_constructs.building.target import Target
from layer_constructs.errors import BuildError


class HostBuilder(SdistBuilder):
    """Builds wheels here, which runs their code here; the machine must be like the target."""

    def __init__(
        self,
        *,
        options: ContainerOptions,
        cache: Cache,
        indexes: Indexes,
        report: Report = to_stderr,
        run: Run = run,
    ) -> None:
        super().__init__(cache=cache, constraints=options.build_constraints)
        self._options = options
        self._indexes = indexes
        self._report = report
        self._run = run

    def image(self, target: Target, *, needed_by: str) -> BuildImage:
        """:raises BuildError: if this machine isn't a Linux of the target's architecture."""
        if sys.platform != "linux" or platform.machine() != target.machine:
            raise BuildError(
                f"{needed_by} has no wheel for {target}, and this machine ({sys.platform} on {platform.machine()}) "
                "can't build one",
                fix="let a container build it with bundling=Bundling.auto()",
            )
        return BuildImage(reference=HOST, options=self._options.fingerprint)

    def _build(self, sdist: LockedSdist, target: Target, constraints: Sequence[str], work: Path) -> tuple[Path, str]:
        self._report(f"{sdist.label}: has no wheel for {target}, building it on this machine")
        held = work / "constraints.txt"
        held.write_text("\n".join(constraints), encoding="utf-8")
        hold = ["--build-constraints", str(held)] if constraints else []
        variable, _, value = SAY_CHOSEN.partition("=")
        done = uv.call(
            [
                "build", "--wheel", "--python", target.python, *hold,
                "--out-dir", str(work / "out"), "--no-config", "--no-create-gitignore", *self._indexes.uv_arguments(),
                str(self._fetched(sdist, self._indexes)),
            ],
            run=self._run,
            environment={**SAME, **self._indexes.uv_environment(), variable: value},
            secrets=self._indexes.secrets,
            cwd=work,
        )  # fmt: skip
        wheels = list((work / "out").glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            lines = [line for line in done.stderr.splitlines() if not line.startswith("DEBUG ")]
            raise BuildError(
                f"{sdist.label} can't be built on this machine",
                details=lines[-20:],
                fix="install what it needs, or let a container build it with bundling=Bundling.auto()",
            )
        wheel = repacked(wheels[0], into=work / "repacked")
        problems = obstacles(wheel, target)
        if problems:
            raise BuildError(
                f"{sdist.label} was built on this machine, and won't load on {target}",
                details=[str(problem) for problem in problems],
                fix="let a container build it with bundling=Bundling.auto()",
            )
        return wheel, done.stderr
