"""Which layers a function has: one answer for the whole library.

It is read from templates, so it doesn't matter how a layer came to a function: ``layers=[...]``, ``add_layers``, an
escape hatch or a function that another construct made. What CloudFormation decides when it deploys is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from layer_constructs.layers.templates import FUNCTIONS, LAYER_VERSION, Resource, Template

# A layer version's ARN, in any partition; some of AWS have no region and no account.
_ARN = re.compile(r"arn:[^:]+:lambda:[^:]*:[^:]*:[^:]*layer:[^:]+(?::\d+)?")

# References lead from stack to stack; more steps than this are a circle.
_MOST_STEPS = 50


class FunctionLayer(NamedTuple):
    """One layer of a function: declared in this app, known by its ARN, or neither.

    :param value: as it stands in the function's template.
    """

    value: Any
    declared: Resource | None = None
    arn: str | None = None

    @property
    def is_known(self) -> bool:
        return self.declared is not None or self.arn is not None


class LambdaFunction(NamedTuple):
    """:param layers: in the order in which Lambda lays them over ``/opt``; None if only the deployment tells."""

    resource: Resource
    layers: tuple[FunctionLayer, ...] | None


def functions_of(templates: Iterable[Template]) -> Iterator[LambdaFunction]:
    """Every function that is declared in these templates, with its layers."""
    references = References(templates)
    for template in references.templates:
        for resource in template.of_type(*FUNCTIONS):
            listed = resource.properties.get("Layers", [])
            layers = tuple(references.layer(template, value) for value in listed) if isinstance(listed, list) else None
            yield LambdaFunction(resource=resource, layers=layers)


class References:
    def __init__(self, templates: Iterable[Template]) -> None:
        self.templates = tuple(templates)
        self._nested = {(t.parent[0].name, t.parent[1]): t for t in self.templates if t.parent}

    def layer(self, template: Template, value: object) -> FunctionLayer:
        where: Template | None = template
        current = value
        for _ in range(_MOST_STEPS):
            if where is None:
                break
            if isinstance(current, str):
                return FunctionLayer(value=value, arn=current if _ARN.fullmatch(current) else None)
            match current:
                case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), "LayerVersionArn"]} if name in where.resources:
                    resource = where.resource(name)
                    is_layer = resource is not None and resource.type == LAYER_VERSION
                    return FunctionLayer(value=value, declared=resource if is_layer else None)
                case {"Ref": str(name)}:
                    where, current = self._passed(where, name)
                case {"Fn::GetAtt": [str(name), str(attribute)]}:
                    where, current = self._output(self._nested.get((where.name, name)), attribute)
                case {"Fn::ImportValue": exported}:
                    where, current = self._exported(where.assembly, exported)
                case {"Fn::GetStackOutput": {"OutputName": str(name)}}:
                    where, current = self._weak(where.assembly, name)
                case _:
                    break
        return FunctionLayer(value=value)

    def _passed(self, template: Template, parameter: str) -> tuple[Template | None, Any]:
        """What a nested stack is given for a parameter; for any other stack, who deploys it decides."""
        if template.parent is None:
            return None, None
        above, logical_id = template.parent
        nested = above.resource(logical_id)
        return above, (nested.properties.get("Parameters") or {}).get(parameter) if nested else None

    def _output(self, nested: Template | None, attribute: str) -> tuple[Template | None, Any]:
        output = nested.outputs.get(attribute.removeprefix("Outputs.")) if nested else None
        return (nested, output.get("Value")) if output else (None, None)

    def _exported(self, assembly: str, name: object) -> tuple[Template | None, Any]:
        found = [
            (template, output.get("Value"))
            for template in self.templates
            if template.assembly == assembly
            for output in template.outputs.values()
            if (output.get("Export") or {}).get("Name") == name
        ]
        return found[0] if len(found) == 1 else (None, None)

    def _weak(self, assembly: str, name: str) -> tuple[Template | None, Any]:
        """A reference without an export; the CDK's names of such outputs carry the path they are of."""
        found = [
            (template, template.outputs[name].get("Value"))
            for template in self.templates
            if template.assembly == assembly and name in template.outputs
        ]
        return found[0] if len(found) == 1 else (None, None)
