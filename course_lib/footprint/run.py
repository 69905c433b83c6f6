"""`Run`: hours, energy, carbon and money of a computation from any sufficient set of inputs."""

from __future__ import annotations

from functools import cached_property

from course_lib.footprint import factors, steps
from course_lib.footprint.agreement import refuse_contradiction
from course_lib.footprint.chain import Chain
from course_lib.footprint.explaining import explanation
from course_lib.footprint.inputs import INPUTS, Factor, read
from course_lib.footprint.needs import Missing, missing
from course_lib.footprint.prices import check_date
from course_lib.footprint.regions import check_region
from course_lib.quantities import Estimate

OUTPUTS = ("hours", "chip_hours", "energy_kwh", "embodied_kg", "co2e_kg", "marginal_co2e_kg", "usd")
Number = float | Estimate | None


class Run:
    """What a training run, or any computation, costs.

    Give any set of inputs that suffices and ask for what you want to know. A bare number is exact
    and in the unit of its keyword; an `Estimate` is converted, and refused where its unit does not
    fit. What is left out and needed is a wide assumption with a source (`explain` marks it); two
    runs share it, so the ratio of their bills does not hold what their own values differ by.

    Parameters
    ----------
    training_flop : number or Estimate, optional
        Work of the whole run, in FLOP (2 per MAC).
    achieved_flop_per_s : number or Estimate, optional
        Rate that *one chip* achieves while the run works, in FLOP/s.
    chip, precision : str, optional
        Key of a chip in the table of accelerators (``"h200"``), for its peak rate and its design
        power, and the column of that table for the peak rate.
    peak_flop_per_s, tdp_w : number or Estimate, optional
        Peak rate in FLOP/s and design power in W of one chip that the table does not have.
    mfu : number or Estimate, optional
        Model FLOPs utilisation, achieved over peak rate, a fraction. Assumed where left out.
    chips : number, optional
        Chips that work at the same time.
    hours, chip_hours : number or Estimate, optional
        Wall time of the run; chips times hours.
    chip_power_w : number or Estimate, optional
        Average power of one chip in W, its share of the server included, unless
        ``server_overhead`` is given too.
    tdp_fraction, server_overhead : number or Estimate, optional
        Average over design power of the chip; power of the server over that of its chips. Assumed
        where the power is left out.
    pue : number or Estimate, optional
        Power usage effectiveness of the data centre, at least 1. Assumed where left out.
    energy_kwh : number or Estimate, optional
        Measured energy. With ``pue`` it was measured at the computers and is multiplied; without,
        it is taken as the whole.
    extra_share, idle_share, idle_power_fraction : number or Estimate, optional
        Failed, repeated and exploratory chip-hours over those of the run; reserved and idle ones;
        power of an idle over that of a busy server. Left out, the bill is of the run alone.
    region, year : str, int, optional
        ISO 3166 code (``"FR"``, ``"FRA"``) or another key of the table of grid intensities.
    grid_kgco2e_per_kwh, marginal_kgco2e_per_kwh : number or Estimate, optional
        Average carbon intensity of the electricity, and that of one kWh more.
    embodied_kgco2e_per_chip : number or Estimate, optional
        Emissions of making one chip and its share of the server, in kgCO2e.
    lifetime_years, lifetime_utilisation : number or Estimate, optional
        How long the hardware serves, and for what share of it. Assumed where left out.
    usd_per_chip_hour : number or Estimate, optional
        Price of one chip for one hour.
    date, commitment : str, optional
        For a cloud's list price of ``chip``: see `cloud_price`.
    purchase_usd_per_chip, usd_per_kwh : number or Estimate, optional
        Own hardware, written off evenly over the busy hours of its life, and electricity that is
        paid apart.

    Raises
    ------
    TypeError, ValueError
        For an unknown chip, region or year (with near names), a number out of its bounds, a unit
        that does not fit, or inputs that contradict each other. Asking for an output that the
        inputs do not suffice for raises a `Missing` (a ValueError) that lists the sets that would.

    Notes
    -----
    Energy is chip-hours times power times PUE, and carbon is energy times grid intensity (Strubell
    et al., 2019; Patterson et al., 2021); the making of the hardware is spread over its busy life
    (Luccioni et al., 2023). Where the inputs suffice twice, what was counted or measured is used
    and the rest must agree with it. See chapter 13 of the book.

    Examples
    --------
    Meena, with the inputs of Patterson et al. (2021, Table 4) and the list price of its chip:

    >>> meena = Run(chips=1024, hours=30 * 24, chip_power_w=289, pue=1.09,
    ...             grid_kgco2e_per_kwh=0.415, usd_per_chip_hour=2)
    >>> print(meena.energy_kwh.to("MWh"), meena.co2e_kg.to("tCO2e"), sep=", ")
    232 MWh (counted), 96.4 tCO2e (counted)
    >>> print(meena.usd)
    1.47e+06 USD (counted)
    >>> Run(training_flop=1e21, chip="h200").hours
    Traceback (most recent call last):
    ...
    course_lib.footprint.needs.Missing: hours cannot be computed from chip, training_flop.
    It is enough to add chips. What would do: ...
    """

    def __init__(
        self,
        *,
        training_flop: Number = None,
        achieved_flop_per_s: Number = None,
        chip: str | None = None,
        precision: str = "bf16_dense",
        peak_flop_per_s: Number = None,
        tdp_w: Number = None,
        mfu: Number = None,
        chips: Number = None,
        hours: Number = None,
        chip_hours: Number = None,
        chip_power_w: Number = None,
        tdp_fraction: Number = None,
        server_overhead: Number = None,
        pue: Number = None,
        energy_kwh: Number = None,
        extra_share: Number = None,
        idle_share: Number = None,
        idle_power_fraction: Number = None,
        region: str | None = None,
        year: int | None = None,
        grid_kgco2e_per_kwh: Number = None,
        marginal_kgco2e_per_kwh: Number = None,
        embodied_kgco2e_per_chip: Number = None,
        lifetime_years: Number = None,
        lifetime_utilisation: Number = None,
        usd_per_chip_hour: Number = None,
        date: str | None = None,
        commitment: str = "on_demand",
        purchase_usd_per_chip: Number = None,
        usd_per_kwh: Number = None,
    ) -> None:
        told = locals()
        given = {name: read(name, told[name]) for name in INPUTS if told[name] is not None}
        self._names = {
            name: told[name]
            for name in ("chip", "region", "year", "date")
            if told[name] is not None
        }
        if chip is not None:
            factors.check_chip(chip)
        if region is not None:
            check_region(region, year)
        if date is not None:
            check_date(date)
        self._chip, self._precision, self._commitment = chip, precision, commitment
        self._chain = Chain(given)
        refuse_contradiction(given, chip, precision)

    @cached_property
    def hours(self) -> Estimate:
        """Wall time of the run itself, in h."""
        if self._chain.has("hours"):
            return self._chain.take("hours")
        if not self._chain.has("chips"):
            raise self._missing("hours")
        busy = self._run_chip_hours("hours")
        return self._chain.note("hours", busy / self._chain.take("chips"), "run_chip_hours / chips")

    @cached_property
    def chip_hours(self) -> Estimate:
        """Chip-hours that are used up, extra and idle ones included, in h."""
        busy = self._run_chip_hours("chip_hours")
        if self._chain.has("chip_hours") and not steps.has_extra(self._chain):
            return busy
        hours, formula = steps.with_extra(self._chain, busy, "run_chip_hours")
        return self._chain.note("chip_hours", hours, formula)

    @cached_property
    def energy_kwh(self) -> Estimate:
        """Energy drawn from the grid, in kWh."""
        chain = self._chain
        if chain.has("energy_kwh"):
            energy, formula = chain.take("energy_kwh"), "energy_kwh"
            if not chain.has("pue") and not steps.has_extra(chain):
                return energy
        else:
            power = steps.power(chain, self._chip)
            if power is None:
                raise self._missing("energy_kwh")
            energy = self._run_chip_hours("energy_kwh") * power[0]
            formula = f"run_chip_hours × {power[1]}"
        energy, formula = steps.with_extra(chain, energy, formula, idle_power=True)
        if chain.has("pue") or not chain.has("energy_kwh"):
            energy, formula = energy * chain.take_or_assume("pue"), f"{formula} × pue"
        return chain.note("energy_kwh", energy, formula)

    @cached_property
    def embodied_kg(self) -> Estimate:
        """The share of the emissions of making the hardware, in kgCO2e."""
        chain = self._chain
        if not chain.has("embodied_kgco2e_per_chip"):
            raise self._missing("embodied_kg")
        lives = self._other("chip_hours", "embodied_kg") / steps.lifetime_hours(chain)
        share = lives * chain.take("embodied_kgco2e_per_chip")
        formula = "chip_hours / lifetime_hours × embodied_kgco2e_per_chip"
        return chain.note("embodied_kg", share, formula)

    @cached_property
    def co2e_kg(self) -> Estimate:
        """Emissions of the electricity, and of the hardware's making where given, in kgCO2e."""
        chain, names = self._chain, self._names
        if not chain.has("grid_kgco2e_per_kwh") and not {"region", "year"} <= names.keys():
            raise self._missing("co2e_kg")
        energy = self._other("energy_kwh", "co2e_kg")
        intensity = chain.take(
            "grid_kgco2e_per_kwh", lambda: factors.grid(names["region"], names["year"])
        )
        co2e, formula = energy * intensity, "energy_kwh × grid_kgco2e_per_kwh"
        if chain.has("embodied_kgco2e_per_chip"):
            embodied = self._other("embodied_kg", "co2e_kg")
            co2e, formula = co2e + embodied, f"{formula} + embodied_kg"
        return chain.note("co2e_kg", co2e, formula)

    @cached_property
    def marginal_co2e_kg(self) -> Estimate:
        """Emissions that there would not be without the run, in kgCO2e."""
        chain = self._chain
        if not chain.has("marginal_kgco2e_per_kwh"):
            raise self._missing("marginal_co2e_kg")
        energy = self._other("energy_kwh", "marginal_co2e_kg")
        co2e = energy * chain.take("marginal_kgco2e_per_kwh")
        return chain.note("marginal_co2e_kg", co2e, "energy_kwh × marginal_kgco2e_per_kwh")

    @cached_property
    def usd(self) -> Estimate:
        """Rent by the hour, or wear of own hardware, and electricity that is paid apart, in USD."""
        chain, names = self._chain, self._names
        owned = chain.has("purchase_usd_per_chip")
        if owned and chain.has("usd_per_chip_hour"):
            raise ValueError(
                "inputs contradict each other: usd_per_chip_hour rents the hardware that "
                "purchase_usd_per_chip buys; leave one of them out"
            )
        if owned and chain.has("usd_per_kwh"):
            lives = self._other("chip_hours", "usd") / steps.lifetime_hours(chain)
            usd = lives * chain.take("purchase_usd_per_chip")
            formula = "chip_hours / lifetime_hours × purchase_usd_per_chip"
        elif not owned and (chain.has("usd_per_chip_hour") or {"chip", "date"} <= names.keys()):
            price = chain.take(
                "usd_per_chip_hour",
                lambda: factors.price(names["chip"], names["date"], self._commitment),
            )
            usd, formula = (
                self._other("chip_hours", "usd") * price,
                "chip_hours × usd_per_chip_hour",
            )
        else:
            raise self._missing("usd")
        if chain.has("usd_per_kwh"):
            usd = usd + self._other("energy_kwh", "usd") * chain.take("usd_per_kwh")
            formula += " + energy_kwh × usd_per_kwh"
        return chain.note("usd", usd, formula)

    @cached_property
    def mfu(self) -> Estimate:
        """Model FLOPs utilisation: as given, or as FLOP, chip-hours and peak rate imply."""
        chain = self._chain
        if chain.has("mfu"):
            return chain.take("mfu")
        counted = steps.counted_chip_hours(chain)
        known = chain.has("training_flop") and steps.has_peak(chain, self._chip)
        if counted is None or not known:
            raise self._missing("mfu")
        peak = steps.peak_rate(chain, self._chip, self._precision)
        return steps.work(chain) / counted / peak

    def factors(self) -> list[Factor]:
        """Every number that the bill rests on: inputs first, then what was computed from them."""
        for output in OUTPUTS:
            try:
                getattr(self, output)
            except Missing:
                continue
        return sorted(self._chain.used.values(), key=lambda factor: factor.computed)

    def explain(self) -> None:
        """Print each factor with its value, 90 % interval, unit, basis and source."""
        print(explanation(self.factors()))

    def __repr__(self) -> str:
        told = [f"{name}={value!r}" for name, value in self._names.items()]
        told += [f"{name}={factor.value}" for name, factor in self._chain.given.items()]
        return f"Run({', '.join(told)})"

    def _run_chip_hours(self, output: str) -> Estimate:
        busy = steps.run_chip_hours(self._chain, self._chip, self._precision)
        if busy is None:
            raise self._missing(output)
        return busy

    def _other(self, name: str, output: str) -> Estimate:
        """Another output; where it lacks inputs, the error speaks of the one asked for."""
        try:
            return getattr(self, name)
        except Missing:
            raise self._missing(output) from None

    def _missing(self, output: str) -> Missing:
        return missing(output, [*self._names, *self._chain.given])
