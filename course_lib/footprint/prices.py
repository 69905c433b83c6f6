"""Prices of chips by date, from the cited tables: list prices of clouds, offers of sellers."""

from __future__ import annotations

from datetime import date as Date
from statistics import median

from course_lib.facts.lookup import Fact
from course_lib.facts.tables import near, rows

CLOUD_COLUMNS = {
    "on_demand": "usd_per_chip_h",
    "1_year": "usd_per_chip_h_1_year",
    "3_years": "usd_per_chip_h_3_years",
}
DAYS = 365  # prices that far from the date, before or after, are looked at


def cloud_price(
    chip: str, date: str, *, commitment: str = "on_demand", vendor: str | None = None
) -> Fact:
    """List price of one chip for one hour in the clouds, around a date.

    Parameters
    ----------
    chip : str
        Key of the table of accelerators.
    date : str
        Year, month and day, ``"2020-06-30"``.
    commitment : {"on_demand", "1_year", "3_years"}
        For how long the buyer is bound.
    vendor : str, optional
        One cloud only, as the table writes it.

    Returns
    -------
    Fact
        In USD/h: the median of the list prices within a year of the date, *the lowest and the
        highest as its interval*. What large customers really pay is not public, and less.

    Raises
    ------
    TypeError, ValueError
        For a malformed date, an unknown commitment, or where the table has no such price; the
        message says for which chips or dates it has one.

    Notes
    -----
    Prices were collected by Epoch AI (2025). See chapter 13 of the book.

    Examples
    --------
    >>> print(cloud_price("tpu_v3", "2020-06-30"), cloud_price("tpu_v3", "2020-06-30").source)
    2 USD/h (published) epoch_prices2025
    >>> print(cloud_price("tpu_v3", "2020-06-30", commitment="1_year"))
    1.26 USD/h (published)
    """
    if commitment not in CLOUD_COLUMNS:
        known = ", ".join(CLOUD_COLUMNS)
        raise ValueError(f"commitment is {commitment!r}; allowed are {known}")
    offers = rows("cloud_prices")
    if vendor is not None:
        vendors = {row["vendor"] for row in offers}
        if vendor not in vendors:
            raise ValueError(
                f"vendor is {vendor!r}; there is no such cloud. {near(vendor, vendors)}"
            )
        offers = [row for row in offers if row["vendor"] == vendor]
    title = f"list price of {chip}, {commitment.replace('_', ' ')}"
    return _around(offers, chip, date, CLOUD_COLUMNS[commitment], "USD/h", title)


def purchase_price(chip: str, date: str) -> Fact:
    """Price at which one chip was offered for sale, around a date.

    Parameters
    ----------
    chip, date : str
        As for `cloud_price`.

    Returns
    -------
    Fact
        In USD of that day: the median of the offers within a year of the date, the lowest and the
        highest as its interval. Some are complete servers divided by their chips.

    Raises
    ------
    TypeError, ValueError
        As `cloud_price`; a chip that was never sold has no price.

    Notes
    -----
    Prices were collected by Epoch AI (2025). See chapter 13 of the book.

    Examples
    --------
    >>> price = purchase_price("h100_sxm", "2024-01-01")
    >>> price.low < price.value < price.high, price.unit
    (True, 'USD')
    """
    sold = [row for row in rows("hardware_purchase_prices") if row["estimate"] != "yes"]
    return _around(sold, chip, date, "unit_price_usd", "USD", f"price of {chip}")


def check_date(date: str) -> Date:
    """Read a date written as year, month and day."""
    if not isinstance(date, str):
        raise TypeError(f"date is a {type(date).__name__}; give a string such as '2020-06-30'")
    try:
        return Date.fromisoformat(date)
    except ValueError:
        raise ValueError(f"date is {date!r}; write it as '2020-06-30'") from None


def _around(offers, chip: str, date: str, column: str, unit: str, title: str) -> Fact:
    day = check_date(date)
    priced = {row["chip"] for row in offers if row[column]}
    if chip not in priced:
        raise ValueError(f"chip is {chip!r}; the table has no {title}. {near(str(chip), priced)}")
    offers = [row for row in offers if row["chip"] == chip and row[column]]
    days = sorted(
        (abs((Date.fromisoformat(row["date"]) - day).days), row["date"]) for row in offers
    )
    if days[0][0] > DAYS:
        dates = sorted(row["date"] for row in offers)
        raise ValueError(
            f"date is {date}; the table has no {title} within a year of it, "
            f"only from {dates[0]} to {dates[-1]}, nearest {days[0][1]}"
        )
    offers = [r for r in offers if abs((Date.fromisoformat(r["date"]) - day).days) <= DAYS]
    prices = [float(row[column]) for row in offers]
    sellers = sorted({row.get("vendor") or row.get("seller") or "" for row in offers} - {""})
    count = f"{len(prices)} price{'s' * (len(prices) > 1)}"
    return Fact(
        median(prices),
        min(prices),
        max(prices),
        unit,
        "published",
        name=f"{title} around {date}",
        source=" and ".join(sorted({row["source"] for row in offers})),
        locator=f"{count} within a year of {date}" + f" ({', '.join(sellers)})" * bool(sellers),
        date=date,
        title=title,
        text=f"{median(prices):g}",
    )
