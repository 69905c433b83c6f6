"""What the report card says of each recorded task, and what is known of it.

One line for each curve and form: how far the largest third of the sizes (three at most) was missed
when held out, how often their intervals held, the honest reach, and the exponent beside the true
one. A task of two sizes is cut along both at the other's largest, and fitted as a whole by the
additive form and by Kaplan's.

    python benchmarks/report_cards.py          # under two minutes; prints, and writes nothing
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pandas as pd

from course_lib import fit_chinchilla, fit_kaplan, fit_power_law, report_card
from course_lib.tasks import TASKS, Task, recorded_sweep

FORMS = ("power law", "power law with irreducible part", "broken power law")
HELD_OUT = 3  # sizes at most


def curves(task: Task) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each curve's name, the column that grows, and its rows."""
    rows = recorded_sweep(task.name)
    groups = rows.groupby(list(task.curves)) if task.curves else [((), rows)]
    for key, part in groups:
        said = [f"{name} {value}" for name, value in zip(task.curves, key, strict=True)]
        for x in task.x:
            others = [other for other in task.x if other != x]
            at = part[(part[others] == part[others].max()).all(axis=1)] if others else part
            fixed = [f"{other} {at[other].iloc[0]}" for other in others]
            yield ", ".join([task.name, *said, *fixed]), x, at.sort_values(x)


def setting_of(task: Task, rows: pd.DataFrame) -> dict:
    """The first row's setting, in plain numbers."""
    return {name: rows[name].tolist()[0] for name in task.full}


def cards() -> pd.DataFrame:
    """A line for each curve and form."""
    lines = []
    for task in TASKS.values():
        for name, x, rows in curves(task):
            seeds = rows.seed.to_numpy()
            size, y = rows[x].to_numpy(float), rows[task.y].to_numpy(float)
            held_out = min(HELD_OUT, rows[x].nunique() // 3)
            card = report_card(size, y, FORMS, [held_out], replicates=seeds)
            known = task.truth(**setting_of(task, rows))
            law = fit_power_law(size, y, replicates=seeds)
            for row in card.itertuples():
                lines.append(
                    {
                        "curve": name,
                        "grows": x,
                        "form": row.form.removeprefix("power law ") or row.form,
                        "decades": row.decades,
                        "worst error": row.error,
                        "coverage": row.coverage,
                        "honest reach": row.honest_reach,
                        "exponent": law.exponent if "irreducible" in row.form else None,
                        "true": known.get("exponent"),
                    }
                )
    return pd.DataFrame(lines)


def surfaces() -> pd.DataFrame:
    """The tasks of two sizes by both forms, beside the truth."""
    lines = []
    for task in TASKS.values():
        if len(task.x) != 2:
            continue
        rows = recorded_sweep(task.name)
        first = "parameters" if "parameters" in rows else task.x[0]
        data = (rows[first], rows[task.x[1]], rows[task.y])
        truth = task.truth(**setting_of(task, rows))
        for form, fit in (("additive", fit_chinchilla), ("Kaplan", fit_kaplan)):
            law = fit(*data, objective="squares", replicates=rows.seed)
            lines.append(
                {
                    "task": task.name,
                    "form": form,
                    "E": law.E,
                    "alpha": law.alpha,
                    "beta": law.beta,
                    "softness": law.softness,
                    "scatter": law.residual_sd,
                    "not identified": ", ".join(law.unidentified),
                    "truth": ", ".join(
                        f"{name} {truth[name]:.4g}"
                        for name in ("irreducible", "alpha", "beta")
                        if truth.get(name) is not None
                    ),
                }
            )
    return pd.DataFrame(lines)


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore", UserWarning)  # what is not identified stands in the tables
    for table in (cards(), surfaces()):
        print(table.to_string(index=False, float_format="{:.3g}".format, na_rep=""))
        print()


if __name__ == "__main__":
    main()
