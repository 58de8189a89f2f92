"""One function of a synthesised app: everything that running it takes, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layer_constructs.building.target import ARCHITECTURES, ArchitectureName
from layer_constructs.emulation.assembly import Assembly
from layer_constructs.emulation.pins import PYTHONS
from layer_constructs.errors import ArgumentError, LayerError
from layer_constructs.layers.of_function import FunctionLayer, LambdaFunction

PROVIDED = ("provided.al2023", "provided.al2")
RUNTIMES = (*(f"python{python}" for python in PYTHONS), *PROVIDED)

# Lambda's own, where a template says nothing (AWS::Lambda::Function in the CloudFormation reference).
_TIMEOUT, _MEMORY, _ARCHITECTURE = 3, 128, "x86_64"

_SHOWN = 20


class NotRunnableError(LayerError):
    """A function that can't be run on this machine as it will be deployed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """:param label: what a user knows it by."""

    label: str
    content: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFunction:
    """:param label: its construct's path, or its logical id.
    :param code: a zip or folder, or the text of ``index.py``.
    :param layers: in the order in which they are laid over ``/opt``: of two with one file, the later's counts.
    :param timeout: seconds.
    :param memory: MB.
    :param region: where it will be deployed, if that is known.
    :param environment: the variables whose values stand in the template.
    :param notes: what is not as it will be deployed, a line each.
    """

    label: str
    name: str
    runtime: str
    architecture: ArchitectureName
    handler: str
    code: Path | str
    layers: tuple[Layer, ...]
    timeout: int
    memory: int
    region: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def python(self) -> str | None:
        """``3.13``; None for a runtime that the function or a layer brings."""
        return self.runtime.removeprefix("python") if self.runtime not in PROVIDED else None


def local_function(
    assembly: Assembly,
    wanted: str,
    *,
    variables: Mapping[str, str] | None = None,
    timeout: int | None = None,
    leave_out_unknown: bool = False,
) -> LocalFunction:
    """The function that a user names.

    :param wanted: the construct's path, such as ``Stack/Function``, the logical id or the function's name.
    :param variables: more variables, or other values of those that it has.
    :param timeout: seconds, in place of its own.
    :param leave_out_unknown: run it without the layers that are not in this app.
    :raises ArgumentError: if there is none, or more than one.
    :raises NotRunnableError: if its code or a layer isn't here, or its runtime can't be emulated.
    """
    function = _find(assembly, wanted)
    properties, label = function.resource.properties, assembly.label(function.resource)
    runtime = properties.get("Runtime")
    if properties.get("PackageType") == "Image" or "ImageUri" in _mapping(properties.get("Code")):
        raise NotRunnableError(
            f"{label} is a container image, which has no layers", fix="run the image itself: it holds the emulator"
        )
    if runtime not in RUNTIMES:
        raise NotRunnableError(
            f"{label} has the runtime {runtime}, which can't be run here", details=[f"allowed: {', '.join(RUNTIMES)}"]
        )
    layers, left_out = _layers(assembly, function, label, leave_out_unknown=leave_out_unknown)
    environment, unset = _environment(properties, variables or {})
    notes = [
        *left_out,
        *(f"{name} is not set: its value is known only when it's deployed" for name in unset),
        *(
            f"{name} is known only when it's deployed: Lambda's default is taken"
            for name in ("Timeout", "MemorySize")
            if isinstance(properties.get(name), Mapping)
        ),
    ]
    name = properties.get("FunctionName")
    return LocalFunction(
        label=label,
        name=name if isinstance(name, str) else function.resource.logical_id,
        runtime=runtime,
        architecture=_architecture(properties, label),
        handler=_handler(properties, label),
        code=_code(assembly, function, label),
        layers=layers,
        timeout=timeout or _number(properties.get("Timeout"), _TIMEOUT),
        memory=_number(properties.get("MemorySize"), _MEMORY),
        region=assembly.region(function.resource),
        environment=environment,
        notes=tuple(notes),
    )


