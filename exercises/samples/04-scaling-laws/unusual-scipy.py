"""Right: with SciPy and PyTorch, and without the course's fits."""


# %% read-off-answer
def read_off(x1, y1, x2, y2, x):
    """A straight line by least squares, in decades."""
    slope, start = np.polyfit(np.log10([x1, x2]), np.log10([y1, y2]), 1)
    return np.array([slope, 10 ** (start + slope * np.log10(x))])


# %% local-exponent-answer
def local_exponent(x, E, A, alpha):
    """Automatic differentiation of log y by log x."""
    import torch

    log_x = torch.tensor(x, dtype=torch.float64).log().requires_grad_()
    torch.log(E + A * torch.exp(-alpha * log_x)).backward()
    return log_x.grad


# %% find-law-answer
def find_law(x, y):
    """Nonlinear least squares of the losses themselves."""
    from scipy.optimize import curve_fit

    def law(size, E, A, alpha):
        return E + A * (size / x[0]) ** -alpha

    found, _ = curve_fit(law, x, y, (0.8 * y[-1], y[0], 0.5), bounds=(0, np.inf))
    return found[0], found[2]


# %% allocate-answer
def allocate(flop, used, A, alpha, B, beta):
    """What stays of the budget is the tokens; SciPy looks for N on a log axis."""
    from scipy.optimize import minimize_scalar

    def tokens(log_n):
        return (flop * np.exp(-log_n) - 2 * used) / 6

    def loss(log_n):
        left = tokens(log_n)
        return np.log(A * np.exp(-alpha * log_n) + B * left**-beta) if left > 0 else np.inf

    coarse = min(np.linspace(np.log(1e6), np.log(1e15), 200), key=loss)
    found = minimize_scalar(loss, bounds=(coarse - 0.2, coarse + 0.2), method="bounded").x
    return np.exp(found), tokens(found)


# %% extrapolate-answer
def extrapolate(x, y, x_new, level):
    """The delta method by hand, on SciPy's covariance."""
    from scipy import optimize, stats

    def log_law(log_x, E, A, alpha):
        return np.log(E + A * np.exp(-alpha * log_x))

    start, end = np.log(x / x[0]), np.log(x_new / x[0])
    near = (y[-1] / 2, y[0] - y[-1] / 2, 0.5)
    best, spread = optimize.curve_fit(log_law, start, np.log(y), near, bounds=(1e-9, np.inf))
    steps = np.diag(1e-5 * best)
    slopes = [(log_law(end, *(best + s)) - log_law(end, *(best - s))) / 2 / s.sum() for s in steps]
    law = np.dot(slopes, spread @ slopes)
    run = law + np.sum((np.log(y) - log_law(start, *best)) ** 2) / (len(x) - 3)
    t = stats.t.ppf((1 + level) / 2, len(x) - 3)
    half = t * np.sqrt([-law, law, -run, run] * np.array([-1, 1, -1, 1]))
    return np.exp(log_law(end, *best) + half * [-1, 1, -1, 1])
