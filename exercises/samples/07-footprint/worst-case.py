"""All inputs at their worst at once, in every interval."""


# %% interval-answer
def product_interval(multiplied, divided):
    """Low ends with low ends, high ends with high ends."""
    middle = low = high = 1.0
    for a, b in multiplied:
        middle, low, high = middle * np.sqrt(a * b), low * a, high * b
    for a, b in divided:
        middle, low, high = middle / np.sqrt(a * b), low / b, high / a
    return middle, low, high


# %% shared-answer
def ratio_interval(old, new):
    """The worst case of what the two bills do not share."""
    own_new = [pair for name, pair in new.items() if name not in old]
    own_old = [pair for name, pair in old.items() if name not in new]
    return product_interval(own_new, own_old)


# %% audit-answer
ranges = {
    "chip_power_w": (250.0, 440.0, "GPU servers drew less than they are rated for, or a bit more"),
    "pue": (1.1, 1.3, "a public centre of no special kind"),
    "grid_kgco2e_per_kwh": (*SEEN["grid_kgco2e_per_kwh"], "two figures for one grid and year"),
}
_, low_t, high_t = product_interval([pair[:2] for pair in ranges.values()], [])
low_t, high_t = CHIP_HOURS * low_t / 1e6, CHIP_HOURS * high_t / 1e6
audit = {"assumptions": ranges, "range_t": (low_t, high_t)}
audit["inside"] = {paper: low_t < tonnes < high_t for paper, tonnes in CLAIMS_T.items()}
