"""What an app makes of files of its user's own: judged on every synth, before anything is built of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layer_constructs.building.audit.judgement import refuse_empty
from layer_constructs.errors import SecretError
from layer_constructs.layers.verdicts import Verdict
from layer_constructs.sharing.permissions import refuse_public_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from layer_constructs.building.entry.entry import Entry
    from layer_constructs.sharing.share import Share


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """:param verdict: what is to be said of the files.
    :param allow: what is left of it for the audit.
    :param secrets: the files that look like one.
    """

    verdict: Verdict
    allow: Mapping[str, str]
    secrets: tuple[str, ...]


def accept(secrets: Mapping[str, str], *, entry: Path, allow: Mapping[str, str], shares: Iterable[Share]) -> Accepted:
    """:param secrets: what looks like one, and why, by path in the layer.
    :raises SecretError: for one that isn't named.
    :raises ArgumentError: for a reason that says nothing, or a secret in a layer that everybody may use.
    """
    refuse_empty(allow)
    reasons = {path: next((allow[key] for key in _keys(path) if key in allow), None) for path in secrets}
    refused = {path: secrets[path] for path, reason in reasons.items() if reason is None}
    if refused:
        raise SecretError(found=refused, entry=entry)
    refuse_public_secrets(tuple(secrets), public=any(share.is_public for share in shares))
    named = {key for path in secrets for key in _keys(path)}
    notes = [f"{path} looks like a secret: {secrets[path]} (allowed: {reason})" for path, reason in reasons.items()]
    return Accepted(
        verdict=Verdict().and_notes("allowed", notes),
        allow={key: reason for key, reason in allow.items() if key not in named},
        secrets=tuple(secrets),
    )


def _keys(path: str) -> tuple[str, str]:
    """What of ``allow`` names a file that looks like a secret."""
    return f"{path}:secret", path


def missing_folders(entry: Entry) -> Verdict:
    """The folders that a layer can't have."""
    return Verdict(
        warnings=tuple(
            ("empty-folder", f"{entry.path} has a folder without files, {folder}, which a layer can't have")
            for folder in entry.empty
        )
    )


def said_once(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The same, of several platforms, where what ``allow`` has for one of them isn't needless for another."""
    needless = [{each for each in verdict.warnings if each[0] == "allow"} for verdict in verdicts]
    always = set.intersection(*needless)
    return [
        verdict._replace(warnings=tuple(each for each in verdict.warnings if each[0] != "allow" or each in always))
        for verdict in verdicts
    ]


def unmatched(entry: Entry) -> Verdict:
    """The globs that nothing else could have matched."""
    return Verdict(
        warnings=tuple(("exclude", f"exclude has {glob!r}, which matches no file") for glob in entry.unmatched)
    )
