"""Users and passwords that stand in a lock or its manifest in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from layer_constructs.building.locking.tool_locks.tool_lock import ToolLock, manifest_of, tool_of
from layer_constructs.building.reading.requirements import read_text

# A user with or without a password. As far as the last '@' if there is a password: a raw '/' or '@' in it is not
# valid, but must not get through either. What looks like a port is one.
_USERINFO = re.compile(r"(?<=://)(?:[^\s\"'/:@]*:(?!\d+(?:[/\s\"']|$))[^\s\"']*@|[^\s\"'/@]*@)")
_URL = re.compile(r"https?://[^\s\"'<>]+")


def urls_with_credentials(path: Path) -> tuple[str, ...]:
    """The URLs, of indexes and files, with which the lock or its manifest says a user or password in plain text.

    The text of an export has the same URLs without them, so whoever fetches from there asks here.

    :raises RequirementsError: if the lock or its manifest is missing or can't be read.
    """
    text = read_text(path) + "\n" + read_text(manifest_of(path, tool_of(path)))
    found = (match[0] for match in _URL.finditer(text))
    return tuple(dict.fromkeys(url for url in found if without_credentials(url) != url))


def without_credentials(text: str) -> str:
    """``text`` with no user or password in a URL, but for one whose password is a variable: that is no secret."""
    return _USERINFO.sub(lambda found: found[0] if re.search(r"(?:^|:)\$\{\w+\}@$", found[0]) else "", text)


def passwords_in(lock: ToolLock) -> Iterator[str]:
    for match in _USERINFO.finditer(lock.text + "\n" + lock.manifest_text):
        password = match[0].removesuffix("@").partition(":")[2] or match[0].removesuffix("@")
        yield from (password, unquote(password))
