"""What an app allows of what was found: made anew by each app, and never kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from layer_constructs.building.audit.finding import Finding
from layer_constructs.building.target import Platform
from layer_constructs.errors import ArgumentError, AuditError


class Note(NamedTuple):
    """A finding that was allowed, and why."""

    finding: Finding
    reason: str

    def __str__(self) -> str:
        return f"{self.finding} (allowed: {self.reason})"


class Judgement(NamedTuple):
    """Findings, told apart.

    :param unused: what was allowed and not found, as the user wrote it.
    """

    errors: tuple[Finding, ...]
    notes: tuple[Note, ...]
    unused: tuple[str, ...]

    def refuse_errors(self, target: Platform) -> None:
        """:raises AuditError: if there are errors."""
        if not self.errors:
            return
        paths: dict[tuple[str, str, str], list[str]] = {}
        for finding in self.errors:
            subject = finding.package or finding.path
            paths.setdefault((subject, finding.rule, finding.text), []).append(finding.path)
        found: dict[str, list[str]] = {}
        for (subject, rule, text), (first, *others) in paths.items():
            more = f"; the same of {len(others)} more" if others else ""
            found.setdefault(subject, []).append(f"{rule}: {first} {text}{more}")
        raise AuditError(target=str(target), found=found)


def refuse_empty(allow: Mapping[str, str]) -> None:
    """:raises ArgumentError: for a reason that says nothing."""
    for key, reason in allow.items():
        if not reason.strip():
            raise ArgumentError(
                f"allow={{{key!r}: {reason!r}}} gives no reason",
                fix=f"say why it may stay: allow={{{key!r}: 'libGL is loaded lazily'}}",
            )


def judge(findings: Iterable[Finding], allow: Mapping[str, str]) -> Judgement:
    """Tell what is allowed from what isn't.

    :param allow: reasons by what they allow: all findings of a package, ``"opencv-python"``, those of one rule,
        ``"opencv-python:library-missing"``, or, of a file that is no package's, those of its path.
    :raises ArgumentError: for a reason that says nothing.
    """
    refuse_empty(allow)
    if not allow:
        return Judgement(errors=tuple(findings), notes=(), unused=())
    from packaging.utils import canonicalize_name  # most apps can do without

    canonical: dict[str, list[str]] = {}
    for key in allow:
        name, colon, rule = key.partition(":")
        canonical.setdefault(f"{canonicalize_name(name)}{colon}{rule}", []).append(key)
        canonical.setdefault(key, []).append(key)
    used: set[str] = set()
    errors, notes = [], []
    for finding in findings:
        subject = finding.package or finding.path
        keys = canonical.get(f"{subject}:{finding.rule}", []) + canonical.get(subject, [])
        used.update(keys)
        if keys:
            notes.append(Note(finding=finding, reason=allow[keys[0]]))
        else:
            errors.append(finding)
    return Judgement(errors=tuple(errors), notes=tuple(notes), unused=tuple(key for key in allow if key not in used))
