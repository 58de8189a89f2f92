"""Which image a target's container is made of."""

from __future__ import annotations

from layer_constructs.building.containers.options import ContainerOptions
from layer_constructs.building.target import Target


def image_name(options: ContainerOptions, target: Target) -> str:
    """The image for a target, as the user named it, or the one that is made of a Dockerfile; asks nobody."""
    if options.context is not None:
        return f"localhost/layer-constructs/build:{options.context_fingerprint}-{target.architecture}"
    return options.image or default_image(target)


def default_image(target: Target) -> str:
    """The CDK's ``Runtime.bundling_image``: AWS's image to build for a runtime."""
    return f"public.ecr.aws/sam/build-{target.runtime}"
