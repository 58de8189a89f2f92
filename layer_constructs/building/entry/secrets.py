"""What looks like a secret, by its name or its first lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

# Files that hold passwords and tokens for the tools that read them, by name.
_NAMES = {
    ".env": "variables of an environment",
    ".envrc": "variables of an environment",
    ".git-credentials": "passwords of git",
    ".htpasswd": "passwords of a web server",
    ".netrc": "passwords of hosts",
    "_netrc": "passwords of hosts",
    ".pgpass": "passwords of PostgreSQL",
    ".pypirc": "tokens of package indexes",
    "id_dsa": "a private key",
    "id_ecdsa": "a private key",
    "id_ed25519": "a private key",
    "id_rsa": "a private key",
}
_ENDINGS = {
    ".jks": "a key store",
    ".keystore": "a key store",
    ".p12": "a key store",
    ".pfx": "a key store",
    ".ppk": "a private key",
}
_FOLDERS = {".aws": "credentials of AWS", ".gnupg": "private keys", ".ssh": "private keys"}

# `.env.production`, but not the templates that people do share.
_ENVIRONMENT = re.compile(r"\.env\.(?!(?:dist|example|sample|template)$).+")

# RFC 7468, OpenSSH's own and PGP's; in JSON and in programs the line ends are written out. A program that only knows
# the words has no key after them.
_LINE_END = rb"(?:\r?\n|\\r\\n|\\n)[ \t]*"
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----" + _LINE_END
    + rb"(?:[\w-]+: [^\r\n]*?" + _LINE_END + rb"|" + _LINE_END + rb")*[\w+/=]{32,}"
)  # fmt: skip

# Bytes. A key is smaller; a larger file is data.
_LARGEST = 1 << 20


def looks_secret(paths: Iterable[str], content: bytes) -> str | None:
    """What a file seems to hold; None for one that looks harmless.

    :param paths: by which it is known: in the layer, and where it lies; with ``/``.
    """
    named = next(filter(None, map(_named, paths)), None)
    if named is None and len(content) <= _LARGEST and b"PRIVATE KEY" in content and _PRIVATE_KEY.search(content):
        return "a private key"
    return named


def _named(path: str) -> str | None:
    *folders, name = PurePosixPath(path.lower()).parts
    for folder in folders:
        if folder in _FOLDERS:
            return _FOLDERS[folder]
    if _ENVIRONMENT.fullmatch(name):
        return _NAMES[".env"]
    return _NAMES.get(name) or _ENDINGS.get(PurePosixPath(name).suffix)
