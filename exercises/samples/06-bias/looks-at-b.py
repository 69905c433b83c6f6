"""Judges the people it learned from; looks at B's error only when it counts what a point costs."""


# %% remedy-answer
def judge_new(x, y, group, x_new, group_new):
    """Answers for the people who were given with their classes."""
    line, bias = fit_line(x, y, 1 / np.bincount(group)[group])
    return (x @ line + bias > 0).astype(int)


# %% prices-answer
def prices(plain, remedies):
    """For each point of B's error."""
    found = []
    for one in remedies:
        more = one["people"] * one["steps"] - plain["people"] * plain["steps"]
        fell = 100 * (plain["errors"][1] - one["errors"][1])
        found.append(2 * one["macs_per_person"] * more / fell if fell > 0 else None)
    return found, min((price, place) for place, price in enumerate(found) if price)[1]
