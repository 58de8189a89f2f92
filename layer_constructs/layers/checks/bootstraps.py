"""Which `bootstrap` starts a function of a custom runtime: its own before those of its layers."""

from __future__ import annotations

from collections.abc import Iterator

from layer_constructs.building.entry.programs import BOOTSTRAP
from layer_constructs.layers.checks.finding import Finding
from layer_constructs.layers.checks.subject import Subjects
from layer_constructs.layers.of_function import FunctionLayer, LambdaFunction

# Lambda's bare systems, which bring none.
_BARE = "provided."


def bootstrap_findings(
    function: LambdaFunction, layers: tuple[FunctionLayer, ...], subjects: Subjects
) -> Iterator[Finding]:
    """Lambda looks in the function's code first, then in the layers ("Building a custom runtime", Lambda's guide)."""
    runtime = function.resource.properties.get("Runtime")
    if not isinstance(runtime, str) or not runtime.startswith(_BARE):
        return
    path = subjects.names.path(function.resource)
    code = subjects.code_of(function.resource)
    contents = [subjects.content_of(layer) for layer in layers]
    have = [layer for layer, content in zip(layers, contents, strict=True) if content and BOOTSTRAP in content.files]
    if code is not None and BOOTSTRAP in code.files:
        for layer in have:
            yield Finding(
                rule="bootstrap-not-used",
                path=path,
                layers=(subjects.label(layer),),
                text=f"its code has a {BOOTSTRAP}, which starts in place of the one of {subjects.described(layer)}",
                fix=f"take {BOOTSTRAP} out of the code, or the layer off",
            )
    elif not have and code is not None and None not in contents:
        yield Finding(
            rule="no-bootstrap",
            path=path,
            text=f"it runs on {runtime}, and neither its code nor a layer has a {BOOTSTRAP} to start",
            fix="give it a CustomRuntimeLayer, or put an executable bootstrap into its code",
        )
