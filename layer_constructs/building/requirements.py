"""A pip requirements file as values: every requirement with its file and line. Nothing is resolved here."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from layer_constructs.errors import RequirementsError, UnsupportedRequirementError, Where

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.version import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementLine:
    """One requirement or constraint.

    :ivar name: the canonical name; None for a project folder whose line doesn't name it (it is known once it is built).
    :ivar requirement: None for a project folder. For a local wheel ``name==version``; for a URL it carries the URL,
        without its hash.
    :ivar where: the first line of the logical line, 1-based.
    :ivar hashes: sorted ``sha256:<hex>`` (or sha384, sha512), lower case.
    :ivar index: the URL of the index this name must come from, as written: it may hold a password or ``${VAR}``.
    :ivar path: the absolute path of a local wheel or project folder.
    :ivar extras: of a project folder only; elsewhere they are in ``requirement``.
    :ivar marker: of a project folder only; elsewhere it is in ``requirement``.
    """

    name: str | None
    requirement: Requirement | None
    where: Where
    hashes: tuple[str, ...] = ()
    index: str | None = field(default=None, repr=False)
    path: Path | None = None
    extras: tuple[str, ...] = ()
    marker: Marker | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexOption:
    """An index as it is written: ``${VAR}`` is not expanded, and a password is still in it.

    :ivar explicit: only names that ask for this index may come from it (uv's ``explicit = true``).
    """

    value: str = field(repr=False)
    where: Where
    explicit: bool = False


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
        return bool(self.requirements) and all(map(_is_pinned, self.requirements))


# Strong enough to identify a file; the rest of what pip takes (md5, sha1, sha224) is not.
_HASH_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}

_SHORT = {
    "-r": "--requirement", "-c": "--constraint", "-i": "--index-url", "-f": "--find-links", "-e": "--editable",
    "-C": "--config-settings",
}  # fmt: skip
_ALIASES = {"--pypi-url": "--index-url", "--config-setting": "--config-settings"}
_WITH_VALUE = frozenset(
    {
        "--requirement", "--constraint", "--index-url", "--extra-index-url", "--find-links", "--editable",
        "--hash", "--only-binary",
    }
)  # fmt: skip
_FLAGS = frozenset({"--no-index", "--pre", "--require-hashes", "--prefer-binary"})
_NOT_BUILT = "nothing is built from source here: take the option out, or build the wheel yourself and name its path"
_REFUSED = {
    "--no-binary": _NOT_BUILT,
    "--config-settings": _NOT_BUILT,
    "--global-option": _NOT_BUILT,
    "--install-option": _NOT_BUILT,
    "--trusted-host": "take it out and reach the index by https; SSL_CERT_FILE names a company's own certificates",
}
_ALLOWED_OPTIONS = (
    "-r, -c, -i/--index-url, --extra-index-url, -f/--find-links, --no-index, --pre, --require-hashes, --prefer-binary, "
    "--only-binary, and --hash behind a requirement"
)

_COMMENT = re.compile(r"(?:^|\s+)#.*$", re.DOTALL)  # pip's rule: a '#' inside a word, as in a URL, is no comment
_PRAGMA = re.compile(r"#\s*index:\s*(\S*)")
_VARIABLE = re.compile(r"\$\{\w+\}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)|file(?=:)", re.IGNORECASE)
_VCS = re.compile(r"(?:git|hg|svn|bzr)\+", re.IGNORECASE)
_ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar", ".zip")
# A password with a raw '/', '@' or blank in it is not a valid URL, but it must not be shown either; a port may be.
_USERINFO = re.compile(r"(?<=://)(?:[^\s/:@]*:(?!\d+(?:[/\s]|$)).*@|[^\s/]*@)", re.DOTALL)


def redact(text: str) -> str:
    """``text`` with the user and password of every URL in it replaced by stars."""
    return _USERINFO.sub("****@", text)


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
    tried = _absolute(path)
    if _kind(path) not in ("file", None):
        raise RequirementsError(f"{tried} is not a file", where=where, fix="name the file itself")
    try:
        data = path.read_bytes()
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
            where=Where(path, len(_split_lines(data[: max(bad, 0)].decode("latin-1")))),
            fix="save it as UTF-8 (`>` in Windows PowerShell writes UTF-16)",
        )
    return text


def parse_requirement(
    text: str, *, where: Where, folder: Path, hashes: Iterable[str] = (), index: str | None = None
) -> RequirementLine:
    """One requirement without its options: a name, a URL or a path, with extras and a marker.

    :param folder: what a relative path is relative to.
    :param hashes: such as ``sha256:<hex>``.
    :raises UnsupportedRequirementError: if it can't be pinned.
    :raises RequirementsError: if it can't be understood.
    """
    if _VARIABLE.search(text):
        raise RequirementsError(
            f"a requirement can't take variables: {redact(text)}",
            where=where,
            fix="write the value itself; ${VAR} is for --index-url, --extra-index-url and --find-links",
        )
    if _VCS.match(text):
        raise _version_control(text, where)
    strong: set[str] = {_checked_hash(each, where) for each in hashes}
    name: str | None = None
    extras, marker = "", None
    if scheme := _SCHEME.match(text):
        location, _, condition = (re.sub(r"\s+;|;\s+", "\0", text, count=1)).partition("\0")
    elif _looks_like_path(text):
        location, _, condition = text.partition(";")
    else:
        requirement = _requirement(text, where)
        if requirement.url is None:
            return RequirementLine(
                name=canonicalize_name(requirement.name),
                requirement=requirement,
                where=where,
                hashes=tuple(sorted(strong)),
                index=index,
            )
        name, extras, marker = requirement.name, ",".join(sorted(requirement.extras)), requirement.marker
        location, condition = requirement.url, ""
        if _VCS.match(location):
            raise _version_control(text, where)
        scheme = _SCHEME.match(location)
    location = location.strip()
    if name is None:
        if bracketed := re.fullmatch(r"(.+?)\s*\[([^\[\]]*)\]", location, re.DOTALL):
            location, extras = bracketed.groups()
        checked = _requirement(f"x[{extras}]" + (f" ; {condition}" if condition.strip() else ""), where, shown=text)
        extras, marker = ",".join(sorted(checked.extras)), checked.marker

    protocol = scheme[0].lower() if scheme else "file"
    if scheme:
        location, digests = _split_fragment(location, where)
        strong |= digests
    if protocol in ("http", "https"):
        filename = _wheel_url_filename(location, has_hash=bool(strong), where=where)
        wheel, _ = _wheel_name(filename, expected=name, where=where)
        requirement = _requirement(f"{wheel}[{extras}] @ {location}" + (f" ; {marker}" if marker else ""), where)
        return RequirementLine(
            name=wheel, requirement=requirement, where=where, hashes=tuple(sorted(strong)), index=index
        )
    if protocol != "file":
        raise UnsupportedRequirementError(
            f"{protocol}:// is not a place that a requirement can come from",
            where=where,
            details=["allowed: https, http, file, a path, or a name from an index"],
        )

    return local_requirement(
        _local_path(location, where=where, folder=folder),
        where=where,
        name=name,
        extras=extras,
        marker=marker,
        hashes=tuple(sorted(strong)),
        index=index,
    )


def local_requirement(
    path: Path,
    *,
    where: Where,
    name: str | None = None,
    extras: str = "",
    marker: Marker | None = None,
    hashes: tuple[str, ...] = (),
    index: str | None = None,
) -> RequirementLine:
    """A wheel or a project folder on this machine.

    :param path: relative to the working directory.
    :param name: what it must be, if that is known.
    :param extras: comma-separated.
    :raises UnsupportedRequirementError: for a source distribution.
    :raises RequirementsError: if it isn't there, or is neither a wheel of that name nor a project folder.
    """
    path = _absolute(path)
    if _kind(path) == "file" and path.suffix.lower() == ".whl":
        wheel, version = _wheel_name(path.name, expected=name, where=where)
        requirement = _requirement(f"{wheel}[{extras}]=={version}" + (f" ; {marker}" if marker else ""), where)
        return RequirementLine(name=wheel, requirement=requirement, where=where, hashes=hashes, index=index, path=path)
    _check_project(path, where)
    if hashes:
        raise RequirementsError(
            f"a project folder can't have a hash: {path}",
            where=where,
            fix="take the hash out, or name a wheel built from the folder",
        )
    return RequirementLine(
        name=canonicalize_name(name) if name else None,
        requirement=None,
        where=where,
        index=index,
        path=path,
        extras=tuple(extras.split(",")) if extras else (),
        marker=marker,
    )


def index_option(value: str, *, where: Where, explicit: bool = False) -> IndexOption:
    """An index by its URL, of which only the scheme is looked at.

    :raises RequirementsError: if it isn't a URL; the value is not shown, since it may hold a password.
    """
    if not re.match(r"(?:https?|file)://|\$\{\w+\}", value, re.IGNORECASE):
        raise RequirementsError("an index is named by its URL: https://, http:// or file://", where=where)
    return IndexOption(value=value, where=where, explicit=explicit)


def find_links_option(value: str, *, where: Where, folder: Path) -> IndexOption:
    """A place with links to wheels: a URL as written, a local one as an absolute path.

    A value that begins with ``${VAR}`` stays as it is: whether it is a URL is seen when it is expanded.

    :raises RequirementsError: if a local one isn't there.
    """
    scheme = _SCHEME.match(value)
    if _VARIABLE.match(value) or (scheme and scheme[0].lower() != "file"):
        return IndexOption(value=value, where=where)
    if _VARIABLE.search(value):
        raise RequirementsError(
            "a path can't take a variable in its middle", where=where, fix="begin with the variable, or write the path"
        )
    path = _absolute(_local_path(value, where=where, folder=folder))
    if _kind(path) is None:
        raise RequirementsError(f"there is no file or folder {path}, which --find-links names", where=where)
    return IndexOption(value=str(path), where=where)


def _absolute(path: Path) -> Path:
    # As pip does it: without following symlinks, so that an error shows the path that the user wrote.
    return Path(os.path.normpath(path.absolute()))


def _kind(path: Path) -> Literal["file", "folder", "other"] | None:
    """What is there; None for nothing, and for a name that no file can have."""
    try:
        if path.is_file():
            return "file"
        return "folder" if path.is_dir() else "other" if path.exists() else None
    except (OSError, ValueError):
        return None


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
    for number, line in _logical_lines(text):
        place = Where(path, number)
        start = _COMMENT.search(line)
        content, comment = (line[: start.start()], start[0]) if start else (line, "")
        content = content.strip()
        if not content:
            continue
        split = re.search(r"(?:^|\s)-", content)
        requirement = (content[: split.start()] if split else content).strip()
        options = list(_options(content[split.start() :], place)) if split else []
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
    if _VARIABLE.search(value):
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


def _split_lines(text: str) -> list[str]:
    # Not `splitlines`, which also breaks at form feeds and U+2028: editors and uv don't, and count other lines.
    return re.split(r"\r\n|\r|\n", text)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their continuations, as pip joins them: a comment line ends a continued line."""
    first, parts = 0, list[str]()
    for number, line in enumerate(_split_lines(text), start=1):
        if not parts:
            first = number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line[:-1])
            continue
        parts.append(f" {line}" if is_comment else line)
        yield first, "".join(parts)
        parts = []
    if parts:
        yield first, "".join(parts)


