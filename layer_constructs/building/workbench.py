"""Exact wheels and own files -> one archive: install, normalise, leave out, compile, look at it, zip."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from layer_constructs.building import archive, record, tree
from layer_constructs.building import interpreter as interpreters
from layer_constructs.building.archive import Archive
from layer_constructs.building.bytecode import compile_tree
from layer_constructs.building.entry.placing import place
from layer_constructs.building.entry.python_code import SITE
from layer_constructs.building.installers import Installer
from layer_constructs.building.inventory.components import components
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.provision import refuse_conflicts
from layer_constructs.building.pruning.prune import prune
from layer_constructs.building.pruning.strip import strip
from layer_constructs.building.recorded import NotAsRecordedError, Recorded
from layer_constructs.building.tree import Tree
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import BuildError


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """:param tree: what is in the archive."""

    tree: Tree
    archive: Archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """Where and of what a layer is made.

    :param work: an empty folder. Its ``layer.zip`` and ``beside``, what was seen of the layer, are what is kept.
    :param runtime_versions: what the user knows of the packages that the runtime ships.
    """

    plan: BuildPlan
    wheels: Sequence[LockedWheel]
    installer: Installer
    work: Path
    runtime_versions: Mapping[str, str]
    report: Report = to_stderr
    run: Run = run

    def pack(self) -> Packed:
        """Make ``layer.zip``.

        What the installer had unpacked before is compared with the RECORDs while it is zipped. A wheel of which files
        differ is fetched anew, and all is made again; where it still differs, its record is careless, not its copy.

        :raises BuildError: if the wheels can't be made into a layer.
        """
        differing: dict[str, Sequence[str]] = {}
        while True:
            try:
                return self._once(differing)
            except NotAsRecordedError as error:
                if error.files.keys() <= differing.keys():
                    raise
                differing |= error.files
                shutil.rmtree(self._root)
                shutil.rmtree(self._beside)

    @property
    def _root(self) -> Path:
        return self.work / "root"

    @property
    def _beside(self) -> Path:
        return self.work / "beside"

    def _once(self, differing: Mapping[str, Sequence[str]]) -> Packed:
        plan, contents, root = self.plan, self.plan.contents, self._root
        self._beside.mkdir()
        installed, recorded = self._installed(differing)
        if contents.provided_by_runtime:
            refuse_conflicts(root, installed, plan.target, left_out=plan.left_out, versions=self.runtime_versions)
        listed = components(root, installed, wheels=self.wheels)  # before `exclude` takes metadata
        pruned = prune(root, installed, exclude=contents.exclude, slim=contents.slim)
        finished = pruned.tree
        if installed.files and not finished.files:
            raise BuildError("exclude leaves nothing of the layer", fix="name less in exclude=[...]")
        if contents.strip:
            recorded.refuse(recorded.differing(root, [file.path for file in finished.files]))
            recorded = Recorded()  # it is changed now
            finished = strip(root, finished)
        if contents.bytecode:
            interpreter = interpreters.find(contents.bytecode, run=self.run)
            finished = compile_tree(root, finished, interpreter, site=SITE, run=self.run)
        if plan.own:
            finished = tree.with_run_bits(finished, plan.own.run_bits)
        left = {installed.owners.get(file.path) for file in finished.files}
        listed = tuple(component for component in listed if component.name in left)
        record.write(
            self._beside, root, finished, plan.target, digest=plan.digest, listed=listed, unmatched=pruned.unmatched
        )
        written = archive.write_zip(root, finished, self.work / "layer.zip", recorded=recorded)
        shutil.rmtree(root)
        missing = {wheel.name for wheel in self.wheels} - installed.sizes.keys()
        if missing:
            raise BuildError(f"uv installed nothing for {', '.join(sorted(missing))}")
        return Packed(tree=finished, archive=written)

    def _installed(self, differing: Mapping[str, Sequence[str]]) -> tuple[Tree, Recorded]:
        """The tree as it was installed, and what its files are to be compared with."""
        root, installer = self._root, self.installer
        if self.wheels:
            installer.install(self.wheels, into=root / SITE)
        if differing:
            edited = {wheel: differing[wheel.name] for wheel in self.wheels if wheel.name in differing}
            installer.install_anew(edited, into=root / SITE)
        if self.plan.own:
            place(self.plan.own, root)
        for name in differing:
            installer.forget(name)  # before any is installed once more
        installed = self._settled(tree.normalise(root, site=SITE))
        if not installer.keeps_unpacked:
            return installed, Recorded()
        recorded = Recorded(digests=installed.recorded, owners=installed.owners)
        fresh = recorded.of(differing)
        careless = recorded.by_owner(fresh.differing(root, fresh.digests))
        for name in sorted(differing.keys() - careless.keys()):
            paths = ", ".join(differing[name][:3])
            self.report(f"{name} in uv's cache had changed files: it was fetched anew ({paths})")
        return installed, recorded.of(installed.sizes.keys() - careless.keys())

    def _settled(self, installed: Tree) -> Tree:
        """Where several wheels bring one path, the last by name wins: uv installs side by side, chance would decide."""
        rivals = {name for names in installed.contested.values() for name in names}
        if not rivals:
            return installed
        for wheel in sorted((wheel for wheel in self.wheels if wheel.name in rivals), key=lambda wheel: wheel.name):
            self.installer.install([wheel], into=self._root / SITE, again=True)
        return tree.normalise(self._root, site=SITE)
