"""AWS CDK constructs that make Lambda layers right: pinned, built for the target, shared and approved."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layer_constructs.approval.approved_layer import ApprovedLayer
    from layer_constructs.approval.catalog import LayerCatalog
    from layer_constructs.approval.config_rule import ApprovedLayersConfigRule
    from layer_constructs.approval.policies import ApprovedLayersBoundary, ApprovedLayersPolicy, ApprovedLayersScp
    from layer_constructs.building.bundling import Bundling
    from layer_constructs.building.target import DEFAULT_RUNTIME, Target
    from layer_constructs.errors import LayerError
    from layer_constructs.layers.content import ContentLayer
    from layer_constructs.layers.custom_runtime import CustomRuntimeLayer
    from layer_constructs.layers.python_code import PythonCodeLayer
    from layer_constructs.layers.python_deps import PythonDepsLayer
    from layer_constructs.layers.python_deps_set import PythonDepsLayerSet
    from layer_constructs.releasing.release import LayerRelease
    from layer_constructs.releasing.released_layer import ReleasedLayer
    from layer_constructs.sharing.lifecycle import Lifecycle
    from layer_constructs.sharing.rights import LayerRights
    from layer_constructs.sharing.share import Share

__all__ = [
    "DEFAULT_RUNTIME",
    "ApprovedLayer",
    "ApprovedLayersBoundary",
    "ApprovedLayersConfigRule",
    "ApprovedLayersPolicy",
    "ApprovedLayersScp",
    "Bundling",
    "ContentLayer",
    "CustomRuntimeLayer",
    "LayerCatalog",
    "LayerError",
    "LayerRelease",
    "LayerRights",
    "Lifecycle",
    "PythonCodeLayer",
    "PythonDepsLayer",
    "PythonDepsLayerSet",
    "ReleasedLayer",
    "Share",
    "Target",
]

# Each is imported when it is first asked for: what one needs costs the others nothing, and the command line can do
# without the CDK, which starts Node.
_PLACES = {
    "DEFAULT_RUNTIME": "building.target",
    "ApprovedLayer": "approval.approved_layer",
    "ApprovedLayersBoundary": "approval.policies",
    "ApprovedLayersConfigRule": "approval.config_rule",
    "ApprovedLayersPolicy": "approval.policies",
    "ApprovedLayersScp": "approval.policies",
    "Bundling": "building.bundling",
    "ContentLayer": "layers.content",
    "CustomRuntimeLayer": "layers.custom_runtime",
    "LayerCatalog": "approval.catalog",
    "LayerError": "errors",
    "LayerRelease": "releasing.release",
    "LayerRights": "sharing.rights",
    "Lifecycle": "sharing.lifecycle",
    "PythonCodeLayer": "layers.python_code",
    "PythonDepsLayer": "layers.python_deps",
    "PythonDepsLayerSet": "layers.python_deps_set",
    "ReleasedLayer": "releasing.released_layer",
    "Share": "sharing.share",
    "Target": "building.target",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    return found
