"""Files of the user's own -> a finished layer, for any runtime."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.entry.entry import Entry
from layer_constructs.building.progress import Report, megabytes, to_stderr
from layer_constructs.building.target import Platform


@dataclass(frozen=True, kw_only=True)
class ContentPlan:
    """What goes into a layer that has no packages.

    :param platforms: what it must work on; one at least.
    """

    entry: Entry
    platforms: tuple[Platform, ...]

    @property
    def digest(self) -> str:
        """Names the content: the same for every platform."""
        return self.entry.digest


def build_content(plan: ContentPlan, *, cache: Cache, label: str, report: Report = to_stderr) -> CachedLayer:
    """The finished layer of ``plan``: from the cache if it is there, and built into it otherwise.

    :param label: what the user calls the layer.
    """
    from layer_constructs.building.layer_facts import LayerFacts

    def make(work: Path) -> LayerFacts:
        from layer_constructs.building import archive, record, tree  # a cache hit can do without them
        from layer_constructs.building.entry.placing import place

        started = time.monotonic()
        root, beside = work / "root", work / "beside"
        root.mkdir()
        place(plan.entry, root)
        finished = tree.with_run_bits(tree.normalise(root), plan.entry.run_bits)
        beside.mkdir()
        record.write(beside, root, finished, plan.platforms[0], digest=plan.digest, listed=())
        written = archive.write_zip(root, finished, work / "layer.zip")
        count = len(finished.files)
        report(
            f"{label}: {count} file{'' if count == 1 else 's'}, {megabytes(finished.unzipped_size)} of 250 MB, "
            f"{time.monotonic() - started:.1f} s"
        )
        return LayerFacts(
            digest=plan.digest,
            sha256=written.sha256,
            size=written.size,
            unzipped_size=finished.unzipped_size,
            packages={},
        )

    return cache.obtain(plan.digest, make)
