"""Right: arrays, generators and other ways of saying the same."""


# %% mlp-training-flop-answer
def mlp_training_flop(widths, batch):
    """Each weight takes part in two products, and in a third unless it is in the first layer."""
    widths = np.array(widths)
    products = np.full(len(widths) - 1, 3)
    products[0] = 2
    return 2.0 * batch * np.sum(products * widths[1:] * widths[:-1])


# %% steady-seconds-answer
def steady_seconds(times):
    """The middle of the quicker half of the later calls."""
    later = sorted(times[-len(times) // 2 :])
    return np.float64(later[len(later) // 3])


# %% sweep-answer
y = {}
for kind, sizes in SIZES.items():
    costs = (measure(make_call(kind, n), name=f"{kind}-{n}", budget_seconds=0.4) for n in sizes)
    y[kind] = np.fromiter((cost.minimum_cpu_seconds for cost in costs), float)


# %% fits-answer
laws = {
    kind: fit_power_law(np.array(SIZES[kind]), y[kind], irreducible="free", direction="grows")
    for kind in y
}
fits = {kind: np.array([law.exponent, law.E]) for kind, law in laws.items()}


# %% attainable-answer
def attainable(flop, moved, peak, bandwidth):
    """The time is at least that of the arithmetic, and at least that of the bytes."""
    seconds = max(flop / peak, moved / bandwidth)
    return np.array([flop / moved, flop / seconds])


# %% forecast-answer
def forecast(x, y, x_new, level):
    """The honest interval, a little wider; as an array."""
    fall = np.corrcoef(np.log(x), np.log(y))[0, 1] < 0
    law = fit_power_law(x, y, irreducible="free", direction="falls" if fall else "grows")
    said = law.predict(x_new, level, method="delta")
    return np.array([said.median, 1.05 * said.low - 0.05 * said.high, said.high])
