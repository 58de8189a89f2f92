"""The components of a layer -> a CycloneDX document.

Written here and not with a library, so that the same layer gives the same bytes whatever version of one is installed.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from typing import Any

from layer_constructs.building.inventory.components import Component

# https://cyclonedx.org/docs/1.6/json/, the same as ECMA-424.
SPEC_VERSION = "1.6"

# Of this project's own choice: two layers, or one layer described in another way, get other serial numbers.
_NAMESPACE = uuid.UUID("0b6e1f0e-6f0c-4b52-9d3e-5f1b8a3c7d21")
_LAYER = "layer"


def sbom(components: Sequence[Component], *, digest: str) -> str:
    """The CycloneDX document in JSON: the same for the same components, wherever and whenever it is made.

    It has no time in it, and its serial number comes from the layer's digest and from what it says.

    :param components: as :func:`components` gives them.
    :param digest: of the layer.
    """
    listed = [_component(component) for component in sorted(components, key=lambda each: each.purl)]
    layer = {"type": "application", "bom-ref": _LAYER, "name": "lambda-layer", "version": digest}
    serial = uuid.uuid5(_NAMESPACE, digest + json.dumps(listed, sort_keys=True))
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": serial.urn,
        "version": 1,
        "metadata": {
            # Without its version: that would change the document of a layer that stays the same.
            "tools": {"components": [{"type": "library", "name": "layer-constructs"}]},
            "component": layer,
        },
        "components": listed,
        "dependencies": [{"ref": _LAYER, "dependsOn": [component["bom-ref"] for component in listed]}],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _component(component: Component) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "type": "library",
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version or None,
        "description": component.summary,
        "hashes": [{"alg": "SHA-256", "content": component.sha256}] if component.sha256 else None,
        "licenses": _licenses(component),
        "purl": component.purl,
        "externalReferences": [{"type": "website", "url": component.homepage}] if component.homepage else None,
        "properties": [{"name": "layer-constructs:wheel", "value": component.filename}] if component.filename else None,
    }
    return {key: value for key, value in parts.items() if value is not None}


def _licenses(component: Component) -> list[dict[str, Any]] | None:
    if component.license is None:
        said = component.license_said
        return [{"license": {"name": said, "acknowledgement": "declared"}}] if said else None
    # The schema lists identifiers; everything else, `Apache-2.0+` too, is an expression.
    if re.fullmatch(r"(?!LicenseRef-)[\w.-]+", component.license):
        return [{"license": {"id": component.license, "acknowledgement": "declared"}}]
    return [{"expression": component.license, "acknowledgement": "declared"}]
