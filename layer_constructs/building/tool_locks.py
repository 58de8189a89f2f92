"""The locks of uv, Pipenv and Poetry, read through those tools: what they export is text that is understood here.

Only the tool knows its own format and rules. It sees a copy without any code, and none of the surrounding
configuration that would change the export.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from layer_constructs.building import process, uv
from layer_constructs.building.indexes import PYPI
from layer_constructs.building.process import Completed, Run
from layer_constructs.building.requirements import read_text, redact
from layer_constructs.errors import (
    ArgumentError,
    LayerError,
    LockInvalidError,
    LockStaleError,
    RequirementsError,
    ToolFailedError,
    ToolMissingError,
    Where,
)

Which = Callable[[str], str | None]

# File name -> the tool that it belongs to.
KINDS: Mapping[str, str] = {"uv.lock": "uv", "Pipfile.lock": "pipenv", "poetry.lock": "poetry"}

_MANIFESTS = {"uv": "pyproject.toml", "pipenv": "Pipfile", "poetry": "pyproject.toml"}
_INSTALL = {
    "pipenv": "install it, such as by `pipx install pipenv`",
    "poetry": "install it, such as by `pipx install poetry` and `pipx inject poetry poetry-plugin-export`",
}
_INSTALL_PLUGIN = "run `poetry self add poetry-plugin-export`, or `pipx inject poetry poetry-plugin-export`"
_NOT_OURS = "only the tool that made it may remake it"

# Counted up when the text made of the same files changes: it is part of the key of exports that were kept.
_EXPORT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """A tool's lock as text of a format that is read here.

    :ivar text: holds no password and no absolute path of this machine, except where the lock itself has one. Relative
        paths are relative to the folder of the lock. Markers are kept: it is not yet for one target.
    :ivar format: ``pylock`` is PEP 751; ``requirements`` is pip's format with ``--hash``, where ``# index: URL`` behind
        a requirement names its index if there are several.
    :ivar files: what it was made from: the lock, its manifest, and for uv what else says whether the lock is stale.
    :ivar notes: what a user should know, such as that uv could not tell whether its lock is up to date.
    """

    text: str
    format: Literal["pylock", "requirements"]
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def is_tool_lock(path: Path) -> bool:
    """Whether this is another tool's lock, by its file name."""
    return path.name in KINDS


def export(
    path: Path,
    *,
    extras: Sequence[str],
    groups: Sequence[str],
    run: Run = process.run,
    which: Which = shutil.which,
) -> Export:
    """What a tool's lock pins, said by that tool.

    Development dependencies are left out unless their group is named. Nothing is written beside the lock, and no
    dependency is built or run.

    :param path: a file named as in ``KINDS``; its manifest is beside it.
    :param extras: of the project, besides what it always needs.
    :param groups: dependency groups (for Pipenv: categories), besides what the project always needs.
    :raises RequirementsError: if the lock or its manifest is missing or can't be read.
    :raises LockInvalidError: if the lock is malformed.
    :raises LockStaleError: if the tool says that the manifest has changed since.
    :raises ToolMissingError: if the tool, or its export plugin, is not installed.
    :raises ArgumentError: for an extra or a group that the project doesn't have.
    :raises ToolFailedError: if the tool fails otherwise.
    """
    lock = _read(path, extras, groups)
    program = uv.binary() if lock.tool == "uv" else which(lock.tool)
    if program is None:
        raise ToolMissingError(tool=lock.tool, needed_for=path, install=_INSTALL[lock.tool])
    notes: tuple[str, ...] = ()
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as name:
        # resolved: on macOS the temporary folder is behind a symlink, and the tools print what is behind it
        copy = _copy(lock, Path(name).resolve())
        if lock.tool == "uv":
            notes = _check_uv_fresh(lock, run, which, copy)
            text = _export_uv(lock, run, copy)
        elif lock.tool == "pipenv":
            text = _export_pipenv(lock, run, program, copy)
        else:
            text = _export_poetry(lock, run, program, copy)
    return Export(
        text=_without_credentials(text),
        format="pylock" if lock.tool == "uv" else "requirements",
        files=lock.files,
        notes=notes,
    )


