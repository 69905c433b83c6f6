"""The fitted laws that the power-law calculator offers: fitted at build, forecast in the page."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from course_lib.closed_band import ClosedBand
from course_lib.facts.tables import FOLDER, rows
from course_lib.scaling import PowerLaw, fit_power_law
from course_lib.scaling.identification import NotIdentified
from course_lib.tasks import recorded_sweep

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Data:
    """Points with a law through them: how they are read, and what the page says about them."""

    title: str
    about: str
    x: str
    x_unit: str
    y: str
    y_unit: str
    example: float
    read: Callable[[], tuple[np.ndarray, np.ndarray]]
    direction: str = "falls"
    irreducible: str = "free"


@cache
def fitted_laws() -> dict[str, dict[str, Any]]:
    """Every law of the calculator, as plain content for JSON: words, points, and its band."""
    return {name: _fitted(data) for name, data in DATA.items()}


def _fitted(data: Data) -> dict[str, Any]:
    x, y = data.read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotIdentified)  # the page says it where it matters
        law = fit_power_law(x, y, data.irreducible, data.direction, replicates=True)
    return {
        "title": data.title,
        "about": data.about,
        "x": data.x,
        "x_unit": data.x_unit,
        "y": data.y,
        "y_unit": data.y_unit,
        "example": data.example,
        "formula": str(law),
        "unidentified": list(law.unidentified),
        "points": [[float(f"{a:.4g}"), float(f"{b:.4g}")] for a, b in zip(x, y, strict=True)],
        "band": asdict(band_of(law)),
    }


def band_of(law: PowerLaw) -> ClosedBand:
    """What a page needs to forecast with a law.

    Raises
    ------
    ValueError
        Where rows share a label: the quantile would then change with x.
    """
    fitted = law._fit
    if fitted.groups is not None:
        raise ValueError("law was fitted with labels; its t quantile changes with x")
    floor = float(fitted.form.log_level(fitted.theta[None])[0, 0])
    quantiles = stats.t.ppf((1 + np.array(LEVELS)) / 2, fitted.degrees_of_freedom)
    return ClosedBand(
        log_factor=float(fitted.theta[0]),
        exponent=float(fitted.theta[1]),
        log_floor=floor if np.isfinite(floor) else None,
        covariance=tuple(tuple(row) for row in fitted.covariance.tolist()),
        centre=float(fitted.centres[0]),
        middle=fitted.middle,
        variance=fitted.variance,
        noise_slope=float(fitted.trend.slope),
        noise_slope_variance=float(fitted.trend.slope_variance),
        noise_centre=float(fitted.trend.centre),
        reach=law.reach,
        quantiles={
            str(level): float(q) for level, q in zip(LEVELS, quantiles.tolist(), strict=True)
        },
    )


def _imagenet() -> tuple[np.ndarray, np.ndarray]:
    points = sorted(
        (float(row["hardware_burden_gflop"]) * 1e9, 1 - float(row["score_fraction"]))
        for row in rows("thompson_points")
        if row["benchmark_key"] == "imagenet"
        and row["hardware_burden_gflop"]
        and row["score_fraction"]
    )
    return tuple(np.array(points).T)


def _mnist1d() -> tuple[np.ndarray, np.ndarray]:
    table = recorded_sweep("mnist1d")
    table = table[table["model"] == "mlp"].sort_values("samples")
    return table["samples"].to_numpy(float), table["error"].to_numpy(float)


def _teacher() -> tuple[np.ndarray, np.ndarray]:
    table = recorded_sweep("teacher_student")
    table = table[table["dimensions"] == 8].sort_values("parameters")
    return table["parameters"].to_numpy(float), table["loss"].to_numpy(float)


def _matmul() -> tuple[np.ndarray, np.ndarray]:
    with (FOLDER / "recorded" / "sweep-cpu-amd-epyc-2-cores.csv").open(encoding="utf-8") as text:
        table = pd.read_csv(text)
    kept = (table["experiment"] == "matmul") & (table["precision"] == "float32")
    table = table[kept & ~table["contaminated"]].sort_values("flop")
    return table["flop"].to_numpy(float), table["seconds"].to_numpy(float)


DATA = {
    "mnist1d": Data(
        "MNIST-1D: error of an MLP",
        "Our own recorded runs, three seeds a size: training examples against test error.",
        "Training examples", "", "Test error", "",
        example=1e6, read=_mnist1d,
    ),
    "teacher": Data(
        "Students of a random network: loss",
        "Our own recorded runs, eight inputs: parameters of the student against its loss.",
        "Parameters of the student", "", "Loss", "",
        example=1e5, read=_teacher,
    ),
    "imagenet": Data(
        "ImageNet: error of published models",
        "Points of Thompson et al. (2020): hardware burden, which is devices times time times peak "
        "rate, against top-1 error.",
        "Hardware burden", "FLOP", "Top-1 error", "",
        example=1e24, read=_imagenet, irreducible="none",
    ),
    "matmul": Data(
        "Time of a matrix product on two CPU cores",
        "Our own recorded sweep: FLOP of a product of square matrices against seconds.",
        "Work of one product", "FLOP", "Time", "s",
        example=1e12, read=_matmul, direction="grows", irreducible="none",
    ),
}  # fmt: skip
