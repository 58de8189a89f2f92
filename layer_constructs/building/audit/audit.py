"""Tree -> findings."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from layer_constructs.building.audit import metadata, modules, names, native
from layer_constructs.building.audit.finding import Finding
from layer_constructs.building.target import Platform, Target
from layer_constructs.building.tree import Tree


def audit(root: Path, tree: Tree, target: Platform, *, site: str = "python") -> tuple[Finding, ...]:
    """What keeps a layer from working on the target; nothing is changed and no code of it is run.

    :param root: the layer's root, in which the files of ``tree`` lie. Links are not followed.
    :param site: the folder in ``root`` that packages were installed to.
    """
    regular, links = [], []
    for file in tree.files:
        mode = os.lstat(root / file.path).st_mode
        if stat.S_ISLNK(mode):
            links.append(file.path)
        elif stat.S_ISREG(mode):
            regular.append(file)

    def findings() -> Iterator[Finding]:
        foreign = set()
        for finding in native.findings(root, regular, tree.owners, target, links=links):
            if finding.rule == "wrong-machine":
                foreign.add(finding.path)
            yield finding
        paths = [file.path for file in regular]
        if isinstance(target, Target):
            yield from modules.wrong_abis([path for path in paths if path not in foreign], tree.owners, target)
            yield from modules.collisions(root, tree, site)
            yield from metadata.findings(root, paths, tree.owners, target, site)
        yield from names.outside_links(root, links, tree.owners)
        yield from names.case_collisions([file.path for file in tree.files], tree.owners)

    return tuple(sorted(findings(), key=lambda finding: (finding.package or "", finding.path, finding.rule)))
