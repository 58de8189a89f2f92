"""Installed files against the hashes that their wheels record.

uv checks the hash of a wheel when it downloads it, and unpacks it once; what it unpacked is linked into other
environments, where an edit reaches uv's own copy and everything that is installed of it later.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from layer_constructs.errors import BuildError


class NotAsRecordedError(BuildError):
    """Files have other contents than the RECORD of their wheel says.

    :param files: their paths, by distribution.
    """

    def __init__(self, files: Mapping[str, Sequence[str]]) -> None:
        self.files = files
        super().__init__(
            f"files of {', '.join(sorted(files))} are not what their wheels record",
            details=sorted(path for paths in files.values() for path in paths)[:5],
            fix="synthesise when nothing writes to uv's cache any more",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What RECORDs say of files.

    :param digests: RECORD's words (``sha256=...``) by path, as :attr:`tree.Tree.recorded`.
    :param owners: of each of these paths, the distribution.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)

    def of(self, names: Collection[str]) -> Recorded:
        """No others than these distributions' files."""
        digests = {path: digest for path, digest in self.digests.items() if self.owners[path] in names}
        return Recorded(digests=digests, owners=self.owners)

    def fits(self, path: str, content: bytes) -> bool:
        """Whether nothing else is recorded of this file."""
        return path not in self.digests or recorded_hash(content) == self.digests[path]

    def differing(self, root: Path, paths: Iterable[str]) -> list[str]:
        """Those of the files under ``root`` that aren't as recorded."""
        return [path for path in paths if path in self.digests and not self.fits(path, (root / path).read_bytes())]

    def refuse(self, paths: Sequence[str]) -> None:
        """:raises NotAsRecordedError: if there are any."""
        if paths:
            raise NotAsRecordedError(self.by_owner(paths))

    def by_owner(self, paths: Iterable[str]) -> dict[str, list[str]]:
        """The paths of each distribution."""
        found: dict[str, list[str]] = {}
        for path in paths:
            found.setdefault(self.owners[path], []).append(path)
        return found


def recorded_hash(content: bytes) -> str:
    """What RECORD says of a file with that content (PyPA, "Recording installed projects")."""
    return f"sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()}"
