"""The URL of a wheel in a requirement: it must be one that a hash pins."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from layer_constructs.building.reading.redaction import redact
from layer_constructs.errors import RequirementsError, UnsupportedRequirementError, Where

# Strong enough to identify a file; the rest of what pip takes (md5, sha1, sha224) is not.
_HASH_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}


def checked_hash(value: str, where: Where) -> str:
    """A hash such as ``sha256:<hex>``, in lower case.

    :raises RequirementsError: if its algorithm is too weak or its length is wrong.
    """
    algorithm, _, digest = value.lower().partition(":")
    if re.fullmatch(rf"[0-9a-f]{{{_HASH_DIGITS.get(algorithm, 0)}}}", digest) and algorithm in _HASH_DIGITS:
        return f"{algorithm}:{digest}"
    raise RequirementsError(
        f"this is not a hash that can be trusted: {redact(value)}",
        where=where,
        details=["allowed: sha256:, sha384: or sha512: with 64, 96 or 128 hexadecimal digits"],
    )


def split_fragment(url: str, where: Where) -> tuple[str, set[str]]:
    """The URL without its fragment, and the hashes in it.

    :raises UnsupportedRequirementError: if the fragment says anything that would change what is installed.
    """
    bare, _, fragment = url.partition("#")
    hashes = set()
    for part in filter(None, fragment.split("&")):
        key, _, value = part.partition("=")
        if key in _HASH_DIGITS:
            hashes.add(checked_hash(f"{key}:{value}", where))
        elif key not in ("egg", "md5", "sha1", "sha224"):  # they say nothing that isn't known better
            raise UnsupportedRequirementError(
                f"a URL can't end with this: #{redact(part)}",
                where=where,
                details=["allowed: #sha256=, #sha384= or #sha512="],
            )
    return bare, hashes


def wheel_filename(url: str, *, has_hash: bool, where: Where) -> str:
    """The file name in a wheel's URL.

    :raises UnsupportedRequirementError: if the URL holds a password, isn't that of a wheel, or no hash pins it.
    :raises RequirementsError: if it isn't a URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise RequirementsError(f"this is not a URL: {redact(url)}", where=where) from None
    if "@" in parts.netloc:  # the lock and the layer's description would show it
        raise UnsupportedRequirementError(
            f"a requirement's URL can't hold a user or password: {redact(url)}",
            where=where,
            fix="take them out of the URL and put them into ~/.netrc",
        )
    filename = unquote(parts.path.rpartition("/")[2])
    if not filename.lower().endswith(".whl"):
        raise UnsupportedRequirementError(
            f"a URL must be that of a wheel: {redact(url)}",
            where=where,
            details=["a source distribution would have to run its build code on this machine"],
            fix="name a release on an index, or the URL of a .whl",
        )
    if not has_hash:
        raise UnsupportedRequirementError(
            f"a URL without a hash can't be pinned: {redact(url)}",
            where=where,
            fix="add --hash=sha256:... to the line, or #sha256=... to the URL",
        )
    return filename
