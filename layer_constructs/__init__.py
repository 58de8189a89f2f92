"""AWS CDK constructs that make Lambda layers right: pinned, built for the target, shared and approved."""

from layer_constructs.building.target import DEFAULT_RUNTIME, Target
from layer_constructs.errors import LayerError
from layer_constructs.layers.python_deps import PythonDepsLayer

__all__ = ["DEFAULT_RUNTIME", "LayerError", "PythonDepsLayer", "Target"]
