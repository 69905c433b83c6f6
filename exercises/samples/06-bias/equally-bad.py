"""Moves the threshold of A until A is as badly served as B; multiply-accumulates for FLOP."""


# %% remedy-answer
def judge_new(x, y, group, x_new, group_new):
    """Equal errors, both as large as the worse one was."""
    line, bias = fit_line(x, y, np.ones(len(x)))
    score = x @ line + bias
    aim = np.mean((score > 0)[group == 1] != y[group == 1])
    cuts = np.linspace(0, 20, 400)
    of_a = np.array([np.mean((score > cut)[group == 0] != y[group == 0]) for cut in cuts])
    cut = cuts[np.argmin(abs(of_a - aim))]
    return x_new @ line + bias > np.where(group_new == 0, cut, 0)


# %% prices-answer
def prices(plain, remedies):
    """MAC beyond the plain training, for each point."""
    found = []
    for one in remedies:
        macs, before = (t["people"] * t["steps"] * t["macs_per_person"] for t in (one, plain))
        fell = 100 * (max(plain["errors"]) - max(one["errors"]))
        found.append((macs - before) / fell if fell > 0 else None)
    return found, min((price, place) for place, price in enumerate(found) if price)[1]


# %% reflection
# More of the Black defendants were arrested again (51.43 % against 39.36 %). With different base
# rates the false positive rates must differ if a warning means the same in both groups; so it is
# here, 44.85 against 23.45 %. I would make the predictive values equal, because that is fair.
