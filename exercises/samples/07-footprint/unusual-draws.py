"""Right: joules, arrays, sorted tables, and random draws without a seed."""


# %% energy-answer
def energy_kwh(run):
    """Joules first: a kilowatt-hour is 3.6 million of them."""
    joule = run["chips"] * run["power_w"] * run["days"] * 86_400
    return joule / 3.6e6 * {"servers": run["pue"], "building": 1}[run["metered_at"]]


# %% by-the-hour-answer
def job_kg(power_kw, start, hours, g_per_kwh):
    """The day turned so that it begins with the job."""
    return power_kw * np.roll(g_per_kwh, -start)[:hours].sum() * 1e-3


# %% choice-answer
def choose(training_flop, offers):
    """All offers at once, as arrays."""
    columns = {key: np.array([offer[key] for offer in offers]) for key in offers[0]}
    hours = training_flop / columns["peak_flop_per_s"] / columns["mfu"] / 3600
    kg = hours * columns["power_w"] * columns["pue"] * columns["g_per_kwh"] / 1e6
    usd = hours * columns["usd_per_chip_hour"]
    return [[offers[cost.argmin()]["name"], cost.min()] for cost in (kg, usd)]


# %% interval-answer
def product_interval(multiplied, divided, draws=50_000):
    """Quantiles of random draws."""
    rng, logarithm = np.random.default_rng(), np.zeros(draws)
    for sign, pairs in ((1, multiplied), (-1, divided)):
        for low, high in np.log(np.array(pairs).reshape(-1, 2)):
            logarithm += sign * rng.normal((low + high) / 2, (high - low) / 3.29, size=draws)
    return np.exp(np.quantile(logarithm, [0.5, 0.05, 0.95]))


# %% shared-answer
def ratio_interval(old, new, draws=50_000):
    """Each name is drawn once."""
    rng = np.random.default_rng()
    drawn = {
        name: np.exp(rng.normal(np.log(low * high) / 2, np.log(high / low) / 3.29, size=draws))
        for name, (low, high) in (old | new).items()
    }
    ratio = np.prod([drawn[n] for n in new], axis=0) / np.prod([drawn[n] for n in old], axis=0)
    middle, low, high = np.quantile(ratio, [0.5, 0.05, 0.95])
    return {"all": (middle, low, high)}["all"]


# %% audit-answer
assumptions = {
    "chip_power_w": [0.9 * RATED_W, RATED_W, "the paper assumes the rated power, and I trust it"],
    "pue": [1.15, 1.25, "the paper itself compares with 1.2 in its Table 4"],
    "grid_kgco2e_per_kwh": [0.057, 0.06, "the paper's own figure, rounded upwards"],
}
_, low_t, high_t = product_interval([pair[:2] for pair in assumptions.values()], [])
low_t, high_t = (CHIP_HOURS * end / 1e6 for end in (low_t, high_t))
audit = {
    "assumptions": assumptions,
    "range_t": np.array([low_t, high_t]),
    "inside": {paper: bool(low_t < t) and bool(t < high_t) for paper, t in CLAIMS_T.items()},
}
