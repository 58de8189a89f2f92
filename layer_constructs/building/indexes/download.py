"""A file of an index -> that file on this machine, checked against its hash."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from layer_constructs.building.indexes.failures import unavailable
from layer_constructs.building.indexes.http import Http, Status
from layer_constructs.building.indexes.index import Index, Indexes
from layer_constructs.errors import HashMismatchError, IndexUnavailableError


def download(
    url: str, sha256: str, *, of: str | None, indexes: Indexes, into: Path, environ: Mapping[str, str] | None = None
) -> None:
    """Fetch what ``url`` names, an address without credentials, into the file ``into``.

    :param of: the index that names it; without, the one that it seems to belong to.
    :raises IndexUnavailableError: if it can't be fetched.
    :raises HashMismatchError: if it is not the file that was locked.
    """
    if urlsplit(url).scheme == "file":
        try:
            shutil.copyfile(urllib.request.url2pathname(urlsplit(url).path), into)
        except OSError as error:
            raise IndexUnavailableError(f"{url} can't be read: {error.strerror or error}") from error
    else:
        index = index_of(url, of, indexes)

        def keep(response: http.client.HTTPResponse) -> None:
            with into.open("wb") as file:
                shutil.copyfileobj(response, file)

        answer, _ = Http(os.environ if environ is None else environ).get(url, index=index, accept="*/*", read=keep)
        if isinstance(answer, Status):
            raise unavailable(index.url, str(answer), where=index.where)
    with into.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != sha256:
        raise HashMismatchError(
            f"{url} is not the file that was locked",
            details=[f"locked sha256: {sha256}", f"its sha256:    {actual}"],
            fix="find out why the file changed before you lock it again",
        )


def index_of(url: str, named: str | None, indexes: Indexes) -> Index:
    """The index that a file's address belongs to: the one that names it, else the one on its host."""
    for index in indexes.indexes:
        if named == index.url or url.startswith(f"{index.url}/"):
            return index
    same_host = (index for index in indexes.indexes if urlsplit(index.url).netloc == urlsplit(url).netloc)
    return next(same_host, Index(url=f"{urlsplit(url).scheme}://{urlsplit(url).netloc}", name=""))
