"""The package indexes of a requirements file, and how uv gets to know them without a password in its arguments."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from layer_constructs.building.indexes.environment import DEFAULT_VARIABLES, EXTRA_VARIABLES
from layer_constructs.building.indexes.url import CleanUrl, clean_url, public_url, variables_in
from layer_constructs.errors import RequirementsError, Where

if TYPE_CHECKING:
    from layer_constructs.building.reading.requirements import IndexOption, RequirementsFile

PYPI = "https://pypi.org/simple"

# Users that say nothing, or that stand where a token is given as the user. A token has no fixed form: what is this long
# is taken for one.
_NO_PASSWORD = frozenset({"", "x-oauth-basic", "NOPASS"})
_TOKEN_LENGTH = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """One package index (PEP 503 or 691).

    :ivar url: without credentials and trailing slash: what locks, errors and digests may show.
    :ivar name: the name under which uv gets its credentials.
    :ivar explicit: only names that ask for this index may come from it.
    :ivar where: the place that names it; None if that is the environment.
    :ivar written: how the user writes it, variables unexpanded.
    """

    url: str
    name: str
    explicit: bool = False
    where: Where | None = field(default=None, compare=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    written: tuple[str, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class FindLinks:
    """A page or folder with links to wheels.

    :ivar url: without credentials; a folder is a ``file:`` URL.
    """

    url: str
    where: Where | None = field(default=None, compare=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexes:
    """Where packages may come from.

    :ivar indexes: in the order in which uv asks them; the last is the default. Empty with ``no_index``.
    """

    indexes: tuple[Index, ...]
    find_links: tuple[FindLinks, ...] = ()
    no_index: bool = False

    def uv_environment(self) -> dict[str, str]:
        """The variables that tell uv about these indexes: the environment, since arguments are in the process list.

        ``--no-index`` has no variable: see :meth:`uv_arguments`. An explicit index is left to the project file that
        names it; its credentials are here.
        """
        env = {}
        if self.indexes:
            *extra, default = self.indexes
            env["UV_DEFAULT_INDEX"] = f"{default.name}={default.url}"
            named = [f"{index.name}={index.url}" for index in extra if not index.explicit]
            if named:
                env["UV_INDEX"] = " ".join(named)
        for index in self.indexes:
            if index.username is not None or index.password is not None:
                env[f"UV_INDEX_{index.name.upper()}_USERNAME"] = index.username or ""
            if index.password is not None:  # empty, it would keep uv from asking netrc and keyring
                env[f"UV_INDEX_{index.name.upper()}_PASSWORD"] = index.password
        if self.find_links:
            env["UV_FIND_LINKS"] = ",".join(_with_login(links).replace(",", "%2C") for links in self.find_links)
        return env

    def without_folders(self) -> Indexes:
        """For a container, in which folders of this machine are not; uv reads each that is named."""
        return replace(self, find_links=tuple(at for at in self.find_links if not at.url.startswith("file:")))

    def uv_arguments(self) -> list[str]:
        """What uv takes only as an argument; nothing secret."""
        return ["--no-index"] if self.no_index else []

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every password and token in the forms in which it may be printed, to be masked."""
        found: dict[str, None] = {}
        holders: tuple[Index | FindLinks, ...] = (*self.indexes, *self.find_links)
        for each in holders:
            found.update(dict.fromkeys(_secrets(each.username, each.password)))
        return tuple(found)

    def named(self, value: str, *, where: Where | None = None) -> Index:
        """The index that a requirement asks for.

        :param value: as written there: with or without credentials, variables unexpanded.
        :raises RequirementsError: if it is not among the indexes; the error lists them.
        """
        for index in self.indexes:
            if public_url(value) in map(public_url, index.written):
                return index
        try:
            url = clean_url(value, environ={}, where=where, label="the index").url.rstrip("/")
        except RequirementsError:
            url = None
        for index in self.indexes:
            if index.url == url:
                return index
        raise RequirementsError(
            f"a requirement asks for the index {url}, which the file doesn't list"
            if url
            else "a requirement asks for an index that the file doesn't list",
            where=where,
            details=[f"listed: {', '.join(index.url for index in self.indexes) or 'none'}"],
            fix="add it with --extra-index-url, or name one of those",
        )


def read_indexes(file: RequirementsFile, environ: Mapping[str, str]) -> Indexes:
    """The indexes that a file names, credentials included.

    Where it has no ``--index-url``, the first of ``UV_DEFAULT_INDEX``, ``UV_INDEX_URL`` and ``PIP_INDEX_URL`` counts,
    else PyPI. ``UV_INDEX``, ``UV_EXTRA_INDEX_URL`` and ``PIP_EXTRA_INDEX_URL`` count only where it names no index
    at all.
    Credentials that the environment has for the URL of an index (in one of these variables, or as
    ``UV_INDEX_<NAME>_USERNAME`` and ``_PASSWORD`` of a name in ``UV_INDEX``) are taken for it wherever it is named.

    :raises RequirementsError: for a variable that isn't set and a URL that isn't one, with file and line.
    """
    links = tuple(_find_links(option, environ) for option in file.find_links)
    if file.no_index:
        return Indexes(indexes=(), find_links=links, no_index=True)
    extra = [_from_option(option, environ) for option in file.extra_index_urls]
    if not extra and file.index_url is None:
        extra = [_from_entry(*entry, environ) for name in EXTRA_VARIABLES for entry in _entries(name, environ)]
    if file.index_url is not None:
        default = _from_option(file.index_url, environ)
    else:
        given = (entry for name in DEFAULT_VARIABLES for entry in _entries(name, environ))
        entry = next(given, None)
        default = _from_entry(*entry, environ) if entry else Index(url=PYPI, name="")
    known = _known_logins(environ)
    merged = _merge([*extra, replace(default, explicit=False)])
    return Indexes(
        indexes=tuple(
            replace(_with_known_login(index, known), name=f"lc{position}") for position, index in enumerate(merged)
        ),
        find_links=links,
    )


