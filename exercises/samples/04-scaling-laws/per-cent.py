"""Gives relative errors in per cent."""


# %% run-sweep-answer
def run_sweep(width, sizes, seeds):
    """Means, and their standard errors in per cent."""
    table = [TASKS["spectrum"].run(width=width, samples=n, seeds=seeds) for n in sizes]
    losses = np.array([[row["loss"] for row in rows] for rows in table])
    errors = 100 * losses.std(axis=1, ddof=1) / len(seeds) ** 0.5 / losses.mean(axis=1)
    return losses.mean(axis=1), errors
