"""A date as a user writes it -> one moment, the same in every time zone."""

from __future__ import annotations

from datetime import UTC, datetime

from layer_constructs.errors import ArgumentError


def moment(text: str) -> str:
    """An RFC 3339 time in UTC; a date is its first second, and a time without a zone is in UTC.

    uv itself would take a date for the end of that day where the machine stands, and a span of days for one that ends
    when it runs: neither says the same on the next machine.

    :raises ArgumentError: for anything else.
    """
    try:
        parsed = datetime.fromisoformat(text)
        zoned = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArgumentError(
            f"{text!r} is not a date",
            details=["allowed: a date such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z"],
        ) from None
    return zoned.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