def _options(text: str, where: Where) -> Iterator[tuple[str, str]]:
    """Options by their long name; values are never shown in an error, for they may hold a password."""
    try:
        tokens = iter(shlex.split(text))
    except ValueError as error:
        raise RequirementsError(f"the options can't be read: {str(error).lower()}", where=where) from None
    for token in tokens:
        value: str | None
        if token.startswith("--"):
            option, has_value, value = token.partition("=")
            value = value if has_value else None
        elif token.startswith("-"):
            option, value = token[:2], token[2:].removeprefix("=") or None
        else:
            raise RequirementsError(
                "an option has more than one value", where=where, fix="quote a value that has blanks in it"
            )
        option = _SHORT.get(option, _ALIASES.get(option, option))
        if option in _FLAGS and value is None:
            yield option, ""
        elif option in _WITH_VALUE:
            value = next(tokens, "") if value is None else value
            if not value:
                raise RequirementsError(f"{option} needs a value", where=where)
            yield option, value
        elif option in _FLAGS:
            raise RequirementsError(f"{option} takes no value", where=where)
        else:
            raise RequirementsError(
                f"the option {redact(option)} can't be used here",
                where=where,
                details=[f"allowed: {_ALLOWED_OPTIONS}"],
                fix=_REFUSED.get(option, "take it out"),
            )


