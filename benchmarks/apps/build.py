"""``build.py REQUIREMENTS CACHE``: one layer built without the CDK, into a cache that doesn't have it."""

import sys
from pathlib import Path

from layer_constructs.building.build import build
from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target

cache = Cache(Path(sys.argv[2]))
planned = make_plan(
    Dependencies(requirements=Path(sys.argv[1]), locked=True), Target("python3.11", "x86_64"), cache=cache
)
build(planned.plan, cache=cache, indexes=planned.indexes, label="layer")
