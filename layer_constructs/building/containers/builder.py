"""Source distribution -> wheel for a target, in a container."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from layer_constructs.building.cache import Cache
from layer_constructs.building.containers import engine
from layer_constructs.building.containers.engine import Image
from layer_constructs.building.containers.image_name import image_name
from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.containers.wheels import Sdist, build_wheels
from layer_constructs.building.indexes import keyring
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.process import Pipe, Run, pipe, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.sdist import BuildImage, LockedSdist
from layer_constructs.building.sdist_builder import SdistBuilder
from layer_constructs.building.target import Target


class ContainerBuilder(SdistBuilder):
    """Builds wheels in containers of a target's image.

    :param pinned: the images that a lock records: what has a digest is run by it.
    """

    def __init__(
        self,
        *,
        options: ContainerOptions,
        cache: Cache,
        indexes: Indexes,
        pinned: Mapping[Target, BuildImage],
        environ: Mapping[str, str] | None = None,
        report: Report = to_stderr,
        run: Run = run,
        pipe: Pipe = pipe,
    ) -> None:
        super().__init__(cache=cache, constraints=options.build_constraints)
        self._options = options
        self._indexes = indexes
        self._pinned = pinned
        self._environ = os.environ if environ is None else environ
        self._report = report
        self._run = run
        self._pipe = pipe
        self._images: dict[Target, Image] = {}

    def image(self, target: Target, *, needed_by: str) -> BuildImage:
        """:raises EngineError: if there is no engine.
        :raises ImageError: if there is no such image.
        """
        image = self.real_image(target, needed_by=needed_by)
        return BuildImage(
            reference=image_name(self._options, target),
            digest=image.digest,
            id=None if image.digest else image.id,
            options=self._options.fingerprint,
        )

    def real_image(self, target: Target, *, needed_by: str) -> Image:
        """The image on this machine: the one that is locked, or the one that has the name now."""
        known = self._images.get(target)
        if known is None:
            program, env = engine.engine_name(self._environ), dict(self._environ)
            name = image_name(self._options, target)
            if self._options.context is not None:
                engine.build_image(
                    name, self._options, target, engine=program, env=env, needed_by=needed_by, run=self._run
                )
            pinned = self._pinned.get(target)
            reference = pinned.exact if pinned and pinned.reference == name else name
            known = engine.image_of(reference, target, engine=program, env=env, needed_by=needed_by, run=self._run)
            self._images[target] = known
        return known

    def _build(self, sdist: LockedSdist, target: Target, constraints: Sequence[str], work: Path) -> tuple[Path, str]:
        image = self.real_image(target, needed_by=sdist.label)
        self._report(f"{sdist.label}: has no wheel for {target}, building it in {image.reference}")
        log = self._cache.folder("logs") / f"{sdist.name}-{sdist.version}-{target.runtime}-{target.architecture}.log"
        indexes = keyring.resolved(self._indexes, self._environ, self._run)
        built = build_wheels(
            [Sdist(label=sdist.label, path=self._fetched(sdist, indexes))],
            image, target, self._options,
            into=work / "made", log=log, cache=self._cache, indexes=indexes, constraints=constraints,
            run=self._run, pipe=self._pipe,
        )[sdist.label]  # fmt: skip
        return built, log.read_text(encoding="utf-8")
