"""A folder with a requirements file, as a user has it on the desk: locked and planned for real."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from layer_constructs.building.build import build_planned
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.locking.question import PROJECT
from layer_constructs.building.planning import Planned, make_plan
from layer_constructs.building.target import Target
from layer_constructs.errors import LayerError

X86 = Target("python3.13", "x86_64")
ARM = Target("python3.13", "arm64")


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """One user's folder, environment and cache.

    :ivar environ: what names indexes and CI systems; nothing is taken from the machine's own.
    :ivar bundling: by default never a container.
    :ivar said: the lines that were reported.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    bundling: Bundling = field(default_factory=Bundling.local)
    said: list[str] = field(default_factory=list)

    @property
    def cache(self) -> Cache:
        return Cache(self.folder.parent / "layers")

    @property
    def file(self) -> Path:
        return self.folder / "req.txt"

    @property
    def lock(self) -> Path:
        return self.folder / "pylock.req.toml"

    def write(self, *lines: str, name: str = "req.txt") -> Path:
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def plan(
        self,
        *lines: str,
        target: Target = X86,
        file: Path | None = None,
        lock: Path | None = None,
        locked: bool | None = None,
        extras: Sequence[str] = (),
        groups: Sequence[str] = (),
    ) -> Planned:
        """The plan of ``req.txt``, or of another file; ``lines`` are written into the former first."""
        if lines:
            self.write(*lines)
        dependencies = Dependencies(
            requirements=file or self.file,
            lock=lock,
            locked=locked,
            extras=tuple(extras),
            groups=tuple(groups),
            bundling=self.bundling,
        )
        return make_plan(dependencies, target, cache=self.cache, environ=self.environ, report=self.said.append)

    def packages(self, *lines: str, target: Target = X86) -> dict[str, str]:
        return self.plan(*lines, target=target).plan.packages

    def build(self, planned: Planned) -> CachedLayer:
        return build_planned(planned, cache=self.cache, label="Deps", report=self.said.append)

    def refusal(
        self,
        leaf: type[LayerError],
        *lines: str,
        target: Target = X86,
        file: Path | None = None,
        locked: bool | None = None,
        build: bool = False,
    ) -> str:
        """The text of the error with which planning (and building) is refused; exactly a ``leaf``."""

        def work() -> None:
            planned = self.plan(*lines, target=target, file=file, locked=locked)
            if build:
                self.build(planned)

        with pytest.raises(LayerError) as caught:
            work()
        text = str(caught.value)
        assert type(caught.value) is leaf, text
        assert not [word for word in (PROJECT, "/layer-constructs-", "Traceback", "os error") if word in text], text
        return text

    def document(self, path: Path | None = None) -> dict[str, Any]:
        """The lock as TOML."""
        return tomllib.loads((path or self.lock).read_text(encoding="utf-8"))

    def edit(self, old: str, new: str) -> None:
        """Change the lock by hand."""
        text = self.lock.read_text(encoding="utf-8")
        assert old in text
        self.lock.write_text(text.replace(old, new), encoding="utf-8")

    def state(self) -> tuple[bytes, int]:
        """By which a lock that was written again is told from one that was not."""
        return self.lock.read_bytes(), self.lock.stat().st_mtime_ns

    def files(self) -> Mapping[Path, bytes]:
        """Every file that was left anywhere, the caches included."""
        return {path: path.read_bytes() for path in self.folder.parent.rglob("*") if path.is_file()}


def make_desk(folder: Path) -> Desk:
    """A new desk; its own folder is ``app``, so that what lies beside it can be told apart."""
    (folder / "app").mkdir()
    return Desk(folder=folder / "app")
