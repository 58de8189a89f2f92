"""Whether a lock may be made here: a person may, a CI system must not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Set by most CI systems, whichever they are; ci-info knows those that set only a name of their own
# (CODEBUILD_BUILD_ARN, JENKINS_URL and BUILD_ID, TF_BUILD).
_GENERIC = ("CI", "CONTINUOUS_INTEGRATION", "BUILD_NUMBER")


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Whether a missing or stale lock may be made.

    :param forbidden_because: why not; None if it may.
    """

    forbidden_because: str | None = None

    @classmethod
    def of(cls, locked: bool | None, *, environ: Mapping[str, str]) -> Policy:
        """What ``locked`` asks for; where it says nothing, a CI system must not lock."""
        if locked is not None:
            return cls(forbidden_because="locked=True forbids making it" if locked else None)
        import ci_info

        if ci_info.is_ci(environ):
            return cls(forbidden_because=f"this is a CI system ({ci_info.name(environ)})")
        for name in _GENERIC:
            if environ.get(name, "").lower() not in {"", "0", "false"}:
                return cls(forbidden_because=f"this is a CI system ({name} is set)")
        return cls()
