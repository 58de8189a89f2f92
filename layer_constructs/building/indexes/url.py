"""One index URL as written -> the URL that may be shown, and the credentials apart from it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit

from layer_constructs.building.reading.seen import path_kind
from layer_constructs.errors import RequirementsError, Where

SCHEMES = ("https", "http", "file")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PATH_SAFE = "/%:@!$&'()*+,;=~"

_VARIABLE = re.compile(r"\$\{(\w+)\}")
# What comes before the last '@' ahead of the path; a password written raw may itself hold a ':' or an '@'.
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)://(?P<login>[^/?#]*)@(?P<rest>.*)", re.DOTALL)
# A password with a '/' in it, raw: what looks like a port isn't one.
_RAW_PASSWORD = re.compile(r"[A-Za-z][\w+.-]*://[^/@\[]*:(?!\d*(?:/|$)|\$\{).*@", re.DOTALL)
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]+):(?P<rest>.*)", re.DOTALL)
_SECRET_NAME = re.compile(r"TOKEN|PASSW|SECRET|CREDENTIAL|API_?KEY", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanUrl:
    """A URL that may be shown, and what it takes to be let in.

    :ivar url: no user, password, query or default port in it.
    """

    url: str
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def clean_url(value: str, *, environ: Mapping[str, str], where: Where | None, label: str) -> CleanUrl:
    """Expand ``${VAR}``, take the credentials out and normalise the rest.

    Variables are expanded as pip does (https://pip.pypa.io/en/stable/reference/requirements-file-format/): only with
    braces. A value in user or password may be percent-encoded or not, unless it has a ``%`` and two hexadecimal digits
    of its own.

    :param value: a URL, or a folder relative to the file at ``where`` (else to the working directory).
    :param label: how to call the value in an error: the value itself may hold a password.
    :raises RequirementsError: if a variable isn't set or the value isn't the URL of an index.
    """
    problem = _Problem(where, label)
    # Split before expanding: a password in a variable may have any character.
    written = _LOGIN.fullmatch(value)
    if written:
        login = [_expand(part, environ, problem) for part in written["login"].split(":", 1)]
        return _clean(written["scheme"], _expand_shown(written["rest"], environ, problem), login, problem)
    expanded = _expand_shown(value, environ, problem)
    found = _LOGIN.fullmatch(expanded)
    if found:
        return _clean(found["scheme"], found["rest"], found["login"].split(":", 1), problem)
    scheme = _SCHEME.fullmatch(expanded)
    if scheme is None:
        return CleanUrl(url=_folder(_relative(expanded, where), problem).as_uri())
    return _clean(scheme["scheme"], scheme["rest"].removeprefix("//"), [], problem)


def public_url(value: str) -> str:
    """A URL as written, variables unexpanded, without what may be secret in it and without a trailing slash.

    Nothing is checked: a value that is no URL comes back shortened to what is safe to show.
    """
    found = _LOGIN.fullmatch(value)
    shown = f"{found['scheme']}://{found['rest']}" if found else value
    if _RAW_PASSWORD.match(shown):
        shown = f"{shown.partition('://')[0]}://{shown.rpartition('@')[2]}"
    return re.split(r"[?#]", shown, maxsplit=1)[0].rstrip("/")


def variables_in(value: str) -> tuple[list[str], list[str]]:
    """The variables in a URL as written: those that its credentials are taken from, and the others."""
    written = _LOGIN.fullmatch(value)
    if written is None:
        return [], _VARIABLE.findall(value)
    return _VARIABLE.findall(written["login"]), _VARIABLE.findall(written["rest"])


@dataclass(frozen=True, slots=True)
class _Problem:
    where: Where | None
    label: str

    def refuse(self, problem: str, *, fix: str | None = None) -> NoReturn:
        raise RequirementsError(f"{self.label} {problem}", where=self.where, fix=fix)


def _expand(text: str, environ: Mapping[str, str], problem: _Problem) -> str:
    def value(found: re.Match[str]) -> str:
        return environ.get(found[1]) or problem.refuse(
            f"uses the variable {found[1]}, which is not set or empty", fix=f"set {found[1]} in the environment"
        )

    return _VARIABLE.sub(value, text)


def _expand_shown(text: str, environ: Mapping[str, str], problem: _Problem) -> str:
    expanded = _expand(text, environ, problem)
    if "://" in text or not _LOGIN.fullmatch(expanded):
        for name in _VARIABLE.findall(text):
            if _SECRET_NAME.search(name):
                problem.refuse(
                    f"has {name} in its path, and the path of an index is written into the lock",
                    fix=f"give it as the user or the password: https://user:${{{name}}}@host/simple",
                )
    return expanded


def _clean(scheme: str, rest: str, login: list[str], problem: _Problem) -> CleanUrl:
    scheme = scheme.lower()
    if scheme not in SCHEMES:
        problem.refuse(f"is a {scheme}: URL", fix=f"use one of {', '.join(SCHEMES)}")
    if re.search(r"[\s\x00-\x1f\x7f]", rest):
        problem.refuse("has a blank or a control character in it", fix="write a blank as %20")
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host, port = parts.hostname, parts.port
        ascii_host = host and (host if ":" in host else host.encode("idna").decode())
    except ValueError:  # its text repeats the value, which may be a password
        problem.refuse(
            "has no valid host and port", fix="percent-encode the password in it, or put it into a ${VARIABLE}"
        )
    if parts.query or parts.fragment:
        problem.refuse(
            "has a query or a fragment, which no index takes", fix="give a token as the user or the password"
        )
    if scheme == "file":
        if host not in (None, "localhost"):
            problem.refuse("is a file: URL with a host", fix="write it with three slashes: file:///srv/simple")
        from urllib.request import url2pathname  # brings http and email along, which a cache hit can do without

        return CleanUrl(url=_folder(Path(url2pathname(parts.path)), problem).as_uri())
    if not ascii_host:
        problem.refuse("has no host", fix="write it as https://host/simple")
    netloc = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        netloc += f":{port}"
    username, password = [*(unquote(part) for part in login), None, None][:2]
    return CleanUrl(
        url=f"{scheme}://{netloc}{quote(parts.path, safe=_PATH_SAFE)}",
        username=username or None,
        password=password or None,
    )


def _relative(value: str, where: Where | None) -> Path:
    """As pip has it: relative to the file that says it if it is there, else to the working directory."""
    beside = where.path.parent / value if where else Path(value)
    return beside if path_kind(beside) == "folder" else Path(value)


def _folder(path: Path, problem: _Problem) -> Path:
    path = Path(os.path.abspath(path))  # noqa: PTH100 - `..` is taken out, links are not followed
    if path_kind(path) != "folder":
        problem.refuse(
            f"is neither a URL nor a folder: {path}" if _printable(path) else "is neither a URL nor a folder",
            fix="write it as https://host/simple",
        )
    return path


def _printable(path: Path) -> bool:
    """A value without a scheme may be a URL that was cut short, password included."""
    return "@" not in str(path)