def _looks_like_path(text: str) -> bool:
    head = text.partition(";")[0].strip()
    if re.match(r"[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*@", head):  # "name @ ./folder" names itself
        return False
    bare = re.sub(r"\s*\[[^\]]*\]$", "", head).lower()
    if "://" in head:
        return False
    return head.startswith((".", "~")) or "/" in head or "\\" in head or bare.endswith((".whl", *_ARCHIVES))


def _requirement(text: str, where: Where, *, shown: str | None = None) -> Requirement:
    try:
        requirement = Requirement(text)
        hash(requirement)  # versions are parsed late: one with thousands of digits would fail somewhere else
    except (ValueError, RecursionError) as error:  # the parser recurses into a marker's parentheses
        reason = str(error).partition("\n")[0]
    else:
        return requirement
    raise RequirementsError(  # outside of `except`: the parser's own text would show a password
        f"this is not a requirement: {redact(text if shown is None else shown)}",
        where=where,
        details=[redact(reason), "allowed: name, name[extra], and ==, !=, ~=, <, <=, >, >= or === with a version"],
        fix="write it like `requests==2.32.3` or `requests>=2.31,<3 ; python_version >= '3.11'`",
    )


def _checked_hash(value: str, where: Where) -> str:
    algorithm, _, digest = value.lower().partition(":")
    if re.fullmatch(rf"[0-9a-f]{{{_HASH_DIGITS.get(algorithm, 0)}}}", digest) and algorithm in _HASH_DIGITS:
        return f"{algorithm}:{digest}"
    raise RequirementsError(
        f"this is not a hash that can be trusted: {redact(value)}",
        where=where,
        details=["allowed: sha256:, sha384: or sha512: with 64, 96 or 128 hexadecimal digits"],
    )


