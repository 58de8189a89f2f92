"""A layer from the cache, the first time its archive is seen there, over the times after."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from benchmarks.case import Case, Row
from benchmarks.pairs import Subject
from benchmarks.workspace import Workspace
from layer_constructs.building.cache import CachedLayer
from layer_constructs.building.layer_facts import LayerFacts

MEGABYTES = 100

FIRST, AGAIN = "its archive's hash is compared", "its size, times and inode are"


def _subjects(workspace: Workspace) -> list[Subject]:
    cache = workspace.cache()
    content = random.Random(MEGABYTES).randbytes(MEGABYTES * 1_000_000)  # noqa: S311 - nothing here is secret
    sha256 = hashlib.sha256(content).hexdigest()
    facts = LayerFacts(digest=sha256, sha256=sha256, size=len(content), unzipped_size=len(content), packages={})

    def make(work: Path) -> LayerFacts:
        (work / "layer.zip").write_bytes(content)
        return facts

    archive = cache.obtain(facts.digest, make).archive

    def find() -> CachedLayer:
        found = cache.find(facts.digest)
        assert found is not None
        return found

    def forget() -> None:
        archive.with_name("seen.json").unlink()

    return [Subject(name=AGAIN, action=find), Subject(name=FIRST, action=find, prepare=forget)]


CASE = Case(
    name="verification",
    about=(
        f"A layer whose archive has {MEGABYTES} MB, looked up in the cache: the first time that its file is seen "
        "there, as after a CI system brought the folder back, its SHA-256 is compared; afterwards its size, times and "
        "inode are. In milliseconds per MB. What a layer costs besides is `many-layers`."
    ),
    subjects=_subjects,
    rows=[Row(ours=FIRST, over=AGAIN, limit=1, per=MEGABYTES)],
)
