"""Counts attention for one token, and each head as if it had the whole width."""


# %% attention-counts-answer
def attention_counts(tokens, width, heads, batch):
    """Projections for each head; work of one token."""
    parameters = heads * (4 * width**2 + 4 * width)
    return parameters, batch * (4 * width**2 + 2 * tokens * width)
