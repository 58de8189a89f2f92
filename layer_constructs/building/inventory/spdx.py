"""SPDX licence expressions: read, compared with what is allowed, joined.

``packaging`` knows the identifiers and the grammar (SPDX 2.3, annex D); what an expression means is read here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Literal, NamedTuple

# Deprecated by SPDX for the same meaning with `-only` and `-or-later`.
_GNU = re.compile(r"((?:A|L)?GPL-[\d.]+|GFDL-[\d.]+)(\+?)")


class Joined(NamedTuple):
    """Parts of which all apply (AND) or one may be chosen (OR), without doubles, sorted, not nested in their like."""

    operator: Literal["AND", "OR"]
    parts: tuple[Node, ...]


# A licence, with its exception if it has one (`GPL-2.0-only WITH Classpath-exception-2.0`), or several.
Node = str | Joined


def canonical(text: str) -> str | None:
    """The expression in the spelling of SPDX; None if it isn't one."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression  # to join, nobody needs it

    try:
        return " ".join(map(_modern, canonicalize_license_expression(text).split(" ")))
    except InvalidLicenseExpression:
        return None


def parse(expression: str) -> Node:
    """What a canonical expression says. AND binds closer than OR."""
    return _any_of(iter([*re.findall(r"[()]|[^\s()]+", expression), ")"]))


def text_of(node: Node) -> str:
    """The expression again: the same text for the same meaning up to order, doubles and parentheses."""
    if isinstance(node, str):
        return node
    return f" {node.operator} ".join(part if isinstance(part, str) else f"({text_of(part)})" for part in node.parts)


def both(nodes: Iterable[Node]) -> Node:
    """Everything of ``nodes``, of which there is at least one, joined by AND."""
    return _joined("AND", nodes)


def licenses_of(node: Node) -> set[str]:
    """Every licence that is named, whether it applies or may be chosen."""
    return {node} if isinstance(node, str) else set().union(*map(licenses_of, node.parts))


def satisfied(node: Node, allowed: Collection[str]) -> bool:
    """Whether who accepts the ``allowed`` licences alone may use what has this one."""
    if isinstance(node, str):
        return node in allowed
    return (all if node.operator == "AND" else any)(satisfied(part, allowed) for part in node.parts)


def _modern(token: str) -> str:
    # An opening parenthesis may stand before it, closing ones after it.
    bare = token.strip("()")
    found = _GNU.fullmatch(bare)
    return token.replace(bare, f"{found[1]}-{'or-later' if found[2] else 'only'}") if found else token


def _any_of(words: Iterator[str]) -> Node:
    """Up to the closing parenthesis, which is there."""
    choices: list[Node] = []
    together: list[Node] = []
    for word in words:
        if word == "(":
            together.append(_any_of(words))
        elif word == "WITH":
            together.append(f"{together.pop()} WITH {next(words)}")
        elif word in {"OR", ")"}:
            choices.append(_joined("AND", together))
            together = []
            if word == ")":
                break
        elif word != "AND":
            together.append(word)
    return _joined("OR", choices)


def _joined(operator: Literal["AND", "OR"], nodes: Iterable[Node]) -> Node:
    flat: dict[str, Node] = {}
    for node in nodes:
        parts = node.parts if isinstance(node, Joined) and node.operator == operator else (node,)
        flat |= {text_of(part): part for part in parts}
    if len(flat) == 1:
        return next(iter(flat.values()))
    return Joined(operator, tuple(flat[text] for text in sorted(flat, key=lambda text: (text.lower(), text))))
