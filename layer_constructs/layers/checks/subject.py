"""A function and its layers, with what is known of their content and how they are called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from layer_constructs.layers.checks.content import Content, content_of
from layer_constructs.layers.checks.surely import Surely
from layer_constructs.layers.of_function import FunctionLayer, LambdaFunction
from layer_constructs.layers.templates import Resource, Template, asset_hash


class Names(Protocol):
    """The seam to the construct tree; asked only when there is something to say."""

    def path(self, resource: Resource, /) -> str: ...

    def origin(self, resource: Resource, /) -> str | None: ...


class Subjects:
    """What the rules are asked about.

    :param ours: by the hash of its asset, every layer of this library in the app.
    :param outdir: where the app's assets are.
    """

    def __init__(
        self, *, templates: Mapping[str, Template], ours: Mapping[str, Surely], outdir: Path, names: Names
    ) -> None:
        self.templates = templates
        self.ours = ours
        self.outdir = outdir
        self.names = names
        self._contents: dict[str, Content | None] = {}

    def uses_ours(self, function: LambdaFunction) -> bool:
        return any(each.declared is not None and self.is_ours(each.declared) for each in function.layers or ())

    def is_ours(self, layer: Resource) -> bool:
        return asset_hash(layer.properties.get("Content")) in self.ours

    def code_of(self, function: Resource) -> Content | None:
        code = function.properties.get("Code")
        return self._content(code) if isinstance(code, Mapping) else None

    def content_of(self, layer: FunctionLayer) -> Content | None:
        content = layer.declared.properties.get("Content") if layer.declared else None
        return self._content(content) if isinstance(content, Mapping) else None

    def _content(self, value: Mapping[str, object]) -> Content | None:
        named = asset_hash(value)
        if named is None:
            return content_of(value, self.outdir)
        if named not in self._contents:
            known = self.ours.get(named)
            if known is None:
                self._contents[named] = content_of(value, self.outdir)
            elif known.size is None:
                self._contents[named] = None
            else:
                zipped, folder = self.outdir / f"asset.{named}.zip", self.outdir / f"asset.{named}"
                path = zipped if zipped.exists() else folder
                self._contents[named] = Content(path, size=known.size, packages=known.packages)
        return self._contents[named]

    def label(self, layer: FunctionLayer) -> str:
        """How a layer is called in ids and texts."""
        if layer.declared:
            return self.names.path(layer.declared)
        return layer.arn or "a layer that is known only when it is deployed"

    def described(self, layer: FunctionLayer) -> str:
        """With the line that made it."""
        origin = self.names.origin(layer.declared) if layer.declared else None
        return f"{self.label(layer)} ({origin})" if origin else self.label(layer)
