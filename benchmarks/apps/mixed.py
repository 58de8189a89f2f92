"""``mixed.py CACHE IMAGE REQUIREMENTS...``: layers whose packages may have no wheel, built into an empty cache."""

import sys
from pathlib import Path

from layer_constructs.building.build import build_planned
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.planning import make_plan
from layer_constructs.building.target import Target

folder, image, *files = sys.argv[1:]
cache = Cache(Path(folder))
for file in files:
    wanted = Dependencies(requirements=Path(file), bundling=Bundling.auto(image=image))
    planned = make_plan(wanted, Target("python3.13", "x86_64"), cache=cache)
    build_planned(planned, cache=cache, label="layer")
