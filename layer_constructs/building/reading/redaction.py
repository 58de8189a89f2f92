"""Text without the passwords in its URLs, for errors."""

from __future__ import annotations

import re

# A password with a raw '/', '@' or blank in it is not a valid URL, but it must not be shown either; a port may be.
_USERINFO = re.compile(r"(?<=://)(?:[^\s/:@]*:(?!\d+(?:[/\s]|$)).*@|[^\s/]*@)", re.DOTALL)


def redact(text: str) -> str:
    """``text`` with the user and password of every URL in it replaced by stars."""
    return _USERINFO.sub("****@", text)
