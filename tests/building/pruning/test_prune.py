"""What leaves a tree, and what stays: with small wheels."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from layer_constructs.building import tree
from layer_constructs.building.pruning.prune import prune
from layer_constructs.building.pruning.savings import savings
from layer_constructs.building.tree import Tree
from tests.support.wheels import make_wheel

ARCHIVE = b"!<arch>\nobjects"

FILES = {
    "pkg/__init__.py": b"from .tests.runner import run\n",
    "pkg/__init__.pyi": b"x: int\n",
    "pkg/py.typed": b"",
    "pkg/tests/__init__.py": b"",
    "pkg/tests/runner.py": b"from pkg.sub.tests import (\n    data,\n)\n",
    "pkg/sub/__init__.py": b"",
    "pkg/sub/tests/__init__.py": b"",
    "pkg/sub/tests/data.py": b"data = 1\n",
    "pkg/other/__init__.py": b"# from .tests import nothing\ntests = 1\n",
    "pkg/other/tests/test_a.py": b"from pkg.tests import runner\n",
    "pkg/other/tests/data/big.json": b"{}" * 1000,
    "pkg/test/__init__.py": b"",
    "pkg/tests.py": b"",
    "pkg/native.c": b"int x;",
    "pkg/native.h": b"int x;",
    "pkg/read.py": b"OPEN = 'cdef.h'\n",
    "pkg/cdef.h": b"int y;",
    "pkg/include/pkg/api.hpp": b"int z;",
    "pkg/lib/libx.a": ARCHIVE,
    "pkg/lib/data.a": b"not an archive",
    "lazy/__init__.py": b"import lazy_loader\nlazy_loader.attach_stub(__name__, __file__)\n",
    "lazy/__init__.pyi": b"from .a import b\n",
    "jedi/typeshed/os.pyi": b"x: int\n",
}

GONE = {
    "pkg/__init__.pyi",
    "pkg/py.typed",
    "pkg/other/tests/test_a.py",
    "pkg/other/tests/data/big.json",
    "pkg/native.c",
    "pkg/native.h",
    "pkg/include/pkg/api.hpp",
    "pkg/lib/libx.a",
}


def installed(root: Path, wheels: Path) -> Tree:
    import zipfile

    for wheel in (make_wheel(wheels, "pkg", "1.0", files=FILES), make_wheel(wheels, "small", "2.0")):
        zipfile.ZipFile(wheel).extractall(root / "python")
    return tree.normalise(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def full(root: Path, tmp_path: Path) -> Tree:
    return installed(root, tmp_path / "wheels")


def below(root: Path) -> set[str]:
    return {p.relative_to(root / "python").as_posix() for p in root.rglob("*") if p.is_file()}


def test_slim_drops_what_nothing_reads_and_keeps_what_something_does(root: Path, full: Tree) -> None:
    before = below(root)
    prune(root, full, slim=True)
    assert before - below(root) == GONE


def test_a_pruned_tree_is_what_normalise_gives_and_its_records_list_what_is_left(root: Path, full: Tree) -> None:
    pruned = prune(root, full, slim=True).tree
    assert pruned == tree.normalise(root)
    assert pruned.sizes["pkg"] == full.sizes["pkg"] - sum(f.size for f in full.files if f.path[7:] in GONE) - (
        sum(f.size for f in full.files if f.path.endswith("pkg-1.0.dist-info/RECORD"))
        - (root / "python/pkg-1.0.dist-info/RECORD").stat().st_size
    )
    rows = list(csv.reader((root / "python/pkg-1.0.dist-info/RECORD").read_text().splitlines()))
    assert {row[0] for row in rows} == {p for p in below(root) if not p.startswith("small")}


def test_empty_folders_go_too(root: Path, full: Tree) -> None:
    prune(root, full, slim=True)
    assert not (root / "python/pkg/include").exists()
    assert not (root / "python/pkg/other/tests").exists()


def test_nothing_chosen_changes_nothing(root: Path, full: Tree) -> None:
    assert prune(root, full).tree is full


def test_a_glob_that_matches_nothing_is_reported(root: Path, full: Tree) -> None:
    assert prune(root, full, exclude=["small.py", "smal", "smal"]).unmatched == ("smal",)
    assert "small.py" not in below(root)


def test_a_package_may_go_whole_and_is_still_known_as_installed(root: Path, full: Tree) -> None:
    pruned = prune(root, full, exclude=["small*"]).tree
    assert pruned.sizes["small"] == 0
    assert not any("small" in path for path in below(root))


def test_what_slim_would_save_is_what_it_saves(root: Path, full: Tree) -> None:
    estimate = savings(root, full).slim
    assert estimate == sum(f.size for f in full.files if f.path[7:] in GONE)
    assert savings(root, prune(root, full, slim=True).tree).slim == 0


def test_files_outside_the_packages_stay(root: Path, full: Tree) -> None:
    (root / "lib").mkdir()
    (root / "lib/x.h").write_text("int x;")
    prune(root, tree.normalise(root), slim=True, exclude=["*.h"])
    assert (root / "lib/x.h").exists()
