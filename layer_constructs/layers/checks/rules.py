"""The rules: each looks at one function and says what doesn't hold. What is unknown is not wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from layer_constructs.building.progress import megabytes
from layer_constructs.building.size import LIMIT
from layer_constructs.layers.checks.bootstraps import bootstrap_findings
from layer_constructs.layers.checks.content import Content
from layer_constructs.layers.checks.finding import Finding, Rule
from layer_constructs.layers.checks.subject import Subjects
from layer_constructs.layers.of_function import FunctionLayer, LambdaFunction, functions_of

# Lambda's quota "Function layers".
MOST_LAYERS = 5

# Lambda's default, where a template says nothing.
_DEFAULT_ARCHITECTURE = "x86_64"

# Of what may be many: the first ones tell what is the matter.
_SHOWN = 10


def findings_of(subjects: Subjects) -> list[Finding]:
    """What doesn't hold, for every function that has a layer of ours."""
    found: list[Finding] = []
    for function in functions_of(subjects.templates.values()):
        if subjects.uses_ours(function):
            found += _of_one(function, function.layers or (), subjects)
    return found


def _of_one(function: LambdaFunction, layers: tuple[FunctionLayer, ...], subjects: Subjects) -> Iterator[Finding]:
    refused = list(_no_layers_here(function, subjects))
    yield from refused
    if refused:
        return
    yield from _too_many(function, layers, subjects)
    yield from _there_twice(function, layers, subjects)
    yield from _too_large(function, layers, subjects)
    yield from bootstrap_findings(function, layers, subjects)
    for layer in layers:
        yield from _misfit(function, layer, subjects)
        yield from _ships_again(function, layer, subjects)
    for earlier, later in combinations(layers, 2):
        yield from _conflict(function, earlier, later, subjects)


def _no_layers_here(function: LambdaFunction, subjects: Subjects) -> Iterator[Finding]:
    resource = function.resource
    code = resource.properties.get("Code")
    path = subjects.names.path
    if resource.properties.get("PackageType") == "Image" or (isinstance(code, Mapping) and "ImageUri" in code):
        yield Finding(
            rule="no-layers-here",
            path=path(resource),
            text="a function that is a container image can't have layers",
            fix="install the packages in the image, or make the function of a zip",
        )
    elif _is_at_edge(function, subjects):
        yield Finding(
            rule="no-layers-here",
            path=path(resource),
            text="Lambda@Edge takes no layers, and its role says that it runs there",
            fix="bundle the packages with the function's code",
        )


def _is_at_edge(function: LambdaFunction, subjects: Subjects) -> bool:
    """The CDK lets ``edgelambda`` assume the role of a function that goes to CloudFront, whoever made it."""
    match function.resource.properties.get("Role"):
        case {"Fn::GetAtt": [name, "Arn"]}:
            role = subjects.templates[function.resource.template].resource(name)
            return role is not None and "edgelambda.amazonaws.com" in json.dumps(
                role.properties.get("AssumeRolePolicyDocument")
            )
    return False


def _too_many(function: LambdaFunction, layers: tuple[FunctionLayer, ...], subjects: Subjects) -> Iterator[Finding]:
    if len(layers) > MOST_LAYERS:
        yield Finding(
            rule="too-many-layers",
            path=subjects.names.path(function.resource),
            text="\n".join(
                [
                    f"it has {len(layers)} layers, and Lambda takes {MOST_LAYERS}",
                    *(subjects.described(layer) for layer in layers),
                ]
            ),
            fix="make one layer of several: one requirements file for what is used together",
        )


def _there_twice(function: LambdaFunction, layers: tuple[FunctionLayer, ...], subjects: Subjects) -> Iterator[Finding]:
    """Lambda takes one version of a layer: "Two different versions of the same layer are not allowed"."""
    known = [(_which(layer), layer) for layer in layers if layer.is_known]
    for (one, earlier), (other, later) in combinations(known, 2):
        if one == other:
            yield Finding(
                rule="layer-twice",
                path=subjects.names.path(function.resource),
                layers=tuple(dict.fromkeys((subjects.label(earlier), subjects.label(later)))),
                text=f"it has {subjects.described(later)} twice"
                if earlier.arn == later.arn
                else f"it has two versions of one layer: {earlier.arn}, {later.arn}",
                fix="take one of them out: layers=[...], add_layers and attach_to add up",
            )


def _which(layer: FunctionLayer) -> object:
    """The same for versions of one layer."""
    return layer.declared.key if layer.declared else (layer.arn or "").rpartition(":")[0]


