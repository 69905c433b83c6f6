"""Takes the mean of all calls, warm-up and interruptions included; wall time as y."""


# %% steady-seconds-answer
def steady_seconds(times):
    """The mean of all calls."""
    return sum(times) / len(times)


# %% sweep-answer
y, least = {}, {}
for kind, sizes in SIZES.items():
    costs = [measure(make_call(kind, n), name=f"{kind}-{n}", budget_seconds=0.4) for n in sizes]
    y[kind] = [min(sample.seconds for sample in cost.samples) for cost in costs]
    least[kind] = [cost.minimum_cpu_seconds for cost in costs]


# %% fits-answer
fits = {}
for kind, sizes in SIZES.items():
    law = fit_power_law(sizes, least[kind], irreducible="free", direction="grows")
    fits[kind] = (law.exponent, law.E)
y_wall, y = y, least


# %% large-answer
y = y_wall
