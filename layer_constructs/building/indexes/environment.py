"""The variables that name an index, and what of them can be told to anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The only variables that name an index: documented in docs/reference.md ("Variables").
DEFAULT_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
EXTRA_VARIABLES = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")


def without_logins(environ: Mapping[str, str]) -> dict[str, str] | None:
    """These variables, as far as they decide what is understood of them; None where a secret can't be told from that.

    Who logs in decides nothing: credentials of any form are understood alike.
    """
    shown = {}
    for name in (*DEFAULT_VARIABLES, *EXTRA_VARIABLES):
        value = environ.get(name)
        if value:
            public = re.sub(r"://[^/?#\s]*@", "://", value)
            if re.search(r"[@?#$]", public) or "$" in value:
                return None
            shown[name] = public
    return shown
