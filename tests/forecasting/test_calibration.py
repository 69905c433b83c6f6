"""Calibration over a course: what was claimed is counted against what came true."""

import json
import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from course_lib import Forecast, commit, interval_score, verify
from course_lib.forecasting import Calibration, calibration, crps, log_score


@pytest.fixture
def file(tmp_path):
    return tmp_path / "forecasts.jsonl"


def write(path, rows):
    """Commit and verify (name, forecast, truth); None: not yet known."""
    for name, forecast, truth in rows:
        commit(name, forecast, path)
        if truth is not None:
            verify(name, truth, path)


def write_at_once(path, rows):
    """The same file, without waiting for the disk after each line."""
    lines = []
    for name, forecast, truth in rows:
        entry = {"name": name, "time": "2024-01-01T00:00:00.000+00:00"}
        lines.append({"kind": "commit", **entry, "forecast": asdict(forecast)})
        lines.append({"kind": "verify", **entry, "truth": truth})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def forecaster(seed, number, sd, levels=(0.5, 0.9)):
    """Forecasts of standard normal surprises by one who believes in this standard deviation."""
    rng = np.random.default_rng(seed)
    for i in range(number):
        level = levels[i % len(levels)]
        median, half = rng.normal(50, 5), sd * stats.norm.ppf((1 + level) / 2)
        yield f"{i}", Forecast(median, median - half, median + half, level), rng.normal(median, 1)


def test_levels_are_counted_apart(file):
    write(
        file,
        [
            ("a", Forecast(2, 1, 3, 0.9), 2.5),
            ("b", Forecast(2, 1, 3, 0.9), 3.5),
            ("c", Forecast(10, 8, 12, 0.5, "s"), 11.0),
            ("d", Forecast(10, 8, 12, 0.5, "s"), None),
        ],
    )
    seen = calibration(file)
    assert isinstance(seen, Calibration) and seen.unverified == ("d",)
    levels = seen.levels.set_index("level")
    assert levels[["number", "held"]].T.to_dict("list") == {0.5: [1, 1], 0.9: [2, 1]}
    assert levels["coverage"].to_dict() == {0.5: 1.0, 0.9: 0.5}
    exact = stats.binomtest(1, 2).proportion_ci(0.9, method="wilson")
    assert levels.loc[0.9, ["low", "high"]].tolist() == pytest.approx([exact.low, exact.high])


def test_each_forecast_is_scored_in_units_of_its_truth(file):
    forecast = Forecast(2, 1, 3, 0.9, "s")
    write(file, [("a", forecast, 2.5), ("b", forecast, 3.5)])
    in_ms = Forecast(2000, 1000, 3000, 0.9, "ms")
    write(file, [("a in ms", in_ms, 2500.0)])
    table = calibration(file).forecasts.set_index("name")
    for name, truth in (("a", 2.5), ("b", 3.5)):
        row = table.loc[name]
        assert row["interval_score"] == pytest.approx(interval_score(1, 3, truth) / truth)
        assert row["crps"] == pytest.approx(crps(forecast, truth) / truth)
        assert row["log_score"] == pytest.approx(log_score(forecast, truth) - math.log(truth))
    scores = ["pit", "interval_score", "crps", "log_score"]
    assert table.loc["a", scores].tolist() == pytest.approx(table.loc["a in ms", scores].tolist())
    levels = calibration(file).levels
    assert levels["crps"].item() == pytest.approx(table["crps"].mean())


@pytest.mark.parametrize(("sd", "covered"), [(1.0, (0.5, 0.9)), (0.5, (0.264, 0.589))])
def test_it_tells_honest_forecasters_from_those_who_are_too_sure(file, sd, covered):
    write_at_once(file, forecaster(seed=1, number=400, sd=sd))
    seen = calibration(file)
    for row, expected in zip(seen.levels.itertuples(), covered, strict=True):
        assert row.low < expected < row.high
        assert (row.low < row.level < row.high) == (sd == 1.0)
    pit = seen.forecasts["pit"]
    assert (stats.kstest(pit, "uniform").pvalue > 0.05) == (sd == 1.0)


def test_a_course_has_several_files(tmp_path, monkeypatch):
    files = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for file, truth in zip(files, (2.0, 9.0), strict=True):
        write(file, [("large", Forecast(2, 1, 3), truth)])
    seen = calibration(*files)
    assert seen.forecasts["file"].tolist() == [str(file) for file in files]
    assert seen.levels[["number", "held"]].values.tolist() == [[2, 1]]
    monkeypatch.chdir(tmp_path)
    write("forecasts.jsonl", [("x", Forecast(2, 1, 3), 2.0)])
    assert calibration().forecasts["name"].tolist() == ["x"]


def test_a_forecast_without_a_width_and_a_truth_of_zero_count_too(file):
    write(file, [("sure", Forecast(2, 2, 2), 2.0), ("nothing", Forecast(0, -1, 1), 0.0)])
    table = calibration(file).forecasts.set_index("name")
    assert table.loc["sure", ["held", "pit", "crps"]].tolist() == [True, 0.5, 0.0]
    assert pd.isna(table.loc["sure", "log_score"])
    assert table.loc["nothing", "interval_score"] == math.inf
    alone = file.with_name("alone.jsonl")
    write(alone, [("sure", Forecast(2, 2, 2), 3.0)])
    assert calibration(alone).forecasts["pit"].tolist() == [1.0]


def test_without_a_truth_there_is_nothing_to_compare(file):
    with pytest.raises(ValueError, match=r"forecasts\.jsonl was verified; 0 are open"):
        calibration(file)
    write(file, [("a", Forecast(2, 1, 3), None)])
    with pytest.raises(ValueError, match="was verified; 1 are open"):
        calibration(file)