def fingerprint(path: Path, *, extras: Sequence[str], groups: Sequence[str]) -> str:
    """The key under which an export can be kept: it changes with everything that the export is made from.

    Line endings don't count, nor does the order of extras and groups, nor where the folder is.

    :returns: a sha256 in hex.
    :raises RequirementsError: if the lock or its manifest is missing or can't be read.
    """
    tool = _tool(path)
    parts = [str(_EXPORT_VERSION), tool, *_names(extras, "extra", path), "", *_names(groups, "group", path), ""]
    lock_text, manifest = read_text(path), _manifest(path, tool)
    files = [(path.name, lock_text), (manifest.name, read_text(manifest))]
    if tool == "uv":
        files += [(name, read_text(path.parent / name)) for name in _uv_other_files(path, lock_text)]
    for name, text in files:
        parts += [name, text.replace("\r\n", "\n").replace("\r", "\n")]
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(b"%d:" % len(encoded) + encoded)
    return digest.hexdigest()


def urls_with_credentials(path: Path) -> tuple[str, ...]:
    """The URLs, of indexes and files, with which the lock or its manifest says a user or password in plain text.

    The text of an export has the same URLs without them, so whoever fetches from there asks here.

    :raises RequirementsError: if the lock or its manifest is missing or can't be read.
    """
    text = read_text(path) + "\n" + read_text(_manifest(path, _tool(path)))
    found = (match[0] for match in _URL.finditer(text))
    return tuple(dict.fromkeys(url for url in found if _without_credentials(url) != url))


# ---- what all of them need


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lock:
    """A lock, and what is wanted of it."""

    path: Path
    extras: list[str]
    groups: list[str]
    tool: str
    manifest: Path
    text: str = field(repr=False)
    manifest_text: str = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    manifest_data: dict[str, Any] = field(repr=False)
    files: tuple[Path, ...]


def _tool(path: Path) -> str:
    if path.name not in KINDS:
        raise ArgumentError(f"{path.name} is not the lock of a known tool", details=[f"allowed: {', '.join(KINDS)}"])
    return KINDS[path.name]


def _manifest(path: Path, tool: str) -> Path:
    manifest = path.parent / _MANIFESTS[tool]
    if not manifest.is_file():
        raise RequirementsError(
            f"{tool} reads {path.name} together with {manifest.name}, which is not beside it",
            where=Where(path),
            details=[f"tried: {manifest.absolute()}"],
            fix=f"put {manifest.name} there, or name the lock in its project's folder",
        )
    return manifest


