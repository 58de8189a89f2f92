"""The options that may stand in a requirements file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from layer_constructs.building.reading.redaction import redact
from layer_constructs.errors import RequirementsError, Where

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


def options_in(text: str, where: Where) -> Iterator[tuple[str, str]]:
    """Options by their long name, with their values.

    :raises RequirementsError: for one that can't be used; values are never shown, for they may hold a password.
    """
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
