"""Gives times in milliseconds."""

# %% sweep-answer
y, seconds = {}, {}
for kind, sizes in SIZES.items():
    costs = [measure(make_call(kind, n), name=f"{kind}-{n}", budget_seconds=0.4) for n in sizes]
    seconds[kind] = [cost.minimum_cpu_seconds for cost in costs]
    y[kind] = [1000 * one for one in seconds[kind]]


# %% fits-answer
fits = {}
for kind, sizes in SIZES.items():
    law = fit_power_law(sizes, seconds[kind], irreducible="free", direction="grows")
    fits[kind] = (law.exponent, law.E)
