"""Functions that sweeps run, in a module that worker processes can import."""

import os
import signal
import time
from pathlib import Path


def multiply(a, b=1, seed=0):
    """A row of numbers, some of them with many digits."""
    return {"product": a * b, "ratio": (a + seed) / 7, "name": f"{a}-{b}"}


def multiply_all(a, b=1, seeds=()):
    """The same for several seeds."""
    return [multiply(a, b, seed) for seed in seeds]


def noted(a, folder, seed=None):
    """Writes down that it was called."""
    with Path(folder, "calls").open("a") as file:
        file.write(f"{a} {seed}\n")
    return {"square": a * a}


def noted_all(a, folder, seeds):
    """Writes down with which seeds it was called."""
    with Path(folder, "calls").open("a") as file:
        file.write(f"{a} {seeds}\n")
    return [{"square": a * a + seed} for seed in seeds]


def calls(folder):
    """What was written down."""
    path = Path(folder, "calls")
    return path.read_text().splitlines() if path.exists() else []


def killed(a, folder):
    """Kills its own process where a is 2."""
    noted(a, folder)
    if a == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"square": a * a}


def killed_once(a, folder):
    """Kills its own process where a is 2, the first time."""
    if a == 2 and f"{a} None" not in calls(folder):
        noted(a, folder)
        os.kill(os.getpid(), signal.SIGKILL)
    return noted(a, folder)


def killed_with_a_bar(a):
    """Kills its own process where a is 2, after a progress bar."""
    from tqdm import tqdm

    list(tqdm([], disable=True))
    if a == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"square": a * a}


def slow(a, folder):
    """Takes a while, so that there is time to kill it."""
    row = noted(a, folder)
    time.sleep(0.2)
    return row


def inverse(a):
    """Fails at 0."""
    return {"inverse": 1 / a}


def threads(a):
    """How many threads PyTorch may use here, and whose process it is."""
    import torch

    return {"threads": torch.get_num_threads(), "parent": os.getppid(), "process": os.getpid()}


def exits(a):
    """Ends its process in an orderly way where a is 1."""
    if a == 1:
        os._exit(3)
    return {"square": a * a}


def trained(width, seed):
    """A small network, trained."""
    import torch

    from course_lib.models import MLP
    from course_lib.training import train

    torch.manual_seed(seed)
    done = train(MLP([3, width, 1]), points, torch.nn.functional.mse_loss, steps=5, seed=seed,
                 progress=False)  # fmt: skip
    return {"loss": done.final_loss, "flop": done.training_flop}


def trained_all(width, seeds):
    """The same network from several seeds at once."""
    import torch

    from course_lib.models import MLP
    from course_lib.training import train_many

    many = train_many(lambda: MLP([3, width, 1]), points, torch.nn.functional.mse_loss, seeds,
                      steps=5, progress=False)  # fmt: skip
    return [{"loss": done.final_loss, "flop": done.training_flop} for done in many]


def points(step, generator):
    """Batches for them."""
    import torch

    x = torch.randn(8, 3, generator=generator)
    return x, x.sum(1, keepdim=True)
