"""Boxes fill their area, don't overlap, and are as large as what they stand for."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layer_constructs.building.target import Target
from layer_constructs.inspection.inspection import InspectedFile, Inspection
from layer_constructs.inspection.treemap import NO_PACKAGE, Node, lay_out, nodes_of, squarified


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=40),
    st.floats(10, 2000),
    st.floats(10, 2000),
)
def test_rectangles_fill_the_area_in_proportion(sizes: list[int], width: float, height: float) -> None:
    sizes = sorted(sizes, reverse=True)

    rectangles = squarified(sizes, width, height)

    total, near = sum(sizes), 1e-6 * max(width, height)
    for size, (x, y, w, h) in zip(sizes, rectangles, strict=True):
        assert w * h == pytest.approx(size * width * height / total, rel=1e-6, abs=near * near)
        assert min(x, y) >= -near
        assert x + w <= width + near
        assert y + h <= height + near
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(rectangles, 2):
        assert x1 + w1 <= x2 + near or x2 + w2 <= x1 + near or y1 + h1 <= y2 + near or y2 + h2 <= y1 + near


def test_boxes_of_like_sizes_are_nearly_square() -> None:
    for _, _, width, height in squarified([10.0] * 12, 1200, 720):
        assert 0.5 < width / height < 2


def test_packages_hold_their_folders_and_these_their_files() -> None:
    sizes = {
        "python/numpy/_core/umath.so": ("numpy", 500),
        "python/numpy/_core/a.py": ("numpy", 100),
        "python/numpy/version.py": ("numpy", 50),
        "python/numpy.libs/blas.so": ("numpy", 300),
        "python/numpy-2.0.dist-info/licenses/LICENSE": ("numpy", 10),
        "python/six.py": ("six", 40),
        "bin/tool": (None, 30),
    }
    files = tuple(InspectedFile(path=path, size=size, package=package) for path, (package, size) in sizes.items())
    inspection = Inspection(label="l", target=Target(), is_guessed=False, packages=(), findings=(), files=files)

    nodes = nodes_of(inspection)

    assert [(node.name, node.size, node.count) for node in nodes] == [
        ("numpy", 960, 5), ("six", 40, 1), (NO_PACKAGE, 30, 1),
    ]  # fmt: skip
    assert [(part.name, part.size) for part in nodes[0].children] == [
        ("_core/", 600), ("numpy.libs/", 300), ("numpy/", 50), ("numpy-2.0.dist-info/licenses/", 10),
    ]  # fmt: skip
    assert [file.name for file in nodes[0].children[0].children] == ["umath.so", "a.py"]


def test_what_is_too_small_to_be_seen_is_one_box() -> None:
    files = [InspectedFile(path="python/a/big.bin", size=10**6, package="a")]
    files += [InspectedFile(path=f"python/a/{n}.py", size=10, package="a") for n in range(500)]
    inspection = Inspection(label="l", target=Target(), is_guessed=False, packages=(), findings=(), files=tuple(files))

    [node] = nodes_of(inspection)

    assert [(child.name, child.size) for child in node.children[0].children] == [
        ("big.bin", 10**6), ("500 other files", 5000),
    ]  # fmt: skip


def test_empty_files_take_no_box() -> None:
    assert [box.node.name for box in lay_out([Node(name="a", size=3), Node(name="b", size=0)])] == ["a"]
