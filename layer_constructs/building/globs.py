"""The globs of ``exclude``: a path's pattern as in a ``.gitignore``, without negation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from layer_constructs.errors import ArgumentError


def excluded(paths: Iterable[str], globs: Sequence[str]) -> tuple[set[str], list[str]]:
    """The files that the globs match, and the globs that match none.

    ``*`` and ``?`` stay in one name, ``**`` is any number of folders, ``[ab]`` and ``[!ab]`` one character. Without a
    slash before its end a glob matches at any depth, otherwise from the top. What matches a folder takes all that is in
    it; with a slash at its end it matches folders only.

    :param paths: of files, relative to the folder that packages are in, with ``/``.
    :raises ArgumentError: for a glob that leaves the folder, is empty, or starts with ``!``.
    """
    patterns = [(glob, _compiled(glob)) for glob in globs]
    found: set[str] = set()
    used: set[str] = set()
    for path in paths:
        for glob, pattern in patterns:
            if pattern.fullmatch(path):
                found.add(path)
                used.add(glob)
    return found, [glob for glob in dict.fromkeys(globs) if glob not in used]


def _compiled(glob: str) -> re.Pattern[str]:
    try:
        return re.compile(_expression(glob))
    except re.error as error:
        raise ArgumentError(
            f"exclude has {glob!r}, which is not a glob that it takes: {error}",
            fix="write a range of characters from the lower to the higher, such as [a-z]",
        ) from error


def _expression(glob: str) -> str:
    parts = glob.removeprefix("/").removesuffix("/").split("/")
    if glob.startswith("!") or "\\" in glob or any(part in ("", ".", "..") for part in parts):
        raise ArgumentError(
            f"exclude has {glob!r}, which is not a glob that it takes",
            details=["allowed: paths below the folder of the packages, with /, *, ?, [ab] and **; no ! and no .."],
            fix="name what is to be left out, such as 'botocore/data/ec2' or '*.md'",
        )
    expression = "" if "/" in glob.removesuffix("/") else "(?:.*/)?"
    for part in parts[:-1]:
        expression += "(?:[^/]+/)*" if part == "**" else f"{_name(part)}/"
    expression += ".+" if parts[-1] == "**" else _name(parts[-1])
    return expression + ("/.+" if glob.endswith("/") else "(?:/.+)?")


def _name(part: str) -> str:
    """One name's pattern; a bracket that doesn't close stands for itself."""
    expression = ""
    at = 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            expression += "[^/]*"
        elif character == "?":
            expression += "[^/]"
        elif character == "[" and (end := part.find("]", at + 1 + part.startswith("!", at))) != -1:
            members = part[at:end]
            negated = members.startswith("!")
            escaped = (
                members[negated:].replace("[", r"\[").replace("^", r"\^").replace("&&", r"&\&").replace("~~", r"~\~")
            )
            expression += f"[{'^/' if negated else ''}{escaped}]"
            at = end + 1
        else:
            expression += re.escape(character)
    return expression
