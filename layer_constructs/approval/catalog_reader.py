"""Reads a catalog file, with file and line for each mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog_file import FORMAT
from layer_constructs.approval.revoked_layer import RevokedLayer
from layer_constructs.errors import ArgumentError, LayerError, Where
from layer_constructs.layer_arn import VERSION, is_token

if TYPE_CHECKING:
    from yaml.nodes import Node

Made = TypeVar("Made")

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

_ABOUT = ("reason", "owner", "expires", "required_as")
_PLACE = ("regions", "partition")

# The word that says what kind of entry it is -> which others go with it. The schema says the same; a test compares.
_KINDS: dict[str, tuple[str, ...]] = {
    "arn": (),
    "name": ("account", "min_version", "max_version", *_PLACE),
    "prefix": ("account", *_PLACE),
    "own_account": _PLACE,
    "preset": _PLACE,
    "account": _PLACE,
}
_REVOKED = ("arn", "since", "reason")

_TEXT, _NUMBER, _FLAG, _DAY = "str", "int", "bool", "timestamp"

_TYPES = {
    "min_version": _NUMBER,
    "max_version": _NUMBER,
    "own_account": _FLAG,
    "expires": _DAY,
    "since": _DAY,
    "regions": "regions",
}
_MUST_BE = {
    _TEXT: "and must be a text: write it in quotes",
    _NUMBER: "and must be a number from 1",
    _FLAG: "and must be true",
    _DAY: "and must be a day, such as 2027-01-31",
}


class CatalogFileError(LayerError):
    """A catalog file that isn't one: not YAML, a word that has no meaning there, a value that can't be."""


class CatalogReader:
    """Reads one file; YAML's own nodes say on which line each thing stands."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def catalog(self) -> tuple[list[ApprovedLayer], list[RevokedLayer]]:
        root = self._compose()
        words = self._mapping(root, ("version", "layers", "revoked"), required=("version", "layers"), what="a catalog")
        version = self._value("version", words["version"], _NUMBER)
        if version != FORMAT:
            raise self._error(
                words["version"],
                f"version is {version}, and this program knows {FORMAT}",
                fix="update layer-constructs",
            )
        entries = self._list(words["layers"], "layers", self._entry, lambda entry: entry.selection)
        revoked = []
        if "revoked" in words:
            revoked = self._list(words["revoked"], "revoked", self._revocation, lambda each: each.arn)
        return entries, revoked

    def _compose(self) -> Node:
        import yaml

        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CatalogFileError("there is no such file", where=Where(self._path)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise CatalogFileError(f"can't be read: {error}", where=Where(self._path)) from error
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise CatalogFileError(f"is not YAML: {error.problem}", where=Where(self._path, line)) from error
        except (yaml.YAMLError, RecursionError) as error:
            raise CatalogFileError(f"is not YAML: {error}", where=Where(self._path)) from error
        if node is None:
            raise CatalogFileError("is empty", where=Where(self._path), fix="a catalog of nothing is `layers: []`")
        return node

    def _entry(self, node: Node) -> ApprovedLayer:
        given = self._mapping(node, (), what="an entry")
        kind = next((word for word in _KINDS if word in given), None)
        if kind is None:
            raise self._error(node, "the entry doesn't say what it approves",
                              details=[f"one of: {', '.join(_KINDS)}"])  # fmt: skip
        required = (kind, "account") if "account" in _KINDS[kind] else (kind,)
        words = self._mapping(node, (kind, *_KINDS[kind], *_ABOUT), required=required, what=f"an entry with {kind}")
        details = {word: self._value(word, value, _TYPES.get(word, _TEXT)) for word, value in words.items()}
        value = details.pop(kind)
        make: dict[str, Callable[..., ApprovedLayer]] = {
            "arn": ApprovedLayer.arn,
            "name": ApprovedLayer.named,
            "prefix": ApprovedLayer.with_prefix,
            "account": ApprovedLayer.account,
            "preset": ApprovedLayer.preset,
        }
        if kind == "own_account":
            if value is not True:
                raise self._error(words[kind], "own_account must be true", fix="or leave the entry out")
            return self._made(node, lambda: ApprovedLayer.own_account(**details))
        return self._made(node, lambda: make[kind](value, **details))

    def _revocation(self, node: Node) -> RevokedLayer:
        words = self._mapping(node, _REVOKED, required=("arn",), what="a revocation")
        details = {word: self._value(word, value, _TYPES.get(word, _TEXT)) for word, value in words.items()}
        return self._made(node, lambda: RevokedLayer.version(details.pop("arn"), **details))

    def _made(self, node: Node, make: Callable[[], Made]) -> Made:
        try:
            return make()
        except ArgumentError as error:
            raise self._error(node, error.problem, details=error.details, fix=error.fix) from error

    def _list(
        self, node: Node, word: str, read: Callable[[Node], Made], selection: Callable[[Made], object]
    ) -> list[Made]:
        if _kind(node) != "sequence":
            raise self._error(node, f"{word} must be a list")
        found: list[Made] = []
        lines: dict[object, int] = {}
        for item in node.value:
            made = read(item)
            line = lines.setdefault(selection(made), item.start_mark.line + 1)
            if len(lines) == len(found):
                raise self._error(item, f"the same is on line {line}", fix="keep one of the two")
            found.append(made)
        return found

    def _mapping(
        self, node: Node, allowed: tuple[str, ...], *, what: str, required: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        """The words of a mapping, each at most once. No words allowed is any."""
        if _kind(node) != "mapping":
            raise self._error(node, f"{what} must be a mapping, `word: value`")
        found: dict[str, Node] = {}
        for key, value in node.value:
            word = key.value if _kind(key) == "scalar" else "?"
            if allowed and word not in allowed:
                raise self._error(key, f"{what} has no {word!r}", details=[f"allowed: {', '.join(allowed)}"])
            if word in found:
                raise self._error(key, f"{word} stands twice in one entry")
            found[word] = value
        for word in required:
            if word not in found:
                raise self._error(node, f"{what} needs {word!r}")
        return found

    def _value(self, word: str, node: Node, kind: str) -> Any:
        if kind == "regions":
            if _kind(node) != "sequence":
                raise self._error(node, f"{word} must be a list", fix="write [eu-west-1]")
            return [self._value(word, item, _TEXT) for item in node.value]
        tag = node.tag.removeprefix("tag:yaml.org,2002:")
        if _kind(node) != "scalar" or (tag != kind and not (kind == _DAY and tag == _TEXT)):
            raise self._error(
                node, f"{word} is {node.value if _kind(node) == 'scalar' else f'a {_kind(node)}'}, {_MUST_BE[kind]}"
            )
        if kind == _TEXT:
            if is_token(node.value):
                raise self._error(node, f"{word} is {node.value!r}, and may have no variables")
            return node.value
        if kind == _FLAG:
            return node.value == "true"
        # Only what every reader of YAML takes for the same: `012` is 10 to some, and `20270131` no day to most.
        try:
            if kind == _DAY and _ISO.fullmatch(node.value):
                return date.fromisoformat(node.value)
        except ValueError:
            pass
        if kind == _NUMBER and VERSION.fullmatch(node.value):
            return int(node.value)
        raise self._error(node, f"{word} is {node.value}, {_MUST_BE[kind]}")

    def _error(self, node: Node, problem: str, *, details: Iterable[str] = (), fix: str | None = None) -> LayerError:
        where = Where(self._path, node.start_mark.line + 1)
        return CatalogFileError(problem, where=where, details=details, fix=fix)


def _kind(node: Node) -> str:
    """Scalar, sequence or mapping."""
    return str(getattr(node, "id", "node"))