def _too_large(function: LambdaFunction, layers: tuple[FunctionLayer, ...], subjects: Subjects) -> Iterator[Finding]:
    code = subjects.code_of(function.resource)
    contents = [subjects.content_of(layer) for layer in layers]
    sizes = [content.size if content else None for content in (code, *contents)]
    total = sum(size for size in sizes if size is not None)
    if total <= LIMIT:
        return
    names = ["its own code", *(subjects.described(layer) for layer in layers)]
    shares = [
        (f"{megabytes(size):>9}" if size is not None else "  unknown") + f"  {name}"
        for size, name in zip(sizes, names, strict=True)
    ]
    yield Finding(
        rule="too-large",
        path=subjects.names.path(function.resource),
        text="\n".join(
            [f"code and layers have {total:,} bytes unzipped, and Lambda takes {LIMIT:,} of both together", *shares]
        ),
        fix="slim=True, exclude=[...] or fewer packages in a layer, less in the code, or a container image",
    )


def _misfit(function: LambdaFunction, layer: FunctionLayer, subjects: Subjects) -> Iterator[Finding]:
    if layer.declared is None:
        return
    made_for = layer.declared.properties
    for misfit in misfits(
        function,
        runtimes=_names(made_for.get("CompatibleRuntimes")),
        architectures=_names(made_for.get("CompatibleArchitectures")),
    ):
        yield misfit.finding(
            path=subjects.names.path(function.resource),
            label=subjects.label(layer),
            described=subjects.described(layer),
        )


class Misfit(NamedTuple):
    """What of a function a layer isn't made for.

    :param own: what the function has.
    :param made_for: what the layer is made for.
    """

    rule: Rule
    own: str
    made_for: Sequence[str]
    fix: str

    def finding(self, *, path: str, label: str, described: str) -> Finding:
        """:param path: the function's.
        :param label: how the layer is called in ids.
        :param described: and in texts.
        """
        text = f"it runs on {self.own}, and {described} is made for {', '.join(self.made_for)}"
        return Finding(rule=self.rule, path=path, layers=(label,), text=text, fix=self.fix)


def misfits(function: LambdaFunction, *, runtimes: Sequence[str], architectures: Sequence[str]) -> Iterator[Misfit]:
    """:param runtimes: what the layer is made for; none if that isn't known.
    :param architectures: the same.
    """
    runtime = function.resource.properties.get("Runtime")
    if isinstance(runtime, str) and runtimes and runtime not in runtimes:
        yield Misfit(rule="wrong-runtime", own=runtime, made_for=runtimes, fix="give both the same runtime")
    own = _names(function.resource.properties.get("Architectures", [_DEFAULT_ARCHITECTURE]))
    if own and architectures and own[0] not in architectures:
        yield Misfit(
            rule="wrong-architecture",
            own=own[0],
            made_for=architectures,
            fix="give both the same architecture; a function has x86_64 if it says nothing",
        )


def _names(value: object) -> list[str]:
    """None where the template doesn't tell."""
    return value if isinstance(value, list) and all(isinstance(each, str) for each in value) else []


def _ships_again(function: LambdaFunction, layer: FunctionLayer, subjects: Subjects) -> Iterator[Finding]:
    code = subjects.code_of(function.resource)
    content = subjects.content_of(layer)
    if code is None or content is None or code.path is None:
        return
    again = [
        _twice(name, code.packages[name], content.packages[name]) for name in code.packages if name in content.packages
    ]
    if not again:  # some throw the metadata away
        folders = [name for name in code.files if name.count("/") == 1 and name.endswith("/__init__.py")]
        again = [f"{name.partition('/')[0]}/" for name in folders if f"python/{name}" in content.files]
    if again:
        yield Finding(
            rule="ships-again",
            path=subjects.names.path(function.resource),
            layers=(subjects.label(layer),),
            text="\n".join(
                [
                    f"its code has again what {subjects.described(layer)} has; what is in the code is imported",
                    *_first(sorted(again)),
                ]
            ),
            fix="bundle the function without these packages, or take the layer off",
        )


def _twice(name: str, own: str, theirs: str) -> str:
    return f"{name} {own}" if own == theirs else f"{name} {own}, in the layer {theirs}"


def _conflict(
    function: LambdaFunction, earlier: FunctionLayer, later: FunctionLayer, subjects: Subjects
) -> Iterator[Finding]:
    first, second = subjects.content_of(earlier), subjects.content_of(later)
    if first is None or second is None or first is second:
        return
    versions = [
        f"{name}: {second.packages[name]} over {version}"
        for name, version in sorted(first.packages.items())
        if second.packages.get(name, version) != version
    ]
    differing = [f"/opt/{name}" for name in sorted(_contested(first, second))]
    if not versions and not differing:
        return
    yield Finding(
        rule="conflict",
        path=subjects.names.path(function.resource),
        layers=(subjects.label(earlier), subjects.label(later)),
        text="\n".join(
            [
                f"{subjects.described(later)} comes later and wins over {subjects.described(earlier)}",
                *_first(versions),
                *_first(differing),
            ]
        ),
        fix="put the layer that shall win last, or give both the same version",
    )


def _contested(first: Content, second: Content) -> Iterator[str]:
    """Paths with different content; the packages' own metadata and bytecode say nothing that the modules don't."""
    for name in first.files.keys() & second.files.keys():
        if ".dist-info/" not in name and "/__pycache__/" not in name and first.differs(name, second):
            yield name


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"and {more} more"] if more > 0 else lines
