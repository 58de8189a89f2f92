"""Inspections as JSON, for other programs: keys are added to, and change their meaning only with ``schema``.

``schema`` is 1. ``layers`` has one entry for each path, in the order in which they were named::

    path                  as it was named
    runtime, architecture what it was compared with, such as python3.13 and x86_64
    target_is_guessed     whether that was read off the files, because no option named it
    size, limit           bytes, unzipped, and how many Lambda takes
    packages              the largest first: name, version (empty if unknown), size (bytes), files (how many),
                          license (an SPDX expression, or null), license_said (what the metadata say, or null),
                          native (has compiled files), glibc (the newest version these need, such as "2.28", or null)
    findings              rule, package (or null), path, text: what keeps it from working on the target
    unowned               size (bytes) and files (path, size; the largest first) that belong to no package
    savings               bytes that slim, strip, provided_by_runtime and no bytecode would take off, about
    notes                 texts for people
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from layer_constructs.building.size import LIMIT
from layer_constructs.inspection.inspection import Inspection

SCHEMA = 1


def as_json(inspections: Sequence[Inspection]) -> str:
    """The text, of which the same layers always get the same."""
    return json.dumps({"schema": SCHEMA, "layers": [_layer(each) for each in inspections]}, indent=2)


def _layer(inspection: Inspection) -> dict[str, Any]:
    unowned = inspection.unowned
    return {
        "path": inspection.label,
        "runtime": inspection.target.runtime,
        "architecture": inspection.target.architecture,
        "target_is_guessed": inspection.is_guessed,
        "size": inspection.size,
        "limit": LIMIT,
        "packages": [asdict(package) for package in inspection.packages],
        "findings": [finding._asdict() for finding in inspection.findings],
        "unowned": {
            "size": sum(file.size for file in unowned),
            "files": [{"path": file.path, "size": file.size} for file in unowned],
        },
        "savings": inspection.savings._asdict(),
        "notes": list(inspection.notes),
    }
