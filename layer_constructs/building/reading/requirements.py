"""A pip requirements file as values: every requirement with its file and line. Nothing is resolved here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from layer_constructs.building.reading.local_path import SCHEME, absolute, local_path
from layer_constructs.building.reading.logical_lines import logical_lines, split_lines
from layer_constructs.building.reading.redaction import redact
from layer_constructs.building.reading.requirement_line import VARIABLE, RequirementLine, parse_requirement
from layer_constructs.building.reading.requirement_options import options_in
from layer_constructs.building.reading.seen import path_kind, read_bytes
from layer_constructs.errors import RequirementsError, UnsupportedRequirementError, Where

_COMMENT = re.compile(r"(?:^|\s+)#.*$", re.DOTALL)  # pip's rule: a '#' inside a word, as in a URL, is no comment
_PRAGMA = re.compile(r"#\s*index:\s*(\S*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexOption:
    """An index as it is written: ``${VAR}`` is not expanded, and a password is still in it.

    :ivar explicit: only names that ask for this index may come from it (uv's ``explicit = true``).
    :ivar name: what the file calls it; its credentials may stand in ``UV_INDEX_<NAME>_USERNAME`` and ``_PASSWORD``.
    """

    value: str = field(repr=False)
    where: Where
    explicit: bool = False
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementsFile:
    """Everything a file asks for, with the files it includes."""

    path: Path
    requirements: tuple[RequirementLine, ...]
    constraints: tuple[RequirementLine, ...] = ()
    index_url: IndexOption | None = None
    extra_index_urls: tuple[IndexOption, ...] = ()
    find_links: tuple[IndexOption, ...] = ()
    no_index: bool = False
    prereleases: bool = False

    @property
    def is_pinned(self) -> bool:
        """Whether this file is its own lock: every requirement has one version and a sha256."""
        return bool(self.requirements) and all(line.is_pinned for line in self.requirements)


def read_requirements(path: Path) -> RequirementsFile:
    """Read a requirements file and the files it includes.

    Follows pip's format (https://pip.pypa.io/en/stable/reference/requirements-file-format/) and adds one thing: a
    comment ``# index: URL`` at the end of a requirement says which index it must come from.

    :param path: relative to the working directory.
    :raises UnsupportedRequirementError: for a requirement that can't be pinned.
    :raises RequirementsError: if the file can't be read or understood, or asks for nothing.
    """
    return parse_requirements(read_text(path), path)


def parse_requirements(text: str, path: Path) -> RequirementsFile:
    """As `read_requirements`, for text that is there already, such as what another tool wrote.

    :param path: what the errors name; paths in the text are relative to its folder.
    """
    found = _Found()
    _parse_into(found, text, path, constraint=False, including=())
    if not found.requirements:
        raise RequirementsError(
            "there is nothing to install",
            where=Where(path),
            details=["the file names no requirement"],
            fix="write a requirement into it, such as `requests>=2.32`, or take the layer out",
        )
    if found.require_hashes:
        for line in found.requirements:
            if not line.hashes:
                raise RequirementsError(
                    f"{line.name or line.path} has no hash, and {found.require_hashes} says --require-hashes",
                    where=line.where,
                    fix="add --hash=sha256:... to it, or take out --require-hashes: the lock has all hashes anyway",
                )
    return RequirementsFile(
        path=path,
        requirements=tuple(found.requirements),
        constraints=tuple(found.constraints),
        index_url=found.index_url,
        extra_index_urls=tuple(found.extra_index_urls),
        find_links=tuple(found.find_links),
        no_index=found.no_index,
        prereleases=found.prereleases,
    )


def read_text(path: Path, *, where: Where | None = None) -> str:
    """The text of a file that a user wrote.

    :param where: the line that named it, if another file did.
    :raises RequirementsError: if it isn't there, isn't a file, or isn't UTF-8 text.
    """
    tried = absolute(path)
    if path_kind(path) not in ("file", None):
        raise RequirementsError(f"{tried} is not a file", where=where, fix="name the file itself")
    try:
        data = read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        details = [f"relative paths are relative to the working directory, {Path.cwd()}"]
        raise RequirementsError(
            f"there is no file {tried}", where=where, details=[] if where or path.is_absolute() else details
        ) from None
    except OSError as error:
        raise RequirementsError(f"{tried} can't be read: {error.strerror}", where=where) from error
    except ValueError:  # a NUL or a lone surrogate in the path
        raise RequirementsError(f"{str(tried)!r} is not a path", where=where) from None
    try:
        text = data.decode().removeprefix("\ufeff")
        bad = data.find(b"\0")
    except UnicodeDecodeError as error:
        text, bad = "", error.start
    if bad >= 0 or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RequirementsError(
            "this is not UTF-8 text",
            where=Where(path, len(split_lines(data[: max(bad, 0)].decode("latin-1")))),
            fix="save it as UTF-8 (`>` in Windows PowerShell writes UTF-16)",
        )
    return text


def index_option(value: str, *, where: Where, explicit: bool = False, name: str | None = None) -> IndexOption:
    """An index by its URL, of which only the scheme is looked at.

    :raises RequirementsError: if it isn't a URL; the value is not shown, since it may hold a password.
    """
    if not re.match(r"(?:https?|file)://|\$\{\w+\}", value, re.IGNORECASE):
        raise RequirementsError("an index is named by its URL: https://, http:// or file://", where=where)
    return IndexOption(value=value, where=where, explicit=explicit, name=name)


def find_links_option(value: str, *, where: Where, folder: Path) -> IndexOption:
    """A place with links to wheels: a URL as written, a local one as an absolute path.

    A value that begins with ``${VAR}`` stays as it is: whether it is a URL is seen when it is expanded.

    :raises RequirementsError: if a local one isn't there.
    """
    scheme = SCHEME.match(value)
    if VARIABLE.match(value) or (scheme and scheme[0].lower() != "file"):
        return IndexOption(value=value, where=where)
    if VARIABLE.search(value):
        raise RequirementsError(
            "a path can't take a variable in its middle", where=where, fix="begin with the variable, or write the path"
        )
    path = absolute(local_path(value, where=where, folder=folder))
    if path_kind(path) is None:
        raise RequirementsError(f"there is no file or folder {path}, which --find-links names", where=where)
    return IndexOption(value=str(path), where=where)


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    requirements: list[RequirementLine] = field(default_factory=list)
    constraints: list[RequirementLine] = field(default_factory=list)
    index_url: IndexOption | None = None
    extra_index_urls: list[IndexOption] = field(default_factory=list)
    find_links: list[IndexOption] = field(default_factory=list)
    no_index: bool = False
    prereleases: bool = False
    require_hashes: Where | None = None
    files: set[tuple[Path, bool]] = field(default_factory=set)


def _parse_into(found: _Found, text: str, path: Path, *, constraint: bool, including: tuple[Path, ...]) -> None:
    including = (*including, path.resolve())
    for number, line in logical_lines(text):
        place = Where(path, number)
        start = _COMMENT.search(line)
        content, comment = (line[: start.start()], start[0]) if start else (line, "")
        content = content.strip()
        if not content:
            continue
        split = re.search(r"(?:^|\s)-", content)
        requirement = (content[: split.start()] if split else content).strip()
        options = list(options_in(content[split.start() :], place)) if split else []
        if requirement:
            parsed = _requirement_line(requirement, options, comment, place)
            (found.constraints if constraint else found.requirements).append(
                _checked_constraint(parsed) if constraint else parsed
            )
            continue
        for option, value in options:
            if option in ("--requirement", "--constraint"):
                if constraint and option == "--requirement":
                    # pip installs what it finds there, uv only constrains by it: there is no right answer
                    raise RequirementsError(
                        "a constraints file can't include requirements", where=place, fix="include it with -c"
                    )
                _include(found, value, place, constraint=option == "--constraint", including=including)
            else:
                _apply_option(found, option, value, place)


def _include(found: _Found, value: str, where: Where, *, constraint: bool, including: tuple[Path, ...]) -> None:
    if VARIABLE.search(value):
        raise RequirementsError("-r and -c can't take variables", where=where, fix="write the path itself")
    if "://" in value:
        raise RequirementsError(
            f"a file is included by its path, not by a URL: {redact(value)}",
            where=where,
            fix="download it, commit it and name its path",
        )
    path = where.path.parent / value
    text = read_text(path, where=where)
    real = path.resolve()
    if real in including:
        raise RequirementsError(f"{path} includes itself", where=where, fix="take the line out")
    if (real, constraint) not in found.files:  # a second time it would say the same
        found.files.add((real, constraint))
        _parse_into(found, text, path, constraint=constraint, including=including)


def _apply_option(found: _Found, option: str, value: str, where: Where) -> None:
    match option:
        case "--index-url":
            found.index_url = index_option(value, where=where)
        case "--extra-index-url":
            found.extra_index_urls.append(index_option(value, where=where))
        case "--find-links":
            found.find_links.append(find_links_option(value, where=where, folder=where.path.parent))
        case "--no-index":
            found.no_index = True
        case "--pre":
            found.prereleases = True
        case "--require-hashes":
            found.require_hashes = found.require_hashes or where
        case "--editable":
            raise UnsupportedRequirementError(
                f"an editable requirement can't be pinned: -e {redact(value)}",
                where=where,
                fix="name the folder without -e (it is then built as a wheel), or a released version",
            )
        case "--hash":
            raise RequirementsError("--hash has no requirement in front of it", where=where)
        case _:  # --prefer-binary and --only-binary: only wheels are taken anyway
            pass


def _requirement_line(text: str, options: list[tuple[str, str]], comment: str, where: Where) -> RequirementLine:
    for option, _ in options:
        if option != "--hash":
            raise RequirementsError(
                f"{option} can't stand behind a requirement", where=where, fix="give it a line of its own"
            )
    if text.endswith("\\"):
        raise RequirementsError(
            "a backslash continues a line only as its last character", where=where, fix="remove what stands behind it"
        )
    pragma = _PRAGMA.search(comment)
    index = index_option(pragma[1], where=where).value if pragma else None
    hashes = [value for _, value in options]
    return parse_requirement(text, where=where, folder=where.path.parent, hashes=hashes, index=index)


def _checked_constraint(line: RequirementLine) -> RequirementLine:
    """As in pip, a constraint is a name with a version or a URL: it must not add what nobody asked for."""
    if line.path:
        raise RequirementsError(f"a constraint can't be a local path: {line.path}", where=line.where)
    if line.requirement and line.requirement.extras:
        raise RequirementsError(f"a constraint can't have extras: {line.requirement}", where=line.where)
    return line
