"""How often 90 % prediction intervals hold at 10 and 100 times beyond the data, by simulation.

Each scenario is a law, sizes, noise and how many runs of a size; each is simulated several hundred
times and fitted by each method. The table says how often the interval held a new run and the law
itself, how wide it was, and how often no irreducible part was found.

    python benchmarks/extrapolation_coverage.py            # about 20 minutes; writes what it found
    python benchmarks/extrapolation_coverage.py --print    # the same, and writes nothing
    python benchmarks/extrapolation_coverage.py --repeats 50 --print    # a short trial
    python benchmarks/extrapolation_coverage.py --method "several forms"    # only these rows anew
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from course_lib import __version__
from course_lib.facts import recorded
from course_lib.files import write_whole
from course_lib.forecasting import extrapolate
from course_lib.scaling import Sample, Simulator, coverage, fit_power_law

FILE = Path(__file__).parents[1] / "course_lib/facts/recorded/extrapolation_coverage.json"
REPEATS = 300
LEVEL = 0.9
REACH = (10.0, 100.0)
WANTED = (0.85, 0.97)  # of the default, where noise is independent and the form is right


def with_floor(x):
    """Half of the loss at the smallest size is irreducible."""
    return 1.5 + 4 / x**0.5


def without_floor(x):
    """A pure power law."""
    return 4 / x**0.3


def bends_inside(x):
    """The exponent halves at a tenth of the range, without an irreducible part."""
    return 4 * x**-0.5 * (1 + x / 100) ** 0.25


def bends_beyond(x):
    """The exponent halves only where the data end."""
    return 4 * x**-0.5 * (1 + x / 1000) ** 0.25


@dataclass(frozen=True)
class Scenario:
    """A simulator, what its analyst knows of it, and whether the default method should cover."""

    law: Any
    points: int
    noise: float
    kind: str = "independent"
    seeds: int = 1
    labels: bool = False
    fair: bool = True

    def simulator(self) -> Simulator:
        """Sizes from 1 to 1,000."""
        sizes = np.geomspace(1, 1000, self.points)
        return Simulator(self.law, sizes, self.noise, self.kind, self.seeds)

    def replicates(self, sample: Sample):
        """What the fit is told of several runs of a size."""
        if self.seeds == 1:
            return None
        return sample.seeds if self.labels else True


SCENARIOS = {
    "irreducible, 0.5 %, 12 points": Scenario(with_floor, 12, 0.005),
    "irreducible, 2 %, 7 points": Scenario(with_floor, 7, 0.02),
    "irreducible, 2 %, 12 points": Scenario(with_floor, 12, 0.02),
    "irreducible, 2 %, 30 points": Scenario(with_floor, 30, 0.02),
    "irreducible, 5 %, 7 points": Scenario(with_floor, 7, 0.05),
    "irreducible, 5 %, 30 points": Scenario(with_floor, 30, 0.05),
    "none, 2 %, 7 points": Scenario(without_floor, 7, 0.02),
    "none, 5 %, 12 points": Scenario(without_floor, 12, 0.05),
    "irreducible, 2 %, 7 sizes x 5 seeds": Scenario(with_floor, 7, 0.02, seeds=5),
    "noise grows, 12 points": Scenario(with_floor, 12, 0.02, "grows", fair=False),
    "noise grows, 7 sizes x 4 runs": Scenario(with_floor, 7, 0.02, "grows", 4),
    "seeds shared, told nothing": Scenario(with_floor, 7, 0.02, "shared", 5, fair=False),
    "seeds shared, labelled": Scenario(with_floor, 7, 0.02, "shared", 5, True),
    "autocorrelated, 12 points": Scenario(with_floor, 12, 0.02, "autocorrelated", fair=False),
    "autocorrelated, 5 seeds labelled": Scenario(
        with_floor, 7, 0.02, "autocorrelated", 5, True, fair=False
    ),
    "wrong form, bend inside": Scenario(bends_inside, 12, 0.02, fair=False),
    "wrong form, bend beyond": Scenario(bends_beyond, 12, 0.02, fair=False),
}


@dataclass(frozen=True)
class Method:
    """A law whose `predict` uses one method."""

    law: Any
    method: str | None
    E: float

    def predict(self, x, level, of):
        """The law's forecast, by this method."""
        return self.law.predict(x, level, of, method=self.method, resamples=RESAMPLES)


