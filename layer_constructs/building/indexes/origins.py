"""Which index each package comes from, so that nobody can slip in a package under the name of a private one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name

from layer_constructs.building.indexes.index import FindLinks, Index, Indexes
from layer_constructs.building.indexes.probe import HttpProbe, Probe
from layer_constructs.errors import AmbiguousIndexError, Where

_NOWHERE: Mapping[str, Where] = MappingProxyType({})
_THREADS = 16


def find(
    names: Iterable[str],
    indexes: Indexes,
    *,
    named: Mapping[str, str],
    where: Mapping[str, Where] = _NOWHERE,
    probe: Probe | None = None,
) -> dict[str, str]:
    """The URL of the index that each name comes from; only a choice between several is asked over the network.

    :param names: all that are to be locked, dependencies of dependencies too.
    :param named: the index that a requirement names, as written there.
    :param where: where a name stands, for errors.
    :param probe: asks an index; by default over the network, as the environment says.
    :return: canonical name -> index URL without credentials; for a name that only a folder of ``--find-links`` has,
        that folder. What nobody offers, and what a ``--find-links`` page offers, is left out.
    :raises AmbiguousIndexError: if several indexes, or one and a folder, offer a name and none is named.
    :raises RequirementsError: if the named one is not among the indexes.
    :raises IndexUnavailableError: if one doesn't say whether it has a name: that is no reason to trust the next.
    """
    probe = probe or HttpProbe(os.environ)
    places = {str(canonicalize_name(name)): place for name, place in where.items()}
    found: dict[str, str] = {}
    for name, value in named.items():
        canonical = str(canonicalize_name(name))
        found[canonical] = indexes.named(value, where=places.get(canonical)).url
    wanted = sorted({str(canonicalize_name(name)) for name in names})
    open_names = [name for name in wanted if name not in found]
    candidates = [index for index in indexes.indexes if not index.explicit]
    if len(candidates) == 1 and not indexes.find_links:
        found.update(dict.fromkeys(open_names, candidates[0].url))
        open_names = []
    offered = _ask_all(open_names, candidates, probe)
    for name in open_names:
        folder = _folder_with(name, indexes.find_links)
        offering = [index.url for index in candidates if index in offered[name]] + ([folder] if folder else [])
        if len(offering) > 1:
            raise AmbiguousIndexError(package=name, indexes=offering, where=places.get(name))
        if offering:
            found[name] = offering[0]
    return {name: found[name] for name in wanted if name in found}


def _ask_all(names: Sequence[str], indexes: Sequence[Index], probe: Probe) -> dict[str, list[Index]]:
    offered: dict[str, list[Index]] = {name: [] for name in names}
    if not names or not indexes:
        return offered
    pool = ThreadPoolExecutor(_THREADS)
    try:
        asked = {pool.submit(probe, index, name): (index, name) for name in names for index in indexes}
        for answer in as_completed(asked):
            index, name = asked[answer]
            if answer.result():
                offered[name].append(index)
    finally:
        # After the first failure the rest would only wait for the same silence.
        pool.shutdown(wait=False, cancel_futures=True)
    return offered


def _folder_with(name: str, find_links: Iterable[FindLinks]) -> str | None:
    for links in find_links:
        if links.url.startswith("file:"):
            folder = Path(url2pathname(urlsplit(links.url).path))
            if any(canonicalize_name(wheel.name.split("-")[0]) == name for wheel in folder.glob("*.whl")):
                return links.url
    return None
