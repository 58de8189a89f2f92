"""The licence of a layer: that of all its packages."""

from __future__ import annotations

from collections.abc import Iterable

from layer_constructs.building.inventory import spdx

# In a joined licence, for packages whose licence is not known, and for licences for which there was no room. SPDX has
# no word for them inside an expression; a `LicenseRef-` is valid there.
UNKNOWN = "LicenseRef-unknown"
MORE = "LicenseRef-more"


def joined(licences: Iterable[str | None], *, limit: int) -> str | None:
    """The licence of a layer: that of each package, joined by AND, each once, sorted; None if none is known.

    The format is frozen, as a change would publish a new layer version.

    :param licences: SPDX expressions; None for a package of which it isn't known.
    :param limit: characters; what doesn't fit is left out whole, and said by ``LicenseRef-more``.
    """
    given = set(licences)
    known = [spdx.parse(licence) for licence in given if licence]
    if not known:
        return None
    whole = spdx.both([*known, *([UNKNOWN] if None in given else [])])
    text = spdx.text_of(whole)
    if len(text) <= limit:
        return text
    parts = whole.parts if isinstance(whole, spdx.Joined) and whole.operator == "AND" else (whole,)
    for shown in range(len(parts) - 1, 0, -1):
        # In the order of the text; what stands for the rest comes last.
        text = f"{spdx.text_of(spdx.Joined('AND', parts[:shown]))} AND {MORE}"
        if len(text) <= limit:
            return text
    return None
