"""An entry's files, copied to where the layer is made."""

from __future__ import annotations

import hashlib
from pathlib import Path

from layer_constructs.building.entry.entry import Entry
from layer_constructs.errors import BuildError, Where


def place(entry: Entry, root: Path) -> None:
    """Copy the files of ``entry``, exactly as they were when they were read.

    :param root: the layer's root.
    :raises BuildError: for a file that has changed since, or that a package has too.
    """
    for file in entry.files:
        try:
            content = file.source.read_bytes()
        except OSError as error:
            raise BuildError(f"it can't be read any more: {error.strerror}", where=Where(file.source)) from error
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise BuildError(
                "it has changed since it was read",
                where=Where(file.source),
                fix="synthesise when nothing writes to it any more",
            )
        to = root / file.path
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            with to.open("xb") as made:
                made.write(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise BuildError(
                f"a package has {file.path} too",
                where=Where(file.source),
                fix="rename your own, or take the package out of the requirements",
            ) from error
        to.chmod(0o755 if file.executable else 0o644)
