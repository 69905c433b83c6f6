"""Right: with other parts of the course's library."""


# %% next-step-answer
def next_step(loss, E, alpha, times, target):
    """In logarithms, with NumPy's infinity where nothing is left above the target."""
    above = np.log(loss - E)
    more = (above - np.log(max(target - E, 1e-300))) / alpha if target > E else np.inf
    return [E + np.exp(above - alpha * np.log(times)), np.exp(more)]


# %% run-sweep-answer
def run_sweep(width, sizes, seeds):
    """The library's sweep, and its table."""
    from course_lib.sweeps import sweep

    grid = {"width": [width], "samples": sizes}
    table = sweep(TASKS["spectrum"].run, grid, seeds=seeds, batched=True, progress=False)
    by_size = table.groupby("samples").loss
    return by_size.mean(), by_size.sem() / by_size.mean()


# %% choose-answer
def choose(x, y):
    """Hold out every number of largest sizes, up to half, and add up where each form ranks."""
    ranks = dict.fromkeys(FORMS, 0)
    for kept in range((len(x) + 1) // 2, len(x) - 1):
        misses = [np.abs(fit(x[:kept], y[:kept])(x[kept:]) - y[kept:]) for fit in FORMS.values()]
        order = np.argsort([np.median(miss / y[kept:]) for miss in misses])
        for rank, place in enumerate(order):
            ranks[list(FORMS)[place]] += rank
    return min(ranks, key=ranks.get)


# %% extrapolate-answer
def extrapolate(x, y, x_new, level):
    """Profile likelihoods, where the reference has the delta method."""
    law = fit_power_law(x, y, replicates=True)
    said = [law.predict(x_new, level, of=of, method="profile") for of in ("mean", "new run")]
    return np.ravel([(one.low, one.high) for one in said])