def _read(path: Path, extras: Sequence[str], groups: Sequence[str]) -> _Lock:
    tool = _tool(path)
    text = read_text(path)
    manifest = _manifest(path, tool)
    manifest_text = read_text(manifest)
    again = f"restore it from version control, or run `{tool} lock`"
    data = _parse(text, path, json.loads if tool == "pipenv" else tomllib.loads, LockInvalidError, again)
    files = [path, manifest]
    if tool == "uv":
        files += [path.parent / name for name in _uv_other_files(path, text)]
    return _Lock(
        path=path,
        extras=_names(extras, "extra", path),
        groups=_names(groups, "group", path),
        tool=tool,
        manifest=manifest,
        text=text,
        manifest_text=manifest_text,
        data=data,
        manifest_data=_parse(manifest_text, manifest, tomllib.loads, RequirementsError, "correct that line"),
        files=tuple(files),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Copy:
    """What a tool gets to see of a project: its lock and manifest, and no code.

    It is as deep in the temporary folder as the original in its file system, so that ``../shared`` stays within.
    """

    top: Path
    original: Path
    folder: Path

    def shown(self, text: str) -> str:
        """``text`` with the user's own paths."""
        return text.replace(str(self.folder), str(self.original))


def _copy(lock: _Lock, top: Path) -> _Copy:
    original = lock.path.parent.resolve()
    folder = top.joinpath(*original.parts[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for each in (lock.path, lock.manifest):
        (folder / each.name).write_bytes(each.read_bytes())
    return _Copy(top=top, original=original, folder=folder)


def _parse(
    text: str, path: Path, loads: Callable[[str], Any], error: Callable[..., LayerError], fix: str
) -> dict[str, Any]:
    kind = "JSON" if loads is json.loads else "TOML"
    try:
        data = loads(text)
    except json.JSONDecodeError as failed:
        raise error(f"this is not valid {kind}: {failed.msg}", where=Where(path, failed.lineno), fix=fix) from failed
    except (ValueError, RecursionError) as failed:
        place = re.search(r" \(at line (\d+), column \d+\)", str(failed))
        said = redact(str(failed).replace(place[0], "") if place else str(failed))
        line = int(place[1]) if place else None
        raise error(f"this is not valid {kind}: {said}", where=Where(path, line), fix=fix) from None
    if not isinstance(data, dict):
        raise error(f"this is {kind}, but not a table", where=Where(path), fix=fix)
    return data


def _names(names: Sequence[str], what: str, path: Path) -> list[str]:
    for name in names:
        # also keeps a name from being taken for an option
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            raise ArgumentError(
                f"{name!r} is not a name that a{'n' if what == 'extra' else ''} {what} can have",
                where=Where(path),
                details=["allowed: letters, digits, '.', '_' and '-', none of the last three first or last"],
            )
    return sorted(set(names))


# A user with or without a password. As far as the last '@' if there is a password: a raw '/' or '@' in it is not
# valid, but must not get through either. What looks like a port is one.
_USERINFO = re.compile(r"(?<=://)(?:[^\s\"'/:@]*:(?!\d+(?:[/\s\"']|$))[^\s\"']*@|[^\s\"'/@]*@)")
_URL = re.compile(r"https?://[^\s\"'<>]+")


def _without_credentials(text: str) -> str:
    """``text`` with no user or password in a URL, but for one whose password is a variable: that is no secret."""
    return _USERINFO.sub(lambda found: found[0] if re.search(r"(?:^|:)\$\{\w+\}@$", found[0]) else "", text)


def _passwords(lock: _Lock) -> Iterator[str]:
    for match in _USERINFO.finditer(lock.text + "\n" + lock.manifest_text):
        password = match[0].removesuffix("@").partition(":")[2] or match[0].removesuffix("@")
        yield from (password, unquote(password))


def _last_lines(lock: _Lock, done: Completed, copy: _Copy, *, limit: int = 8) -> list[str]:
    """What the tool said last, without secrets and with the user's own paths."""
    said = copy.shown(done.stderr.strip() or done.stdout.strip())
    lines = [line for line in said.splitlines() if line.strip() and not _NOT_COPIED.search(line)][-limit:]
    passwords = {password for password in _passwords(lock) if "${" not in password}
    return [process.mask(redact(line), passwords) for line in lines]


# Poetry looks for local projects and wheels, which are not copied: their names are enough.
_NOT_COPIED = re.compile(r"^Path .* does not exist$")


def _failed(lock: _Lock, done: Completed, copy: _Copy) -> LayerError:
    if done.returncode == 127:  # a shim of pyenv or asdf, for a tool that its Python doesn't have
        return ToolMissingError(tool=lock.tool, needed_for=lock.path, install=_INSTALL[lock.tool])
    return ToolFailedError(
        f"{lock.tool} can't export {lock.path.name}",
        where=Where(lock.path),
        details=_last_lines(lock, done, copy) or [f"it said nothing and ended with {done.returncode}"],
        fix=f"run `{lock.tool} lock` in {lock.path.parent.absolute()} and see whether it works there",
    )


def _stale(lock: _Lock, said: Sequence[str]) -> LockStaleError:
    return LockStaleError(lock=lock.path, changes=said, because=_NOT_OURS, command=f"{lock.tool} lock")


def _unknown_name(lock: _Lock, said: str) -> ArgumentError:
    return ArgumentError(said, where=Where(lock.manifest), fix="name one that is there, or run the tool's lock command")


def _with_indexes(text: str, index_of: Callable[[str, str | None], str | None]) -> str:
    """Requirements text with the index of each name behind it, as a comment that ``requirements`` reads."""
    lines: list[str] = []
    index: str | None = None
    for line in text.splitlines():
        found = re.match(r"([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?(?:==([^\s;\\]+))?(?=\s|;|$)(?!\s*@)", line)
        if found:
            index = index_of(canonicalize_name(found[1]), found[2])
        ends = index is not None and not line.endswith("\\")
        lines.append(f"{line}  # index: {index}" if ends else line)
        index = None if ends else index
    return "\n".join(lines) + "\n"


# ---- uv


def _uv_other_files(path: Path, text: str) -> list[str]:
    """What decides besides whether a uv.lock is stale: uv.toml, and the pyproject.toml of every other local project."""
    names = ["uv.toml", *(f"{folder}/pyproject.toml" for folder in _uv_folders(text) if folder != ".")]
    return [name for name in names if (path.parent / name).is_file()]


def _uv_folders(text: str) -> list[str]:
    """The folders of local projects in a uv.lock, as they are in it: POSIX paths, relative to its own folder."""
    found = re.findall(r'^source = \{ (?:editable|virtual|directory) = "([^"]+)" \}', text, re.MULTILINE)
    return list(dict.fromkeys(found))


def _export_uv(lock: _Lock, run: Run, copy: _Copy) -> str:
    # --frozen: the lock as it is, so neither a Python nor an index is needed
    arguments = [
        "export", "--frozen", "--offline", "--no-config", "--no-python-downloads",
        "--format", "pylock.toml", "--no-header",
        "--no-default-groups", "--no-emit-project", "--no-editable",
    ]  # fmt: skip
    for extra in lock.extras:
        arguments += ["--extra", extra]
    for group in lock.groups:
        arguments += ["--group", group]
    done = uv.call(arguments, run=run, environment={}, secrets=(), cwd=copy.folder)
    if done.returncode:
        if found := re.search(r"(?:Extra|Group) `[^`]+` is not defined.*", done.stderr):
            raise _unknown_name(lock, found[0][0].lower() + found[0][1:])
        if _UV_UNREADABLE.search(done.stderr):
            raise LockInvalidError(
                "uv can't read this lock",
                where=Where(lock.path),
                details=_last_lines(lock, done, copy),
                fix="restore it from version control, or run `uv lock`; for a newer format, update the uv package",
            )
        raise _failed(lock, done, copy)
    return done.stdout


_UV_UNREADABLE = re.compile(r"unsupported (?:lockfile )?schema version|Failed to parse (?:lockfile )?`[^`]*uv\.lock`")
_UV_STALE = re.compile(
    r"(?:Resolving despite|Ignoring) existing lockfile due to (?P<why>[^\n]*[^\n:]):?$|needs to be updated",
    re.MULTILINE,
)


def _check_uv_fresh(lock: _Lock, run: Run, which: Which, copy: _Copy) -> tuple[str, ...]:
    """Ask uv, without network, whether the lock still fits its manifest.

    uv 0.13 builds an editable project to learn its metadata, ``--no-build`` or not. In the copy there is no code, and
    with an empty cache and no network there is no build backend either.

    :returns: a note if uv can't tell, such as for a local project whose metadata comes from its build backend.
    """
    unsure = "uv could not tell whether uv.lock is up to date: "
    if outside := _copy_uv_projects(lock, copy):
        return (f"{unsure}{outside} is an absolute path",)
    python = _python_for(lock, which)
    if python is None:
        return (f"{unsure}no Python that the project supports is on the PATH",)
    settings = copy.top / "layer-constructs-uv.toml"
    import tomlkit

    settings.write_text(tomlkit.dumps(_uv_settings(lock)), encoding="utf-8")
    arguments = [
        "lock", "--check", "--verbose", "--offline", "--no-build", "--no-python-downloads",
        "--config-file", str(settings),
        "--cache-dir", str(copy.top / "layer-constructs-uv-cache"),
        "--python", python,
    ]  # fmt: skip
    done = uv.call(arguments, run=run, environment={}, secrets=(), cwd=copy.folder)
    if done.returncode == 0:
        return ()
    # The error itself only says what uv then missed in the empty cache.
    if stale := _UV_STALE.search(done.stderr):
        raise _stale(lock, [f"uv: {redact(copy.shown(stale['why']))}"] if stale["why"] else [])
    said = [line.strip() for line in _last_lines(lock, done, copy, limit=40) if re.match(r"\s*(?:error|cause):", line)]
    return (unsure + "; ".join(said),)


def _copy_uv_projects(lock: _Lock, copy: _Copy) -> str | None:
    """The manifests of local projects, and local wheels, into the copy; the first absolute path that is in the way."""
    folders = _uv_folders(lock.text)
    files: list[str] = re.findall(r'^source = \{ path = "([^"]+)" \}', lock.text, re.MULTILINE)
    for manifest in [lock.manifest, *(copy.original / folder / "pyproject.toml" for folder in folders)]:
        text = read_text(manifest) if manifest.is_file() else ""
        files += re.findall(r"""\bpath\s*=\s*["'](/[^"']*|[A-Za-z]:[^"']*|\\\\[^"']*)["']""", text)
    match lock.manifest_data:
        case {"tool": {"uv": {"workspace": {"members": [*patterns]}}}}:
            relative = [each for each in patterns if isinstance(each, str) and each and not Path(each).is_absolute()]
            with contextlib.suppress(ValueError):  # not a pattern: uv says so
                found = {member for each in relative for member in copy.original.glob(each)}
                folders += sorted(os.path.relpath(member, copy.original) for member in found)
    for place in (*(f"{folder}/pyproject.toml" for folder in folders if folder != "."), *files):
        source, target = copy.original / place, Path(os.path.normpath(copy.folder / place))
        if target.is_relative_to(copy.top) and source.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return next((place for place in (*folders, *files) if Path(place).is_absolute()), None)


# What uv compares with the lock and takes from its configuration. The rest it reads in the manifest itself.
_UV_OPTIONS = {
    "resolution-mode": "resolution",
    "prerelease-mode": "prerelease",
    "fork-strategy": "fork-strategy",
    "exclude-newer": "exclude-newer",
    "exclude-newer-package": "exclude-newer-package",
}


def _uv_settings(lock: _Lock) -> dict[str, Any]:
    """A uv.toml for the check: the lock's own options, and over them those of the project.

    The user's and the machine's settings have no say in it: with a cooldown or a mirror in them, the same lock would
    be stale on one machine and not on the next. Indexes are left out for the same reason.
    """
    options = lock.data.get("options")
    settings: dict[str, Any] = {}
    if isinstance(options, dict):
        settings = {_UV_OPTIONS[key]: value for key, value in options.items() if key in _UV_OPTIONS}
        if "exclude-newer-span" in options:  # relative: the date beside it is a placeholder
            settings["exclude-newer"] = options["exclude-newer-span"]
        if isinstance(each := settings.get("exclude-newer-package"), dict):
            settings["exclude-newer-package"] = {
                name: value.get("span", value.get("timestamp")) if isinstance(value, dict) else value
                for name, value in each.items()
            }
    project: Mapping[Any, Any] = {}
    uv_toml = lock.path.parent / "uv.toml"
    if uv_toml.is_file():  # uv then passes over the table in pyproject.toml
        project = _parse(read_text(uv_toml), uv_toml, tomllib.loads, RequirementsError, "correct that line")
    else:
        match lock.manifest_data:
            case {"tool": {"uv": {**table}}}:
                project = table
    settings |= {key: project[key] for key in (*_UV_OPTIONS.values(), "dependency-metadata") if key in project}
    return settings


def _python_for(lock: _Lock, which: Which) -> str | None:
    """A Python that the project supports: uv refuses to look at its lock with another one."""
    project = lock.manifest_data.get("project")
    wanted = project.get("requires-python") if isinstance(project, dict) else None
    wanted = wanted or lock.data.get("requires-python")
    if not isinstance(wanted, str):
        return sys.executable
    try:
        supported = SpecifierSet(wanted)
    except InvalidSpecifier:
        return sys.executable  # uv says what is wrong with it
    if supported.contains(platform.python_version(), prereleases=True):
        return sys.executable
    for minor in range(20, 7, -1):
        # 99: whether some patch release of it is supported; which one is installed, uv sees
        if any(supported.contains(f"3.{minor}.{patch}") for patch in (0, 99)) and (found := which(f"python3.{minor}")):
            return found
    return None


# ---- Pipenv


def _export_pipenv(lock: _Lock, run: Run, program: str, copy: _Copy) -> str:
    if lock.extras:
        raise ArgumentError(
            f"a Pipfile has no extras: {', '.join(lock.extras)}",
            where=Where(lock.path),
            fix="name its categories in groups",
        )
    categories = [_pipenv_category(lock, group) for group in lock.groups]
    env = {
        **process.clean_environment(),
        "PYTHONUTF8": "1",
        "PIPENV_PIPFILE": str(copy.folder / "Pipfile"),
        "PIPENV_DONT_LOAD_ENV": "1",
        "PIPENV_IGNORE_VIRTUALENVS": "1",
        "PIPENV_CACHE_DIR": str(copy.top / "layer-constructs-cache"),
        "WORKON_HOME": str(copy.top / "layer-constructs-virtualenvs"),
        "PIP_CONFIG_FILE": os.devnull,
    }
    verified = run([program, "verify"], env=env, cwd=copy.folder)
    if verified.returncode:
        if "out-of-date" in verified.stdout + verified.stderr:
            raise _stale(lock, ["pipenv verify: Pipfile.lock is out-of-date"])
        raise _failed(lock, verified, copy)
    arguments = [program, "requirements", "--hash"]
    if categories:
        arguments += ["--categories", " ".join(["packages", *categories])]
    done = run(arguments, env=env, cwd=copy.folder)
    if done.returncode:
        raise _failed(lock, done, copy)
    return _complete_pipenv(lock, done.stdout, ["default", *(_PIPENV_SECTIONS.get(each, each) for each in categories)])


_PIPENV_SECTIONS = {"packages": "default", "dev-packages": "develop"}


def _pipenv_category(lock: _Lock, group: str) -> str:
    category = {"default": "packages", "dev": "dev-packages", "develop": "dev-packages"}.get(group, group)
    sections = [name for name in lock.data if name != "_meta"]
    if _PIPENV_SECTIONS.get(category, category) not in sections:  # pipenv exports nothing for it, without a word
        raise ArgumentError(
            f"there is no category {group}", where=Where(lock.path), details=[f"allowed: {', '.join(sections)}"]
        )
    return category


def _complete_pipenv(lock: _Lock, text: str, sections: list[str]) -> str:
    """What ``pipenv requirements`` leaves out of the lock: hashes of named files, and which index a name is from."""
    try:
        names = [source["name"] for source in lock.data["_meta"]["sources"]]
        entries: dict[str, dict[str, Any]] = {
            canonicalize_name(name): dict(entry) for each in sections for name, entry in lock.data[each].items()
        }
        files = [entry for entry in entries.values() if "file" in entry]
        hashes = {entry["file"]: entry.get("hashes", []) for entry in files}
    except (AttributeError, KeyError, TypeError, ValueError) as failed:
        raise LockInvalidError(
            "this is not a Pipfile.lock that Pipenv writes",
            where=Where(lock.path),
            fix="restore it from version control, or run `pipenv lock`",
        ) from failed
    lines = []
    for line in text.splitlines():
        # Editable or not makes no difference to what goes into a layer; uv has --no-editable for it.
        installed = re.sub(r"^-e\s+", "", line)
        location = installed.partition(" ;")[0].partition("; ")[0].strip()
        lines.append(" ".join([installed, *(f"--hash={each}" for each in hashes.get(location, ()))]))
    text = "\n".join(lines) + "\n"

    # In the order of the sources, with variables as pip writes them.
    urls = dict(zip(names, re.findall(r"^(?:-i|--extra-index-url) (\S+)", text, re.MULTILINE), strict=False))
    settings = lock.manifest_data.get("pipenv")
    search_all = isinstance(settings, dict) and settings.get("install_search_all_sources")

    def index_of(name: str, _version: str | None) -> str | None:
        entry = entries.get(name, {})
        # Pipenv's rule: what names no index comes from the first one.
        return urls.get(entry.get("index") or ("" if search_all else names[0]))

    return _with_indexes(text, index_of) if len(urls) > 1 else text


# ---- Poetry


def _export_poetry(lock: _Lock, run: Run, program: str, copy: _Copy) -> str:
    """``poetry export`` of a copy, to requirements.txt.

    Not to pylock.toml: for the URLs of the files it asks the indexes again, and for some indexes it downloads and
    builds source distributions to do so.
    """
    settings = copy.top / "layer-constructs-poetry"
    env = {
        **process.clean_environment(),
        "PYTHONUTF8": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "POETRY_CONFIG_DIR": str(settings / "config"),
        "POETRY_CACHE_DIR": str(settings / "cache"),
        "POETRY_VIRTUALENVS_CREATE": "false",
    }
    # Hashes are in it unless --without-hashes is said; there is no option to ask for them.
    arguments = [program, "export", "--format", "requirements.txt", "--no-interaction", "--no-ansi"]
    for extra in lock.extras:
        arguments += ["--extras", extra]
    for group in lock.groups:
        arguments += ["--with", group]
    done = run(arguments, env=env, cwd=copy.folder)
    said = " ".join((done.stdout if done.returncode else "").split() + done.stderr.split())
    # Poetry 1 only warns of it.
    if re.search(r"changed significantly since poetry\.lock|poetry\.lock is not up to date", said):
        raise _stale(lock, ["poetry: pyproject.toml has changed since poetry.lock was made"])
    if done.returncode:
        if "The requested command export does not exist" in said:
            raise ToolMissingError(tool="poetry-plugin-export", needed_for=lock.path, install=_INSTALL_PLUGIN)
        if found := re.search(r"Extra \[[^]]*\] is not specified|Group\(s\) not found: \S+", said):
            raise _unknown_name(lock, found[0][0].lower() + found[0][1:])
        raise _failed(lock, done, copy)
    return _complete_poetry(lock, done.stdout, copy)


_LOCAL = re.compile(r"(?:-e )?(?:[^\s@[]+(?P<extras>\[[^]]*\])? @ )?(?P<url>file://\S+)(?P<rest>.*)")


def _complete_poetry(lock: _Lock, text: str, copy: _Copy) -> str:
    """Paths as they are in the lock instead of in its copy, and which index a name is from."""
    lines = []
    for line in text.splitlines():
        if line.startswith("--trusted-host "):  # Poetry's own idea for any http index; `requirements` refuses it
            continue
        local = _LOCAL.fullmatch(line)
        if local is None:
            lines.append(line)
            continue
        path = Path(url2pathname(urlsplit(local["url"]).path))
        place = path.as_posix()
        if path.is_relative_to(copy.top):
            place = Path(os.path.relpath(path, copy.folder)).as_posix()
            place = place if place.startswith(".") else f"./{place}"
        lines.append(f"{place}{local['extras'] or ''}{local['rest']}")
    text = "\n".join(lines) + "\n"
    listed = re.findall(r"^--(extra-)?index-url ", text, re.MULTILINE)
    if len(listed) + ("" not in listed) < 2:
        return text
    try:
        sources: dict[tuple[str, str], dict[str, str]] = {
            (canonicalize_name(each["name"]), each["version"]): dict(each.get("source", {}))
            for each in lock.data["package"]
        }
    except (AttributeError, KeyError, TypeError, ValueError) as failed:
        raise LockInvalidError(
            "this is not a poetry.lock that Poetry writes",
            where=Where(lock.path),
            fix="restore it from version control, or run `poetry lock`",
        ) from failed

    def index_of(name: str, version: str | None) -> str | None:
        source = sources.get((name, version or ""))
        if source is None or source.get("type", "legacy") != "legacy":
            return None
        return source.get("url", PYPI).rstrip("/")

    return _with_indexes(text, index_of)
