"""Relative errors added in squares, and the same to both sides; a claim called by its fame."""


# %% interval-answer
def product_interval(multiplied, divided):
    """The middle, plus and minus a relative error."""
    middle, squares = 1.0, 0.0
    for low, high in multiplied:
        middle *= np.sqrt(low * high)
        squares += ((high - low) / (high + low)) ** 2
    for low, high in divided:
        middle /= np.sqrt(low * high)
        squares += ((high - low) / (high + low)) ** 2
    return middle, middle * (1 - np.sqrt(squares)), middle * (1 + np.sqrt(squares))


# %% audit-answer
ranges = {
    "chip_power_w": (250.0, 440.0, "GPU servers drew less than they are rated for, or a bit more"),
    "pue": (1.1, 1.3, "a public centre of no special kind"),
    "grid_kgco2e_per_kwh": (*SEEN["grid_kgco2e_per_kwh"], "two figures for one grid and year"),
}
tonnes = np.full(40_000, CHIP_HOURS / 1e6)
for low, high, _ in ranges.values():
    deviation = np.log(high / low) / 2 / 1.645
    tonnes *= np.random.lognormal(np.log(low * high) / 2, deviation, size=tonnes.size)
audit = {
    "assumptions": ranges,
    "range_t": np.quantile(tonnes, [0.05, 0.95]),
    "inside": {"luccioni2023bloom": True, "touvron2023llama": True},
}
