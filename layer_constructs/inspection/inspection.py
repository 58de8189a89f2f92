"""A layer's folder -> what it holds, what it needs, and what is wrong with it."""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from layer_constructs.building.audit.audit import audit
from layer_constructs.building.audit.finding import Finding
from layer_constructs.building.elf import Elf, read_elf
from layer_constructs.building.inventory.clean import one_line
from layer_constructs.building.inventory.components import Component, components
from layer_constructs.building.progress import megabytes
from layer_constructs.building.pruning.savings import savings
from layer_constructs.building.size import Savings
from layer_constructs.building.target import DEFAULT_ARCHITECTURE, DEFAULT_RUNTIME, RUNTIMES, ArchitectureName, Target
from layer_constructs.building.tree import Tree
from layer_constructs.inspection.reading import Folder, read_folder
from layer_constructs.inspection.unpacking import Link

# Less is not worth a line, in bytes.
_NOTEWORTHY = 1_000_000

_NEVER_COMPILED = (".py", ".pyi", ".pyc", ".txt", ".json", ".h", ".hpp")
_MAGIC = b"\x7fELF"

_ARCHITECTURE_OF: Mapping[str, ArchitectureName] = {"x86_64": "x86_64", "aarch64": "arm64"}
_TELLS_PYTHON = re.compile(r"\.cpython-3(?P<extension>\d+)[.-]|/lib/python3\.(?P<folder>\d+)/site-packages/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One distribution in a layer.

    :param size: bytes of its files.
    :param license: an SPDX expression; None if it isn't known, and then ``license_said`` is what its metadata say.
    :param native: whether any of it is compiled.
    :param glibc: the newest version that its compiled files need, such as ``2.28``; None if they need none.
    """

    name: str
    version: str
    size: int
    files: int
    license: str | None = None
    license_said: str | None = None
    native: bool = False
    glibc: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InspectedFile:
    """One file: path in the layer, bytes, and the package whose it is."""

    path: str
    size: int
    package: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """What is known of a layer.

    :param label: what the user calls it.
    :param is_guessed: the target was read off the files.
    :param packages: the largest first.
    :param files: with paths below what the user named, as the findings have them.
    :param notes: what the user should know besides.
    :param savings: what this library's ways of making a layer smaller would take off.
    """

    label: str
    target: Target
    is_guessed: bool
    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]
    files: tuple[InspectedFile, ...]
    notes: tuple[str, ...] = ()
    savings: Savings = field(default_factory=Savings)

    @property
    def size(self) -> int:
        """Bytes of all files: what counts against Lambda's limit."""
        return sum(file.size for file in self.files)

    @property
    def unowned(self) -> tuple[InspectedFile, ...]:
        """The files that belong to no package, the largest first."""
        return tuple(sorted((f for f in self.files if f.package is None), key=lambda file: (-file.size, file.path)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The target that a user names; None where it is to be read off the files."""

    runtime: str | None = None
    architecture: ArchitectureName | None = None


def inspect_folder(
    path: Path,
    *,
    label: str,
    wanted: Wanted,
    outside: Sequence[Link] = (),
    notes: Sequence[str] = (),
    audited: bool = True,
) -> Inspection:
    """Look at a folder.

    :param outside: links of the zip that it was unpacked from, which were not made.
    :param audited: look for findings too.
    :raises ArgumentError: if it can't be read, or holds nothing.
    """
    folder = read_folder(path)
    tree, root = folder.tree, folder.root
    compiled = _compiled(root, tree)
    target, is_guessed = _target(folder, compiled, wanted)
    above = f"{folder.sites[0]}/" if folder.is_bare else ""
    owner_of = tree.owners.get
    found = _findings(folder, target) if audited else set()
    found |= {
        Finding(
            rule="outside-link",
            package=owner_of(f"{above}{link.path}"),
            path=link.path,
            text=f"is a symbolic link to {one_line(link.target)}, which is not in the layer",
        )
        for link in outside
        if audited
    }

    def below(finding: Finding) -> Finding:
        return finding._replace(path=finding.path.removeprefix(above))

    notes = list(notes)
    if folder.is_bare and path.name not in {"python", "site-packages"}:
        notes.append("its packages lie at its root: right for a function's code, while a layer needs them in python/")
    return Inspection(
        label=label,
        target=target,
        is_guessed=is_guessed,
        packages=_packages(folder, compiled),
        findings=tuple(sorted((below(finding) for finding in found), key=_order)),
        files=tuple(
            InspectedFile(path=file.path.removeprefix(above), size=file.size, package=owner_of(file.path))
            for file in tree.files
        ),
        notes=tuple(notes),
        savings=_savings(folder) if audited else Savings(),
    )


def _findings(folder: Folder, target: Target) -> set[Finding]:
    return {found for site in folder.sites for found in audit(folder.root, folder.tree, target, site=site)}


def _savings(folder: Folder) -> Savings:
    files = tuple(file for file in folder.tree.files if not (folder.root / file.path).is_symlink())
    return savings(folder.root, replace(folder.tree, files=files), site=folder.sites[0])


def _compiled(root: Path, tree: Tree) -> dict[str, Elf]:
    found: dict[str, Elf] = {}
    for file in tree.files:
        if file.size < len(_MAGIC) or file.path.endswith(_NEVER_COMPILED) or (root / file.path).is_symlink():
            continue
        with (root / file.path).open("rb") as stream:
            if stream.read(len(_MAGIC)) == _MAGIC:
                stream.seek(0)
                elf = read_elf(stream)
                if elf:
                    found[file.path] = elf
    return found


def _target(folder: Folder, compiled: Mapping[str, Elf], wanted: Wanted) -> tuple[Target, bool]:
    """The target that the user names, or else the one that most files are for."""
    machines = Counter(_ARCHITECTURE_OF[elf.machine] for elf in compiled.values() if elf.machine in _ARCHITECTURE_OF)
    told = (_TELLS_PYTHON.search(f"/{file.path}") for file in folder.tree.files)
    minors = Counter(f"python3.{match['extension'] or match['folder']}" for match in told if match)
    runtimes = [runtime for runtime, _ in minors.most_common() if runtime in RUNTIMES]
    usual: ArchitectureName = next((architecture for architecture, _ in machines.most_common()), DEFAULT_ARCHITECTURE)
    target = Target(wanted.runtime or next(iter(runtimes), DEFAULT_RUNTIME), wanted.architecture or usual)
    return target, wanted.runtime is None or wanted.architecture is None


def _packages(folder: Folder, compiled: Mapping[str, Elf]) -> tuple[Package, ...]:
    tree = folder.tree
    counts = Counter(tree.owners.values())
    native = {tree.owners.get(path) for path in compiled}
    newest: dict[str | None, tuple[int, ...]] = {}
    for path, elf in compiled.items():
        owner = tree.owners.get(path)
        for version in elf.versions:
            if version.family == "GLIBC":
                newest[owner] = max(newest.get(owner, ()), version.number)

    def described(component: Component) -> Package:
        name = component.name
        return Package(
            name=name,
            version=component.version,
            size=tree.sizes.get(name, 0),
            files=counts[name],
            license=component.license,
            license_said=component.license_said or None,
            native=name in native,
            glibc=".".join(map(str, newest[name])) if newest.get(name) else None,
        )

    listed = [
        described(component)
        for site in folder.sites
        for component in components(folder.root, _readable(folder.root, tree, site), site=site)
    ]
    return tuple(sorted(listed, key=lambda package: (-package.size, package.name)))


def _readable(root: Path, tree: Tree, site: str) -> Tree:
    """Without metadata that are a link or a device: reading them may lead anywhere, or never end."""
    infos = {
        folder
        for folder in (file.path.rpartition("/")[0] for file in tree.files)
        if folder.endswith(".dist-info") and folder.rpartition("/")[0] == site
    }
    odd = {info for info in infos if not _is_file_or_missing(root / info / "METADATA")}
    if not odd:
        return tree
    return replace(tree, files=tuple(file for file in tree.files if file.path.rpartition("/")[0] not in odd))


def _is_file_or_missing(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return True


def grouped(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings of one package and one rule together: a package is often wrong in one way in many files."""
    groups: dict[tuple[str | None, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.package, finding.rule), []).append(finding)
    return list(groups.values())


def _order(finding: Finding) -> tuple[str, str, str, str]:
    return finding.package or "", finding.path, finding.rule, finding.text


def choices(saved: Savings) -> list[str]:
    """What would make it smaller, one line each."""
    offered = (
        (saved.slim, "slim=True"),
        (saved.strip, "strip=True"),
        (saved.provided_by_runtime, "provided_by_runtime=True"),
    )
    return [f"{choice} would save about {megabytes(size)}" for size, choice in offered if size >= _NOTEWORTHY]
