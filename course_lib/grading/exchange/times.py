"""Times with and without a zone, to nbgrader's UTC."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from course_lib.grading.exchange.tables import ExchangeError


def zone_named(name: str) -> tzinfo:
    """A time zone by its name, such as Europe/Berlin.

    Raises
    ------
    ExchangeError
        If there is none.

    >>> str(zone_named("UTC"))
    'UTC'
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ExchangeError(
            f"--timezone is {name!r}; it must be a name such as UTC or Europe/Berlin"
        ) from None


def in_utc(text: str, zone: tzinfo, end_of_day: bool = False) -> datetime | None:
    """A written time in UTC, without a zone as nbgrader keeps it; None for "" and "-".

    ``end_of_day``: a bare date means its last second.

    Raises
    ------
    ValueError
        If it is no time.

    >>> in_utc("Wednesday, 10 June 2026, 2:14 PM", zone_named("Europe/Berlin"))
    datetime.datetime(2026, 6, 10, 12, 14)
    """
    from dateutil import parser

    if text.strip() in ("", "-"):
        return None
    try:
        # Two defaults: what differs was not written, and nothing is filled in from today.
        first, second = (
            parser.parse(text, default=datetime(year, month, day, hour))
            for year, month, day, hour in ((2001, 2, 3, 0), (2004, 4, 6, 1))
        )
    except (parser.ParserError, OverflowError, ValueError) as error:
        raise ValueError(f"{text!r} is no time: {error}") from None
    if first.date() != second.date():
        raise ValueError(f"{text!r} is no time: it has no whole date")
    found = first
    if first.time() != second.time() and end_of_day:
        found = datetime.combine(first.date(), time(23, 59, 59), first.tzinfo)
    return to_utc(found, zone)


def to_utc(when: datetime, zone: tzinfo) -> datetime:
    """A time in UTC, without a zone; one without a zone is read in ``zone``."""
    when = when if when.tzinfo else when.replace(tzinfo=zone)
    return when.astimezone(UTC).replace(tzinfo=None)


def stamp(when: datetime) -> str:
    """A time in UTC as ``timestamp.txt`` holds it.

    >>> stamp(datetime(2026, 6, 10, 12, 14))
    '2026-06-10 12:14:00 UTC'
    """
    return f"{when.isoformat(sep=' ', timespec='seconds')} UTC"


DAY = timedelta(days=1)