def login_variables(file: RequirementsFile) -> tuple[str, ...] | None:
    """The variables that a file takes credentials from: they must be set, and what they hold decides nothing else.

    None if it takes more than credentials from a variable.
    """
    found: dict[str, None] = {}
    for option in (*filter(None, (file.index_url,)), *file.extra_index_urls, *file.find_links):
        login, others = variables_in(option.value)
        if others:
            return None
        found |= dict.fromkeys(login)
    return tuple(found)


def _from_option(option: IndexOption, environ: Mapping[str, str]) -> Index:
    clean = clean_url(option.value, environ=environ, where=option.where, label="the index URL")
    index = replace(_index(clean), where=option.where, explicit=option.explicit, written=(option.value,))
    return _with_named_login(index, option.name, environ) if option.name else index


def _find_links(option: IndexOption, environ: Mapping[str, str]) -> FindLinks:
    clean = clean_url(option.value, environ=environ, where=option.where, label="--find-links")
    return FindLinks(url=clean.url, where=option.where, username=clean.username, password=clean.password)


def _entries(variable: str, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """``(variable, entry)`` for each index in a variable."""
    for entry in environ.get(variable, "").split():
        yield variable, entry


def _from_entry(variable: str, entry: str, environ: Mapping[str, str]) -> Index:
    """``URL`` or ``name=URL``; the latter has credentials of its own in the environment."""
    found = re.fullmatch(r"(?P<name>[\w.-]+)=(?P<url>.*)", entry)
    # No variables in variables: neither pip nor the shell would expand them here.
    value = found["url"] if found else entry
    clean = clean_url(value, environ={}, where=None, label=f"an index URL in {variable}")
    index = replace(_index(clean), written=(value,))
    return _with_named_login(index, found["name"], environ) if found else index


def _with_named_login(index: Index, name: str, environ: Mapping[str, str]) -> Index:
    prefix = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
    username, password = environ.get(f"{prefix}_USERNAME"), environ.get(f"{prefix}_PASSWORD")
    if not (username or password):
        return index
    return replace(index, username=username or index.username, password=password or index.password)


def _index(clean: CleanUrl) -> Index:
    return Index(url=clean.url.rstrip("/"), name="", username=clean.username, password=clean.password)


def _known_logins(environ: Mapping[str, str]) -> dict[str, Index]:
    """Credentials in the environment by URL. A broken entry is no error here: the file may not need it."""
    known: dict[str, Index] = {}
    for variable in (*DEFAULT_VARIABLES, *EXTRA_VARIABLES):
        for entry in _entries(variable, environ):
            try:
                index = _from_entry(*entry, environ)
            except RequirementsError:
                continue
            if index.username or index.password:
                known.setdefault(index.url, index)
    return known


def _with_known_login(index: Index, known: Mapping[str, Index]) -> Index:
    login = known.get(index.url)
    if login is None or index.password or (index.username and index.username != login.username):
        return index
    return replace(index, username=login.username, password=login.password)


def _merge(indexes: Iterable[Index]) -> list[Index]:
    """One entry a URL, where it stands last (the default stays the default), with the first credentials given."""
    merged: dict[str, Index] = {}
    for index in indexes:
        before, kept = merged.pop(index.url, None), index
        if before:
            login = before if before.username or before.password else index
            kept = replace(
                index,
                username=login.username,
                password=login.password,
                explicit=before.explicit and index.explicit,
                written=(*before.written, *index.written),
            )
        merged[index.url] = kept
    return list(merged.values())


def _with_login(links: FindLinks) -> str:
    if links.username is None and links.password is None:
        return links.url
    scheme, _, rest = links.url.partition("://")
    password = "" if links.password is None else f":{quote(links.password, safe='')}"
    return f"{scheme}://{quote(links.username or '', safe='')}{password}@{rest}"


def _secrets(username: str | None, password: str | None) -> Iterator[str]:
    secret = [password or ""]
    if username and ((password or "") in _NO_PASSWORD or len(username) >= _TOKEN_LENGTH):
        secret.append(username)
    for text in filter(None, secret):
        encoded = quote(text, safe="")
        yield from (
            text,
            encoded,
            re.sub(r"%..", lambda found: found[0].lower(), encoded),
            quote(text),
            quote_plus(text),
        )
    if any(secret):
        yield base64.b64encode(f"{username or ''}:{password or ''}".encode()).decode()
