"""A catalog as YAML, written the same way each time; `catalog_reader` reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.revoked_layer import RevokedLayer
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import is_token

SCHEMA = "catalog.schema.json"
FORMAT = 1

_ABOUT = ("reason", "owner", "expires", "required_as")


def schema() -> str:
    """The JSON schema of the file."""
    return resources.files("layer_constructs.approval").joinpath(SCHEMA).read_text(encoding="utf-8")


def write(path: Path, entries: Iterable[ApprovedLayer], revoked: Iterable[RevokedLayer]) -> None:
    """A file that reads as the same again.

    :raises ArgumentError: for a layer of the app, or a token.
    """
    path.write_text(text_of(entries, revoked), encoding="utf-8", newline="\n")


def text_of(entries: Iterable[ApprovedLayer], revoked: Iterable[RevokedLayer]) -> str:
    """What :func:`write` writes."""
    lines = [f"version: {FORMAT}"]
    for word, items in (
        ("layers", [_words(entry) for entry in entries]),
        ("revoked", [_undone(each) for each in revoked]),
    ):
        if items:
            lines.append(f"{word}:")
        elif word == "layers":
            lines.append("layers: []")
        for item in items:
            given = [f"{key}: {_scalar(value)}" for key, value in item.items() if value not in (None, ())]
            lines += [f"  - {given[0]}", *(f"    {line}" for line in given[1:])]
    return "\n".join(lines) + "\n"


def _words(entry: ApprovedLayer) -> dict[str, Any]:
    if entry.kind == "layer":
        raise ArgumentError(
            f"{entry.what()} is a layer of the app, and can't be saved",
            fix="save a catalog without it, or approve it by its name and account: ApprovedLayer.named(...)",
        )
    words: dict[str, Any] = {entry.kind: entry.value or entry.account_id}
    if entry.kind == "own_account":
        words = {"own_account": True}
    elif entry.kind in {"name", "prefix"}:
        words["account"] = entry.account_id
    if entry.min_version != 1:
        words["min_version"] = entry.min_version
    words |= {"max_version": entry.max_version, "regions": entry.regions, "partition": entry.partition,
              **{word: getattr(entry, word) for word in _ABOUT}}  # fmt: skip
    _check_tokens(words)
    return words


def _undone(each: RevokedLayer) -> dict[str, Any]:
    words = {"arn": each.arn, "since": each.since, "reason": each.reason}
    _check_tokens(words)
    return words


def _check_tokens(words: Mapping[str, Any]) -> None:
    for word, value in words.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and is_token(text):
                raise ArgumentError(
                    f"{word} is {text}, which is known only at deployment, and can't be saved",
                    fix="write the value itself",
                )


def _scalar(value: object) -> str:
    import yaml

    if isinstance(value, tuple):
        return f"[{', '.join(_scalar(item) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | date):
        return str(value)
    # Always in quotes, so that nothing takes an account for a number: YAML 1.1 and 1.2 differ in what is one.
    dumped = yaml.dump(value, Dumper=yaml.SafeDumper, default_style='"', width=10**9, allow_unicode=True)
    return dumped.removesuffix("\n")
