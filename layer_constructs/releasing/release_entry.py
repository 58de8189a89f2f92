"""For what a release has parameters: each runtime and architecture of its layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from layer_constructs.errors import ArgumentError
from layer_constructs.releasing.layer_to_release import LayerToRelease
from layer_constructs.releasing.parameter_names import parameter_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseEntry:
    """One runtime and architecture of a layer version.

    :param folder: where the parameters for its versions are.
    :param latest_folder: where ``latest`` is.
    """

    released: LayerToRelease
    library: str
    runtime: str
    architecture: str
    folder: str
    latest_folder: str

    @property
    def target(self) -> str:
        return f"{self.runtime}/{self.architecture}"

    @property
    def id(self) -> str:
        """In which the parameters' logical ids have their names: frozen."""
        return "".join(part.capitalize() for part in re.split(r"[^a-z0-9]+", f"{self.runtime}-{self.architecture}"))


def entries_of(released: Sequence[LayerToRelease], library: str, prefix: str) -> list[ReleaseEntry]:
    """In the order of the layers.

    :param library: what the ``latest`` parameters call them.
    :param prefix: of the parameters' names.
    :raises ArgumentError: for names that SSM wouldn't take, and for two layers that are made for the same.
    """
    entries = [
        ReleaseEntry(
            released=each,
            library=library,
            runtime=runtime,
            architecture=architecture,
            folder=parameter_folder(prefix=prefix, library=each.name, runtime=runtime, architecture=architecture),
            latest_folder=parameter_folder(prefix=prefix, library=library, runtime=runtime, architecture=architecture),
        )
        for each in released
        for runtime in each.runtimes
        for architecture in each.architectures
    ]
    seen: dict[str, ReleaseEntry] = {}
    for entry in entries:
        other = seen.setdefault(entry.latest_folder, entry)
        if other is not entry:
            raise ArgumentError(
                f"{other.released.name} and {entry.released.name} are both for {entry.runtime}/{entry.architecture}",
                fix="write a release for each",
            )
    return entries
