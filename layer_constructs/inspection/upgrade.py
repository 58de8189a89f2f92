"""A requirements file and another runtime -> which packages load there, before anyone moves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName, Target
from layer_constructs.inspection.upgrade_start import start_of
from layer_constructs.inspection.upgrade_target import check_target
from layer_constructs.inspection.upgrade_verdicts import Check


@dataclass(frozen=True, kw_only=True, slots=True)
class UpgradeCheck:
    """A file's way from one runtime to another."""

    label: str
    before: str
    after: str
    architectures: Mapping[ArchitectureName, Check]
    notes: tuple[str, ...] = ()

    @property
    def can_move(self) -> bool:
        return all(check.can_move for check in self.architectures.values())


def check_upgrade(
    dependencies: Dependencies,
    *,
    to: str,
    start: str | None = None,
    cache: Cache,
    report: Report = to_stderr,
    run: Run = run,
) -> UpgradeCheck:
    """Ask the file's indexes what there is for another runtime; nothing is written.

    Wheels count, and what they say of themselves: a pure wheel says that it runs on any Python 3, whether it does or
    not.

    :param to: such as ``python3.14``.
    :param start: the runtime that it moves from; by default the lock's newest before ``to``.
    :raises LayerError: if an index doesn't answer, or there is no answer for the runtime it moves from.
    """
    Target(to)
    begin = start_of(dependencies, to=to, start=start, cache=cache, report=report, run=run)
    with ThreadPoolExecutor(len(ARCHITECTURES)) as pool:
        checks = pool.map(lambda a: check_target(begin, Target(to, a), run=run), ARCHITECTURES)
        return UpgradeCheck(
            label=str(dependencies.requirements),
            before=begin.runtime,
            after=to,
            architectures=dict(zip(ARCHITECTURES, checks, strict=True)),
            notes=begin.notes,
        )


def as_json(check: UpgradeCheck) -> str:
    """JSON for other programs; ``schema`` is 1, and keys are only added to it.

    ``path``, ``from``, ``to``, ``can_move``, ``notes``; ``architectures`` by name: ``can_move``, ``packages`` (name,
    pinned, status, version and built_now as a `Verdict` has them), ``added`` (version by name), ``relaxed``
    (requirements that pin a version that can't stay), ``problem`` (or null).
    """
    architectures = {
        name: {"can_move": one.can_move, **asdict(one), "packages": [asdict(verdict) for verdict in one.packages]}
        for name, one in check.architectures.items()
    }
    document = {
        "schema": 1,
        "path": check.label,
        "from": check.before,
        "to": check.after,
        "can_move": check.can_move,
        "notes": list(check.notes),
        "architectures": architectures,
    }
    return json.dumps(document, indent=2)
