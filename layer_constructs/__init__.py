"""AWS CDK constructs that make Lambda layers right: pinned, built for the target, shared and approved."""

from typing import TYPE_CHECKING

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.target import DEFAULT_RUNTIME, Target
from layer_constructs.errors import LayerError
from layer_constructs.sharing.share import Share

if TYPE_CHECKING:
    from layer_constructs.layers.python_deps import PythonDepsLayer
    from layer_constructs.layers.python_deps_set import PythonDepsLayerSet
    from layer_constructs.sharing.lifecycle import Lifecycle
    from layer_constructs.sharing.release import LayerRelease
    from layer_constructs.sharing.released_layer import ReleasedLayer
    from layer_constructs.sharing.rights import LayerRights

__all__ = [
    "DEFAULT_RUNTIME",
    "Bundling",
    "LayerError",
    "LayerRelease",
    "LayerRights",
    "Lifecycle",
    "PythonDepsLayer",
    "PythonDepsLayerSet",
    "ReleasedLayer",
    "Share",
    "Target",
]

# The constructs are imported when they are first asked for: the CDK starts Node, which the command line can do without.
_CONSTRUCTS = {
    "LayerRelease": "layer_constructs.sharing.release",
    "LayerRights": "layer_constructs.sharing.rights",
    "Lifecycle": "layer_constructs.sharing.lifecycle",
    "PythonDepsLayer": "layer_constructs.layers.python_deps",
    "PythonDepsLayerSet": "layer_constructs.layers.python_deps_set",
    "ReleasedLayer": "layer_constructs.sharing.released_layer",
}


def __getattr__(name: str) -> object:
    if name not in _CONSTRUCTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(_CONSTRUCTS[name]), name)
    return found