def _find(assembly: Assembly, wanted: str) -> LambdaFunction:
    labelled = [(assembly.label(each.resource), each) for each in assembly.functions]
    found = [(label, each) for label, each in labelled if wanted.removesuffix("/Resource") == label] or [
        (label, each) for label, each in labelled if wanted in {each.resource.logical_id, _name(each)}
    ]
    if len(found) == 1:
        return found[0][1]
    if found:
        raise ArgumentError(
            f"{wanted} is not one function",
            details=[f"it is: {', '.join(sorted(f'{label} in {each.resource.template}' for label, each in found))}"],
            fix="name it by its construct's path",
        )
    there = sorted(label for label, _ in labelled)
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    raise ArgumentError(
        f"there is no function {wanted} in this app",
        details=[f"there are: {', '.join(there[:_SHOWN])}{more}" if there else "it has no function"],
    )


def _name(function: LambdaFunction) -> str | None:
    name = function.resource.properties.get("FunctionName")
    return name if isinstance(name, str) else None


def _architecture(properties: Mapping[str, Any], label: str) -> ArchitectureName:
    listed = properties.get("Architectures") or [_ARCHITECTURE]
    for architecture in ARCHITECTURES:
        if listed == [architecture]:
            return architecture
    raise NotRunnableError(f"the architecture of {label} is known only when it's deployed: {listed}")


def _code(assembly: Assembly, function: LambdaFunction, label: str) -> Path | str:
    code = _mapping(function.resource.properties.get("Code"))
    inline = code.get("ZipFile")
    if isinstance(inline, str):
        return inline
    found = assembly.asset(code, function.resource)
    if found is None:
        raise NotRunnableError(
            f"the code of {label} is not in {assembly.outdir}",
            fix="synthesise the stack with its assets bundled; code from a bucket or a pipeline is elsewhere",
        )
    return found


def _layers(
    assembly: Assembly, function: LambdaFunction, label: str, *, leave_out_unknown: bool
) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    if function.layers is None:
        raise NotRunnableError(f"which layers {label} has is known only when it's deployed")
    found: list[Layer] = []
    left_out: list[str] = []
    for layer in function.layers:
        declared = layer.declared
        name = _layer_label(assembly, layer)
        content = assembly.asset(declared.properties.get("Content"), declared) if declared else None
        if content is not None:
            if _is_stand_in(content):
                raise NotRunnableError(
                    f"the layer {name} of {label} was not built: its stack was not being bundled",
                    fix="synthesise the stack that it is in",
                )
            found.append(Layer(label=name, content=content))
        elif leave_out_unknown:
            left_out.append(f"runs without the layer {name}, which is not in this app")
        else:
            raise NotRunnableError(
                f"the layer {name} of {label} is not in this app: its content is known only when it's deployed",
                fix="run without such layers with --without-unknown-layers",
            )
    return tuple(found), tuple(left_out)


def _layer_label(assembly: Assembly, layer: FunctionLayer) -> str:
    return assembly.label(layer.declared) if layer.declared else layer.arn or str(layer.value)


def _is_stand_in(content: Path) -> bool:
    """What stands for a layer that isn't built: `layers/not_built` and the empty `not_built.zip`."""
    return (content.is_file() and content.stat().st_size == 0) or (content / "NOT_BUILT.txt").is_file()


def _environment(properties: Mapping[str, Any], given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Its variables, and the names of those whose values nobody knows yet."""
    variables = {**_mapping(_mapping(properties.get("Environment")).get("Variables")), **given}
    known = {name: str(value) for name, value in variables.items() if isinstance(value, str | int | float)}
    return known, sorted(variables.keys() - known.keys())


def _handler(properties: Mapping[str, Any], label: str) -> str:
    handler = properties.get("Handler", "")
    if not isinstance(handler, str):
        raise NotRunnableError(f"the handler of {label} is known only when it's deployed: {handler}")
    return handler


def _number(value: object, default: int) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else default


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