def _split_fragment(url: str, where: Where) -> tuple[str, set[str]]:
    """The URL without its fragment, and the hashes in it."""
    bare, _, fragment = url.partition("#")
    hashes = set()
    for part in filter(None, fragment.split("&")):
        key, _, value = part.partition("=")
        if key in _HASH_DIGITS:
            hashes.add(_checked_hash(f"{key}:{value}", where))
        elif key not in ("egg", "md5", "sha1", "sha224"):  # they say nothing that isn't known better
            raise UnsupportedRequirementError(
                f"a URL can't end with this: #{redact(part)}",
                where=where,
                details=["allowed: #sha256=, #sha384= or #sha512="],
            )
    return bare, hashes


def _wheel_url_filename(url: str, *, has_hash: bool, where: Where) -> str:
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


def _wheel_name(filename: str, *, expected: str | None, where: Where) -> tuple[str, Version]:
    try:
        name, version, _, _ = parse_wheel_filename(filename)
    except ValueError as error:
        raise RequirementsError(
            f"this is not a wheel's file name: {redact(filename)}",
            where=where,
            details=[redact(str(error)), "allowed: name-version-python-abi-platform.whl"],
        ) from None
    if expected and canonicalize_name(expected) != name:
        raise RequirementsError(f"the line names {expected}, and its wheel is of {name}", where=where)
    return name, version


def _local_path(text: str, *, where: Where, folder: Path) -> Path:
    """The path that a path or a ``file:`` URL names."""
    is_url = text.lower().startswith("file:")
    try:
        host, path = urlsplit(text)[1:3] if is_url else ("", text)
    except ValueError:
        host, path = "", "://"
    if "://" in path:  # a URL in a path would lose a slash, and its password would not be known as one
        raise RequirementsError(f"this is not a path: {redact(text)}", where=where)
    if host not in ("", "localhost"):
        raise RequirementsError(
            f"a file URL can't name another machine: {redact(text)}",
            where=where,
            fix="write file:/// with three slashes",
        )
    return folder / (re.sub(r"^/(?=[A-Za-z]:)", "", unquote(path)) if is_url else path)


def _check_project(path: Path, where: Where) -> None:
    kind = _kind(path)
    if kind is None:
        raise RequirementsError(
            f"there is no file or folder {path}",
            where=where,
            details=["relative paths are relative to the file they stand in"],
        )
    if kind != "folder":
        if path.name.lower().endswith(_ARCHIVES):
            raise UnsupportedRequirementError(
                f"a source distribution would have to run its build code on this machine: {path}",
                where=where,
                fix="name a wheel built from it, or its unpacked folder",
            )
        raise RequirementsError(f"{path} is neither a wheel nor a project folder", where=where)
    if not any(_kind(path / name) == "file" for name in ("pyproject.toml", "setup.py")):
        raise RequirementsError(
            f"{path} is not a Python project", where=where, details=["it has neither a pyproject.toml nor a setup.py"]
        )


def _version_control(text: str, where: Where) -> UnsupportedRequirementError:
    return UnsupportedRequirementError(
        f"a requirement from version control can't be pinned by a hash: {redact(text)}",
        where=where,
        fix="name a released version, or build a wheel of it (`pip wheel --no-deps ...`), commit it and name its path",
    )


def _is_pinned(line: RequirementLine) -> bool:
    if line.requirement is None or not any(each.startswith("sha256:") for each in line.hashes):
        return False
    specifiers = list(line.requirement.specifier)
    return len(specifiers) == 1 and specifiers[0].operator == "==" and not specifiers[0].version.endswith(".*")
