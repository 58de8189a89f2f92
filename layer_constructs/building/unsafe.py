"""Wheels from an index with files that would leave their folder.

uv leaves such files out, says so in its log at the moment it unpacks a wheel, and keeps what it unpacked without them.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from layer_constructs.building import uv
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.process import Run
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import BuildError

# Makes uv say what it leaves out of a wheel.
SAY_SO = {"RUST_LOG": "uv_extract=warn"}

_LEFT_OUT = re.compile(r"^WARN Skipping unsafe file name: (?P<member>.*)$", re.MULTILINE)


def refuse_unsafe(stderr: str, wheels: Sequence[LockedWheel], target: Target, *, indexes: Indexes, run: Run) -> None:
    """Look at what uv said while it worked on ``wheels``.

    A wheel that was found bad is taken out of uv's cache, so that it is found again the next time.

    :raises BuildError: naming the wheel and the file.
    """
    if not _LEFT_OUT.search(stderr):
        return
    for wheel in wheels:  # uv doesn't say whose file it was: each is unpacked anew, alone
        with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
            work = Path(folder)
            pylock = work / "pylock.layer.toml"
            pylock.write_text(pylock_of([wheel]), encoding="utf-8")
            done = uv.call(
                uv.install_arguments(target, pylock=pylock, into=work / "into", offline=False),
                run=run,
                environment={**indexes.uv_environment(), **SAY_SO, "UV_CACHE_DIR": str(work / "cache")},
                secrets=indexes.secrets,
                cwd=work,
            )
            found = _LEFT_OUT.search(done.stderr)
            if found:
                uv.call(["cache", "clean", wheel.name, "--quiet"], run=run, environment={}, secrets=(), cwd=work)
                raise BuildError(
                    f"{wheel.filename} has a file that leaves its folder: {found['member'].strip()!r}",
                    details=[f"it comes from {wheel.index or wheel.url}", "allowed: files with relative paths"],
                    fix="use another version of the package, and mistrust where this one came from",
                )
    raise BuildError(
        "one of the wheels has a file that leaves its folder, and which one can't be found out",
        details=[line.strip() for line in _LEFT_OUT.findall(stderr)],
        fix="use other versions of what changed last, and mistrust where it came from",
    )


def pylock_of(wheels: Sequence[LockedWheel]) -> str:
    """A lock for uv with one wheel a package: nothing is left to choose."""
    lines = ['lock-version = "1.0"', 'created-by = "layer-constructs"']
    for wheel in wheels:
        lines += ["[[packages]]", f"name = {json.dumps(wheel.name)}", f"version = {json.dumps(wheel.version)}"]
        if wheel.index and wheel.url:
            lines.append(f"index = {json.dumps(wheel.index)}")
        place = f"path = {json.dumps(str(wheel.path))}" if wheel.path else f"url = {json.dumps(wheel.url)}"
        name = json.dumps(wheel.filename)
        lines.append(f'wheels = [{{ name = {name}, {place}, hashes = {{ sha256 = "{wheel.sha256}" }} }}]')
    return "\n".join(lines) + "\n"
