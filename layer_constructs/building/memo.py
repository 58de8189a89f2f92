"""Plans that were made before, kept in the cache beside the layers: the same question has the same answer.

A question is all that planning is told, and its answer holds as long as every place it looked at is as it was. What
can't be said for certain is not kept: errors, local projects, other tools' locks, an image made of a Dockerfile. Of
the environment only what decides a plan is looked at, and nothing secret, also no hash of it, is written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache as once
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layer_constructs.building.indexes.environment import without_logins
from layer_constructs.building.plan import BuildPlan, Pin
from layer_constructs.building.reading.seen import Seen, is_still
from layer_constructs.building.wheel import LockedWheel

if TYPE_CHECKING:
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.target import Target
    from layer_constructs.building.wanted import Dependencies

_KIND = "plans"

# So many questions are kept, the latest: a thousand take a few megabytes.
_MOST = 1000

# What a plan is made by: other code may make another.
_CODE = (".", "containers", "indexes", "locking", "reading")

# Each plan with its notes.
Plans = Mapping["Target", tuple[BuildPlan, tuple[str, ...]]]


def key_of(
    dependencies: Dependencies, targets: Sequence[Target], *words: object, environ: Mapping[str, str]
) -> str | None:
    """Names a question; None for one whose answer can't be kept.

    Whether the lock may be made is no part of it: an answer holds only where it needs not be.

    :param words: what else is asked.
    """
    bundling, code, shown = dependencies.bundling, _code(), without_logins(environ)
    if code is None or shown is None or bundling.options.context is not None:
        return None
    try:
        folder = os.getcwd()  # noqa: PTH109 - the text
    except OSError:
        return None
    asked = (
        code,
        folder,
        str(dependencies.requirements),
        None if dependencies.lock is None else str(dependencies.lock),
        dependencies.extras,
        dependencies.groups,
        dependencies.build_local_projects,
        (bundling.mode, bundling.build_sdists, bundling.options.image, bundling.options.fingerprint),
        dependencies.contents,
        dependencies.bytecode,
        sorted(dependencies.runtime_versions.items()),
        [(target.runtime, target.architecture) for target in targets],
        words,
        sorted(shown.items()),
    )
    return hashlib.sha256(repr(asked).encode(errors="backslashreplace")).hexdigest()


def recall(
    key: str, dependencies: Dependencies, targets: Sequence[Target], *, environ: Mapping[str, str], cache: Cache
) -> Plans | None:
    """The plans that were kept, if all that they were made of is as it was."""
    kept = cache.kept_value(_KIND, key)
    try:
        if kept is None or not all(environ.get(name) for name in kept["variables"]):
            return None
        if not all(is_still(path, state) for path, state in kept["seen"].items()):
            return None
        return {t: _plan_in(kept["plans"][str(t)], dependencies, t) for t in targets}
    except (KeyError, TypeError, ValueError, AttributeError):  # nothing that this version wrote
        return None


def keep(key: str, plans: Plans, *, seen: Seen, variables: Sequence[str] | None, cache: Cache) -> None:
    """Keep plans, where it is certain what they were made of; a cache that can't be written is no reason to fail.

    :param variables: that must be set, whatever they hold; None: what they hold matters.
    """
    if variables is None or not seen.certain:
        return
    wheels = [wheel for plan, _ in plans.values() for wheel in plan.wheels]
    if any(wheel.project or "?" in (wheel.url or "") for wheel in wheels):  # a query may be a signature
        return
    value = {
        "seen": seen.states,
        "variables": list(variables),
        "plans": {str(target): _as_json(plan, notes) for target, (plan, notes) in plans.items()},
    }
    with suppress(OSError):
        cache.keep_value(_KIND, key, value, most=_MOST)


def _as_json(plan: BuildPlan, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "architectures": plan.architectures,
        "wheels": [_wheel_as_json(wheel) for wheel in plan.wheels],
        "pins": [[pin.name, pin.version, pin.hashes] for pin in plan.pins],
        "made_in": plan.made_in,
        "bytecode": plan.contents.bytecode,
        "left_out": plan.left_out,
        "notes": list(notes),
    }


def _plan_in(kept: Mapping[str, Any], dependencies: Dependencies, target: Target) -> tuple[BuildPlan, tuple[str, ...]]:
    contents = dependencies.contents
    plan = BuildPlan(
        target=target,
        architectures=tuple(kept["architectures"]),
        wheels=tuple(_wheel_in(wheel) for wheel in kept["wheels"]),
        pins=tuple(Pin(name=name, version=version, hashes=tuple(hashes)) for name, version, hashes in kept["pins"]),
        made_in=kept["made_in"],
        contents=contents if contents.bytecode == kept["bytecode"] else replace(contents, bytecode=kept["bytecode"]),
        left_out=tuple(kept["left_out"]),
    )
    return plan, tuple(kept["notes"])


_TEXTS = ("name", "version", "filename", "sha256", "url", "index", "license")


def _wheel_as_json(wheel: LockedWheel) -> dict[str, Any]:
    fields: dict[str, Any] = {name: getattr(wheel, name) for name in _TEXTS if getattr(wheel, name) is not None}
    if wheel.path:
        fields["path"] = str(wheel.path)
    if wheel.built:
        sdist = wheel.built.sdist
        names = ("name", "version", "filename", "sha256", "url", "index")
        fields["built"] = {
            "sdist": {name: getattr(sdist, name) for name in names},
            "path": None if sdist.path is None else str(sdist.path),
            "backend": wheel.built.backend,
        }
    return fields


def _wheel_in(fields: dict[str, Any]) -> LockedWheel:
    if "path" in fields:
        fields["path"] = Path(fields["path"])
    if "built" in fields:
        from layer_constructs.building.sdist import Built, LockedSdist  # seldom

        built = fields["built"]
        sdist = LockedSdist(**built["sdist"], path=None if built["path"] is None else Path(built["path"]))
        fields["built"] = Built(sdist=sdist, backend=tuple(built["backend"]))
    return LockedWheel(**fields)


@once
def _code() -> str | None:
    """Tells one version of this library from another, also one that is being worked on; None if it isn't files."""
    folder = Path(__file__).parent
    spec = find_spec("packaging")
    try:
        if spec is None or spec.origin is None:
            return None
        found = [_state(os.stat(spec.origin), spec.origin)]  # noqa: PTH116 - the text
        for name in _CODE:
            with os.scandir(folder / name) as entries:
                found += sorted(_state(e.stat(), e.path) for e in entries if e.name.endswith(".py"))
    except OSError:
        return None
    return hashlib.sha256(repr(found).encode(errors="backslashreplace")).hexdigest()


def _state(status: os.stat_result, path: str) -> tuple[str, int, int]:
    # Not the change time: uv links installed files into its cache, and each new environment would move it.
    return path, status.st_size, status.st_mtime_ns
