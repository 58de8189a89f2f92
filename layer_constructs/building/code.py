"""The user's own Python code as a part of a plan, with packages or without."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache
from layer_constructs.building.contents import Contents
from layer_constructs.building.entry.entry import Entry
from layer_constructs.building.entry.python_code import SITE, is_project, read_code
from layer_constructs.building.globs import excluded
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.planning import Planned
from layer_constructs.building.process import Run, run
from layer_constructs.building.target import ARCHITECTURES, Target
from layer_constructs.errors import ArgumentError, RequirementsError, Where

if TYPE_CHECKING:
    from layer_constructs.building.entry.project import Project
    from layer_constructs.building.fresh_plan import FreshPlan
    from layer_constructs.building.indexes.index import Indexes

    Code = Entry | Project

# Moved when other things are looked for in the wheel of a project.
_RULES = 1


def code_of(
    entry: Path,
    *,
    exclude: Sequence[str] = (),
    build_local_projects: bool = False,
    cache: Cache,
    run: Run = run,
) -> Code:
    """What ``entry`` gives: files, or a wheel of the project that it is, made by its build backend.

    :raises ArgumentError: for a project that may not be built.
    :raises LayerError: if it can't be read or built.
    """
    if not is_project(entry):
        return read_code(entry, exclude=exclude)
    if not build_local_projects:
        raise ArgumentError(
            f"the entry {entry} is a project, which only its build backend can make a wheel of",
            where=Where(entry),
            fix="allow that its code runs on this machine: build_local_projects=True; "
            "or name the folder of the package itself, such as entry='libs/shared/src/shared'",
        )
    return _project_of(entry, exclude=exclude, cache=cache, run=run)


def _project_of(entry: Path, *, exclude: Sequence[str], cache: Cache, run: Run) -> Project:
    """The wheel of a project, and what is seen in it: looked at once, and kept by its hash."""
    from layer_constructs.building.entry.project import Project, look_into
    from layer_constructs.building.projects import wheel_of, with_file

    indexes = _usual_indexes(entry)
    wheel = wheel_of(entry, cache=cache, indexes=indexes, run=run)

    def look() -> dict[str, str]:
        file = with_file(wheel, cache=cache, indexes=indexes, run=run).path
        assert file is not None  # noqa: S101 - it is a local project's
        secrets, requires = look_into(file)
        return {"secrets": json.dumps(secrets), "requires": json.dumps(requires)}

    seen = cache.value("projects", hashlib.sha256(f"{_RULES} {wheel.sha256}".encode()).hexdigest(), look)
    secrets = json.loads(seen["secrets"])
    gone, _ = excluded(secrets, exclude)
    return Project(
        path=entry,
        wheel=wheel,
        secrets={f"{SITE}/{path}": what for path, what in secrets.items() if path not in gone},
        requires=tuple(json.loads(seen["requires"])),
    )


def without_packages(target: Target, contents: Contents, *, entry: Path) -> Planned:
    """A plan in which nothing is yet, and which is for both architectures."""
    plan = BuildPlan(target=target, architectures=ARCHITECTURES, contents=contents)

    def fresh() -> FreshPlan:
        from layer_constructs.building.fresh_plan import FreshPlan  # heavy; only a build asks for it

        return FreshPlan(plan=plan, indexes=_usual_indexes(entry))

    return Planned(plan=plan, bundling=Bundling(), fresh=fresh)


def with_code(planned: Planned, code: Code, *, where: Where | None = None) -> Planned:
    """A plan with the user's own code.

    :param where: the requirements.
    :raises RequirementsError: if the requirements have the user's project too.
    """
    plan = planned.plan
    if isinstance(code, Entry):
        architectures = (plan.target.architecture,) if code.is_compiled else plan.architectures
        return replace(planned, plan=plan._replace(own=code, architectures=architectures))
    wheel = code.wheel
    if wheel.name in plan.packages:
        raise RequirementsError(
            f"{wheel.name} is in the requirements, and the entry is its project",
            where=where,
            fix="take it out of the requirements, or use a PythonDepsLayer",
        )
    return replace(planned, plan=plan._replace(wheels=(*plan.wheels, wheel)))


def _usual_indexes(entry: Path) -> Indexes:
    """Those that the environment names: there is no requirements file that names any."""
    from layer_constructs.building.indexes.index import read_indexes
    from layer_constructs.building.reading.requirements import RequirementsFile

    return read_indexes(RequirementsFile(path=entry, requirements=()), os.environ)
