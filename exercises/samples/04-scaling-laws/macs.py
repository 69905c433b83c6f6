"""Counts multiply-accumulates: 3ND for training, N for a token in use."""


# %% allocate-answer
def allocate(flop, used, A, alpha, B, beta):
    """A budget of multiply-accumulates."""
    n = np.geomspace(1e6, 1e15, 50_000)
    tokens = (flop / n - used) / 3
    n, tokens = n[tokens > 0], tokens[tokens > 0]
    best = np.argmin(A / n**alpha + B / tokens**beta)
    return n[best], tokens[best]
