"""What one architecture of another runtime has of what is pinned now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from layer_constructs.building.locking import fit
from layer_constructs.building.locking.pins import LockedFile
from layer_constructs.building.locking.question import Question
from layer_constructs.building.locking.resolve_target import resolve_target
from layer_constructs.building.process import Run
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import HashMismatchError, LayerError, ResolutionError
from layer_constructs.inspection.offers import offered
from layer_constructs.inspection.upgrade_start import Start, is_built
from layer_constructs.inspection.upgrade_verdicts import Check, Verdict, verdict_of

# Questions to uv at a time.
_WORKERS = 4


def check_target(start: Start, target: Target, *, run: Run) -> Check:
    """Ask what one target has, first for all of it as it is, then with what is in the way let go.

    :raises LayerError: if an index doesn't answer.
    """
    return _Checker(start, target, run).check()


class _Checker:
    """Asks what one target has."""

    def __init__(self, start: Start, target: Target, run: Run) -> None:
        self._question = start.question
        self._target = target
        self._run = run
        files = start.pins.get(target.architecture) or next(iter(start.pins.values()))
        self._files = {file.name: file for file in files}
        self._pins = {file.name: file.version for file in files}

    def check(self) -> Check:
        answer = self._resolve(self._question, self._files.values())
        if answer is not None:
            return self._checked(answer, {}, complete=True)
        with ThreadPoolExecutor(_WORKERS) as pool:
            alone = dict(zip(self._pins, pool.map(self._alone, self._pins.values(), self._pins), strict=True))
        blocked = {name for name, verdict in alone.items() if verdict.status != "as-pinned"}
        hopeless = {name for name in blocked if not alone[name].has_wheel}
        kept = [file for name, file in self._files.items() if name not in blocked]
        problem: str | None = None
        relaxed: tuple[str, ...] = ()
        for free in (blocked, set(self._pins)):  # what has to move, then, if that isn't enough, everything
            question, relaxed = self._relaxed(free, hopeless)
            if not question.requirements:
                return self._checked({}, alone, complete=False)
            answer = self._resolve(question, kept)
            if answer is not None:
                return self._checked(answer, alone, complete=not hopeless, relaxed=relaxed)
            problem = problem or self._problem(question)
        return self._checked({}, alone, complete=False, relaxed=relaxed, problem=problem)

    def _checked(
        self,
        answer: Mapping[str, str],
        alone: Mapping[str, Verdict],
        *,
        complete: bool,
        relaxed: tuple[str, ...] = (),
        problem: str | None = None,
    ) -> Check:
        """Verdicts by an answer for all of it, and for what it leaves out by those for each alone.

        :param complete: the answer is for all that was asked, so that what it leaves out isn't needed.
        """
        verdicts = []
        for name, pinned in sorted(self._pins.items()):
            version = answer.get(name)
            if version is not None:
                verdicts.append(verdict_of(name, pinned, version))
            elif complete:
                verdicts.append(Verdict(name=name, pinned=pinned, status="unneeded"))
            else:
                verdicts.append(alone[name])
        added = {name: version for name, version in sorted(answer.items()) if name not in self._pins}
        return Check(packages=tuple(verdicts), added=added, relaxed=relaxed, problem=problem)

    def _resolve(self, question: Question, known: Iterable[LockedFile]) -> dict[str, str] | None:
        try:
            files = resolve_target(question, self._target, known=known, explain=False, run=self._run)
        except (ResolutionError, HashMismatchError):
            return None
        return {file.name: file.version for file in files}

    def _problem(self, question: Question) -> str:
        try:
            resolve_target(question, self._target, run=self._run)
        except LayerError as error:
            return "\n".join([error.problem, *error.details])
        return f"nothing fits {self._target}"

    def _relaxed(self, free: set[str], hopeless: set[str]) -> tuple[Question, tuple[str, ...]]:
        """The question with newer versions allowed of some packages, and without those that have none."""
        lines: list[RequirementLine] = []
        changed: list[str] = []
        for line in self._question.requirements:
            requirement = line.requirement
            if line.name in hopeless:
                continue
            if requirement is None or line.name not in free or requirement.url or line.path:
                lines.append(line)
                continue
            pinned = self._pins[line.name]
            if line.hashes or any(specifier.operator in {"==", "===", "<", "<=", "~=", "!="}
                                  for specifier in requirement.specifier):  # fmt: skip
                changed.append(f"{line.where}: {requirement}")
            looser = Requirement(str(requirement))
            looser.specifier = SpecifierSet(f">={pinned}")
            lines.append(replace(line, requirement=looser, hashes=()))
        constraints = tuple(line for line in self._question.constraints if line.name not in free)
        return replace(self._question, requirements=tuple(lines), constraints=constraints), tuple(changed)

    def _alone(self, pinned: str, name: str) -> Verdict:
        """One package without what it needs."""
        file = self._files[name]
        line = self._question.line_of(name)
        fits = isinstance(file, LockedWheel) and bool(file.filename) and self._fits(file.filename)
        if line and line.requirement and (line.path or line.requirement.url):  # no index has another
            return Verdict(name=name, pinned=pinned, status="as-pinned" if fits else "none")
        if self._offered(name, f"=={pinned}") or (fits and file.index is None):
            return Verdict(name=name, pinned=pinned, status="as-pinned")
        newer = self._offered(name, f">={pinned}")
        if newer:
            return verdict_of(name, pinned, newer)
        source = self._offered(name, f"=={pinned}", from_source=True)
        source = source or self._offered(name, f">={pinned}", from_source=True)
        return Verdict(
            name=name,
            pinned=pinned,
            status="sdist-only" if source else "none",
            version=source,
            built_now=is_built(file),
        )

    def _fits(self, filename: str) -> bool:
        return fit.best([("", filename)], self._target) is not None

    def _offered(self, name: str, specifier: str, *, from_source: bool = False) -> str | None:
        return offered(self._question, name, specifier, target=self._target, from_source=from_source, run=self._run)
