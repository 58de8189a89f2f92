"""What a change does, package by package."""

from __future__ import annotations

import json

from layer_constructs.inspection.comparison import Side, SidePackage, as_json, compare


def side(packages: dict[str, SidePackage], *, size: int | None = None, known: bool = False) -> Side:
    return Side(label="req.txt", target="python3.13/x86_64", packages=packages, size=size, contents_known=known)


def test_tells_what_came_what_went_and_what_moved() -> None:
    before = {name: SidePackage(version="1.9") for name in ("gone", "up", "down", "stays", "odd")}
    after = {
        "new": SidePackage(version="1.0"),
        "up": SidePackage(version="1.10"),
        "down": SidePackage(version="1.8"),
        "stays": SidePackage(version="1.9"),
        "odd": SidePackage(version="what"),
    }

    found = compare(side(before), side(after))

    assert [(change.name, change.kind) for change in found.changes] == [
        ("new", "added"), ("gone", "removed"), ("up", "upgraded"), ("down", "downgraded"), ("odd", "changed"),
    ]  # fmt: skip
    assert found.size_difference is None


def test_sizes_and_licences_are_compared_where_both_sides_know_them() -> None:
    before = {"a": SidePackage(version="1", size=100, license="MIT"), "b": SidePackage(version="1", size=5)}
    after = {"a": SidePackage(version="1", size=100, license="GPL-3.0-only"), "b": SidePackage(version="1", size=9)}

    found = compare(side(before, size=105, known=True), side(after, size=109, known=True))

    assert [(c.name, c.kind, c.license_changed, c.size_difference) for c in found.changes] == [
        ("a", "same", True, 0), ("b", "same", False, 4),
    ]  # fmt: skip
    assert found.size_difference == 4


def test_a_lock_that_knows_no_licence_is_no_change_of_licence() -> None:
    with_licence = {"a": SidePackage(version="1", size=100, license="MIT")}

    assert compare(side({"a": SidePackage(version="1")}), side(with_licence, size=100, known=True)).changes == ()


def test_json_has_both_sides() -> None:
    found = compare(side({}), side({"a": SidePackage(version="1", size=7)}, size=7))

    document = json.loads(as_json(found))

    assert document["schema"] == 1
    assert document["changes"] == [
        {
            "name": "a", "kind": "added", "before": None, "after": {"version": "1", "size": 7, "license": None},
            "license_changed": False, "size_difference": 7,
        }
    ]  # fmt: skip
