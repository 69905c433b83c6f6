"""Takes the first seed's losses, and the scatter of single runs for the error of a mean."""


# %% run-sweep-answer
def run_sweep(width, sizes, seeds):
    """The first seed, with the scatter of all."""
    first, scatter = [], []
    for size in sizes:
        rows = TASKS["spectrum"].run(width=width, samples=size, seeds=seeds)
        losses = np.array([row["loss"] for row in rows])
        first.append(losses[0])
        scatter.append(losses.std(ddof=1) / losses.mean())
    return first, scatter


# %% reflection
# It missed: the interval ends at 0.442 and the truth is 0.451. A model with 16 features stops
# learning when it has learned those 16, so the loss levels off earlier than the fit believes. To
# see that, somebody should run 8,192 and 16,384 samples and look whether the loss still falls.
