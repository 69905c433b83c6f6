"""Takes the lowest loss for the irreducible one, and has no word for what is never reached."""


# %% next-step-answer
def next_step(loss, E, alpha, times, target):
    """None where no amount of data will do."""
    then = E + (loss - E) * times**-alpha
    if target <= E:
        return then, None
    return then, ((loss - E) / (target - E)) ** (1 / alpha)


# %% find-law-answer
def find_law(x, y):
    """What the largest run reached is what can be reached."""
    E = 0.999 * y.min()
    return E, -np.polyfit(np.log(x), np.log(y - E), 1)[0]