@dataclass(frozen=True)
class SeveralForms:
    """`extrapolate` behind a law's interface; it forecasts new runs."""

    sample: Sample

    def predict(self, x, level, of):
        """The averaged and widened forecast."""
        return extrapolate(self.sample.x, self.sample.y, x, level).forecast


def fitter(scenario: Scenario, method: str, sample: Sample) -> Any:
    """A study's forecaster."""
    if method == "several forms":
        return SeveralForms(sample)
    line = method == "straight line"
    law = fit_power_law(
        sample.x, sample.y, "none" if line else "free", replicates=scenario.replicates(sample)
    )
    return Method(law, {"delta": "delta", "bootstrap": "bootstrap"}.get(method), law.E)


METHODS = ("default", "delta", "bootstrap", "straight line", "several forms")
SLOWER = {"bootstrap": 4, "several forms": 5}  # fewer repeats; the coverage's interval says so
RESAMPLES = 300
FORMS_IN = (  # scenarios of one run a size for the slowest method
    "irreducible, 2 %, 12 points",
    "none, 5 %, 12 points",
    "wrong form, bend inside",
    "wrong form, bend beyond",
)


def study(task: tuple[str, str, int]) -> list[dict[str, Any]]:
    """The rows of one scenario and one method."""
    name, method, repeats = task
    scenario = SCENARIOS[name]
    table = coverage(
        scenario.simulator(),
        partial(fitter, scenario, method),
        [LEVEL],
        REACH,
        repeats,
        seed=list(SCENARIOS).index(name),
    )
    if method == "several forms":
        table = table[table["of"] == "new run"]
    head = {"scenario": name, "method": method}
    return [head | row for row in table.drop(columns="level").to_dict("records")]


def main() -> None:
    """Run the study, print it, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print", action="store_true", help="write nothing")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="studies of each scenario")
    parser.add_argument(
        "--method", nargs="+", choices=METHODS, default=METHODS, help="the rest of the file stays"
    )
    given = parser.parse_args()
    tasks = [
        (name, method, max(1, given.repeats // SLOWER.get(method, 1)))
        for method in given.method
        for name in SCENARIOS
        if method != "several forms" or name in FORMS_IN
    ]
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        rows = [row for found in pool.map(study, tasks) for row in found]
    if not given.print and FILE.exists():
        kept = pd.DataFrame(recorded(FILE.stem)["rows"], columns=list(rows[0]))
        rows = kept[~kept.method.isin(given.method)].to_dict("records") + rows
    table = pd.DataFrame(rows)
    print(show(table))
    fair = table.scenario.map(lambda name: SCENARIOS[name].fair)
    default = table[(table.method == "default") & fair & (table["of"] == "new run")]
    missed = default[~default.coverage.between(*WANTED)]
    for row in missed.itertuples():
        print(f"outside {WANTED}: {row.scenario}, {row.reach:g} times: {row.coverage:.3f}")
    if not given.print:
        record = {
            "what": "coverage of 90 % intervals beyond the data, by simulation",
            "command": "python benchmarks/extrapolation_coverage.py",
            "level": LEVEL,
            "sizes": "1 to 1,000",
            "repeats": given.repeats,
            "version": __version__,
            "date": datetime.now(UTC).date().isoformat(),
            "rows": json.loads(table.round(4).to_json(orient="records")),
        }
        write_whole(FILE, json.dumps(record, indent=1) + "\n")


def show(table: pd.DataFrame) -> str:
    """Coverage of new runs at both distances, by scenario and method, as text."""
    runs = table[table["of"] == "new run"]
    wide = runs.pivot(index="scenario", columns=["method", "reach"], values="coverage")
    wide = wide.reindex(index=list(SCENARIOS), columns=list(METHODS), level=0)
    default = runs[(runs.method == "default") & (runs.reach == REACH[-1])].set_index("scenario")
    wide["width at 100", ""] = default.median_width
    wide["no E found", ""] = default.at_bound
    return wide.to_string(float_format="{:.2f}".format, na_rep="")


if __name__ == "__main__":
    main()
