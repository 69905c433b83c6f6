"""Prices by chip and date, and what own hardware costs."""

import pytest

from course_lib.facts.tables import rows
from course_lib.footprint import Run, cloud_price, purchase_price


@pytest.mark.parametrize("row", rows("cloud_prices")[::12], ids=lambda row: row["key"])
def test_the_interval_holds_the_list_price_of_the_day(row):
    price = cloud_price(row["chip"], row["date"])
    assert price.low <= float(row["usd_per_chip_h"]) <= price.high
    assert price.unit == "USD/h"
    assert price.basis == "published"


def test_a_year_with_one_price_is_that_price():
    price = cloud_price("tpu_v3", "2020-06-30")
    assert (price.value, price.low, price.high) == (2.0, 2.0, 2.0)
    assert cloud_price("tpu_v3", "2020-06-30", commitment="3_years").value == 0.9


def test_commitment_is_cheaper_and_one_cloud_is_narrower():
    free, bound = (cloud_price("v100_sxm2_32gb", "2020-01-01", commitment=c)
                   for c in ("on_demand", "1_year"))  # fmt: skip
    assert bound.value < free.value
    every = cloud_price("h100_sxm", "2024-09-01")
    one = cloud_price("h100_sxm", "2024-09-01", vendor="Lambda Labs")
    assert every.low <= one.low <= one.high < every.high
    assert "Lambda Labs" in one.locator


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("truenorth", "2020-01-01"), {}, "chip is 'truenorth'; the table has no list price"),
        (("h100sxm", "2024-01-01"), {}, "Near: h100_sxm"),
        (("tpu_v3", "2010-01-01"), {}, "within a year of it, only from 2018-10-11"),
        (("tpu_v3", "2020"), {}, "write it as '2020-06-30'"),
        (("tpu_v3", "2020-01-01"), {"commitment": "spot"}, "allowed are on_demand"),
        (("tpu_v3", "2020-01-01"), {"vendor": "Lamda Labs"}, "Near: Lambda Labs"),
    ],
)
def test_a_price_that_is_not_there(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        cloud_price(*arguments, **options)


def test_what_was_never_sold_has_no_price():
    with pytest.raises(ValueError, match="chip is 'tpu_v3'; the table has no price"):
        purchase_price("tpu_v3", "2018-10-01")


def test_own_hardware_is_wear_and_electricity():
    run = Run(
        chip_hours=1000,
        chip_power_w=700,
        pue=1.2,
        purchase_usd_per_chip=30_000,
        lifetime_years=4,
        lifetime_utilisation=0.5,
        usd_per_kwh=0.1,
    )
    assert run.usd.value == pytest.approx(1000 / (4 * 8766 * 0.5) * 30_000 + 840 * 0.1)


def test_own_hardware_by_published_price_is_below_rent_and_above_its_electricity():
    told = {"chip_hours": 1e6, "chip": "h100_sxm", "pue": 1.2}
    price = purchase_price("h100_sxm", "2024-01-01")
    own = Run(**told, purchase_usd_per_chip=price, usd_per_kwh=0.08)
    rent = Run(**told, date="2024-09-01")
    assert (own.energy_kwh * 0.08).value < own.usd.value < rent.usd.value
    [factor] = [f for f in rent.factors() if f.name == "usd_per_chip_hour"]
    assert "epoch_prices2025" in factor.source


def test_price_is_one_input_however_often_it_is_looked_up():
    once, again = (cloud_price("h100_sxm", "2024-09-01") for _ in range(2))
    ratio = once / again
    assert ratio.low == ratio.high == 1
