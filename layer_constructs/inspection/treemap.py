"""What takes the space, as boxes whose areas are sizes: packages, in them their folders, in these the files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from layer_constructs.inspection.inspection import Inspection

# In the units of the page at its usual width; the page scales boxes, and their heads stay as they are.
WIDTH, HEIGHT = 1200.0, 720.0
HEAD, EDGE = 20.0, 2.0

# What is smaller than this share of all goes into one box with others: it couldn't be seen, nor read.
_SMALLEST = 0.0015
_INNER = (70.0, 56.0)  # a box that is smaller shows nothing inside

NO_PACKAGE = "no package"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """Something that has a size in bytes.

    :param count: of the files in it.
    """

    name: str
    size: int
    count: int = 1
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """Where a node lies, in percent of the box around it."""

    node: Node
    left: float
    top: float
    width: float
    height: float
    has_label: bool
    inner: tuple[Box, ...] = field(default=())


def nodes_of(inspection: Inspection) -> tuple[Node, ...]:
    """Packages, the largest first, each with its folders, and these with their files."""
    packages: dict[str, dict[str, list[tuple[str, int]]]] = {}
    for file in inspection.files:
        part, name = _part(file.path)
        packages.setdefault(file.package or NO_PACKAGE, {}).setdefault(part, []).append((name, file.size))
    smallest = inspection.size * _SMALLEST
    return _largest((_package(name, parts, smallest) for name, parts in packages.items()), 0)


def lay_out(nodes: Sequence[Node], width: float = WIDTH, height: float = HEIGHT) -> tuple[Box, ...]:
    """Boxes that fill an area, each as square as can be (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000)."""
    nodes = [node for node in nodes if node.size > 0]
    boxes = []
    for node, (x, y, w, h) in zip(nodes, squarified([node.size for node in nodes], width, height), strict=True):
        inner: tuple[Box, ...] = ()
        if len(node.children) > 1 and w >= _INNER[0] and h >= _INNER[1]:
            inner = lay_out(node.children, w - 2 * EDGE, h - HEAD - EDGE)
        boxes.append(
            Box(
                node=node,
                left=100 * x / width,
                top=100 * y / height,
                width=100 * w / width,
                height=100 * h / height,
                has_label=w >= 36 and h >= 18,
                inner=inner,
            )
        )
    return tuple(boxes)


def squarified(sizes: Sequence[float], width: float, height: float) -> list[tuple[float, float, float, float]]:
    """Left, top, width and height for each size, of an area that they fill; sizes are sorted, the largest first."""
    total = sum(sizes)
    areas = [size * width * height / total for size in sizes]
    rectangles: list[tuple[float, float, float, float]] = []
    x = y = 0.0
    start = 0
    while start < len(areas):
        w, h = width - x, height - y
        side = min(w, h)
        end, row = start + 1, areas[start]
        worst = _worst(areas[start:end], row, side)
        while end < len(areas):
            wider = row + areas[end]
            now = _worst([areas[start], areas[end]], wider, side)
            if now > worst:
                break
            end, row, worst = end + 1, wider, now
        thickness = row / side if end < len(areas) else max(w, h)  # the last row takes what rounding left
        along = 0.0
        for area in areas[start:end]:
            length = side * area / row
            if w >= h:
                rectangles.append((x, y + along, thickness, length))
            else:
                rectangles.append((x + along, y, length, thickness))
            along += length
        x, y = (x + thickness, y) if w >= h else (x, y + thickness)
        start = end
    return rectangles


def _worst(row: Sequence[float], total: float, side: float) -> float:
    """The least square of a row's boxes: only its largest and its smallest can be that."""
    return max(max(side * side * area / total**2, total**2 / (side * side * area)) for area in (row[0], row[-1]))


def _part(path: str) -> tuple[str, str]:
    """`numpy/_core` and `umath.so` of `python/numpy/_core/umath.so`."""
    below = path.partition("/site-packages/")[2] or path.removeprefix("python/")
    names = below.split("/")
    folder = names[: min(2, len(names) - 1)]
    return "/".join(folder), "/".join(names[len(folder) :])


def _package(name: str, parts: dict[str, list[tuple[str, int]]], smallest: float) -> Node:
    tops = {
        top for top, slash, _ in (part.partition("/") for part in parts) if slash and not top.endswith(".dist-info")
    }
    common = f"{tops.pop()}/" if len(tops) == 1 else ""  # said by the package's name, and there is little room
    nodes: list[Node] = []
    for part, files in parts.items():
        children = tuple(Node(name=file, size=size) for file, size in files)
        if part == "":
            nodes += children
        else:
            nodes.append(_sum(f"{part.removeprefix(common)}/", _largest(children, smallest)))
    return _sum(name, _largest(nodes, smallest))


def _sum(name: str, children: tuple[Node, ...]) -> Node:
    return Node(name=name, size=sum(n.size for n in children), count=sum(n.count for n in children), children=children)


def _largest(nodes: Iterable[Node], smallest: float) -> tuple[Node, ...]:
    """Sorted, with what is too small to be seen as one."""
    ordered = sorted(nodes, key=lambda node: (-node.size, node.name))
    small = [node for node in ordered if node.size < smallest]
    if len(small) < 2:
        return tuple(ordered)
    count = sum(node.count for node in small)
    rest = Node(name=f"{count:,} other files", size=sum(node.size for node in small), count=count)
    large = ordered[: len(ordered) - len(small)]
    return tuple(sorted([*large, rest], key=lambda node: -node.size))
