"""A leaky integrate-and-fire neuron, exact in time: no step size enters its spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch

from course_lib.models.checking import check_shape


@dataclass(frozen=True)
class Spikes:
    """What a batch of neurons did: its voltages, and its spikes as a list of events.

    Attributes
    ----------
    neuron : torch.Tensor
        Which neuron of the batch fired, shape (spikes,), in order of time.
    time_ms : torch.Tensor
        When, in milliseconds, shape (spikes,).
    voltage_mv : torch.Tensor
        At the end of each step, in millivolts, shape (batch, steps).
    """

    neuron: torch.Tensor
    time_ms: torch.Tensor
    voltage_mv: torch.Tensor

    def counts(self, until_ms: float = math.inf) -> torch.Tensor:
        """Spikes of each neuron up to a time, shape (batch,)."""
        early = self.neuron[self.time_ms <= until_ms]
        return torch.bincount(early, minlength=len(self.voltage_mv))


@dataclass(frozen=True)
class LIF:
    """A membrane that leaks and charges; at a threshold it fires and starts again.

    Between spikes ``time_constant dV/dt = rest - V + resistance I``. Where the current is constant
    this has a closed form, so `run` computes spikes to rounding, however long its steps are.

    Parameters
    ----------
    time_constant_ms : float
        How fast the membrane forgets; above 0.
    resistance_megaohm : float
        Millivolts that a nanoampere brings in the end; above 0.
    rest_mv, threshold_mv, reset_mv : float
        Voltage without current, at which it fires, from which it starts again. Rest and reset lie
        below the threshold.
    refractory_ms : float
        How long the voltage stays at the reset after a spike; 0 or more.

    Raises
    ------
    ValueError
        If a parameter is not finite or not in these bounds.

    Notes
    -----
    The membrane is Lapicque's (1907); for the reset see Brunel and van Rossum (2007). Defaults are
    round numbers near those of a cell of the cortex. See chapter 3 of the book.

    Examples
    --------
    >>> neuron = LIF()
    >>> neuron.threshold_current_na
    1.5
    >>> current_na = torch.tensor([[1.4], [1.6]])  # one step each
    >>> neuron.run(current_na, step_ms=1000.0).counts()
    tensor([ 0, 17])
    >>> neuron.rate_per_s(torch.tensor([1.4, 1.6])).round(decimals=1)
    tensor([ 0.0000, 17.4000], dtype=torch.float64)
    """

    time_constant_ms: float = 20.0
    resistance_megaohm: float = 10.0
    rest_mv: float = -65.0
    threshold_mv: float = -50.0
    reset_mv: float = -65.0
    refractory_ms: float = 2.0

    def __post_init__(self) -> None:
        for name, value in ((field.name, getattr(self, field.name)) for field in fields(self)):
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value}; allowed are finite numbers")
        for name in ("time_constant_ms", "resistance_megaohm"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; allowed are numbers above 0")
        if self.refractory_ms < 0:
            raise ValueError(f"refractory_ms is {self.refractory_ms}; allowed are 0 and above")
        for name in ("rest_mv", "reset_mv"):
            if getattr(self, name) >= self.threshold_mv:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; allowed are numbers below threshold_mv, "
                    f"{self.threshold_mv}"
                )

    @property
    def threshold_current_na(self) -> float:
        """The constant current, in nanoamperes, above which the neuron fires for ever."""
        return (self.threshold_mv - self.rest_mv) / self.resistance_megaohm

    def time_to_threshold_ms(
        self, current_na: torch.Tensor, from_mv: float | torch.Tensor | None = None
    ) -> torch.Tensor:
        """How long a constant current takes to the threshold; infinite where it never gets there.

        ``from_mv`` is the voltage now, the reset unless given; it broadcasts with the current.
        """
        start = self.reset_mv if from_mv is None else from_mv
        over = self.rest_mv + self.resistance_megaohm * current_na.double() - self.threshold_mv
        ever = over > 0
        # log1p keeps the digits far above the threshold, where the argument is near 1
        ratio = (self.threshold_mv - start) / torch.where(ever, over, 1.0)
        wait = self.time_constant_ms * torch.log1p(ratio.clamp(min=0))
        return torch.where(ever, wait, math.inf)

    def rate_per_s(self, current_na: torch.Tensor) -> torch.Tensor:
        """Spikes per second at a constant current, in closed form: the f-I curve.

        Shape as ``current_na``; 0 up to the threshold current, at most 1000 / ``refractory_ms``.
        """
        return 1000 / (self.refractory_ms + self.time_to_threshold_ms(current_na))

    def run(
        self,
        current_na: torch.Tensor,
        step_ms: float,
        start_mv: float | torch.Tensor | None = None,
    ) -> Spikes:
        """Spikes and voltages under a current that is constant within each step.

        Exact to rounding: a step may hold many spikes, and splitting a step changes nothing.

        Parameters
        ----------
        current_na : torch.Tensor
            Nanoamperes, shape (batch, steps).
        step_ms : float
            Milliseconds a step, above 0.
        start_mv : float or torch.Tensor, optional
            Voltage at the beginning, below the threshold; shape (batch,) or one for all. The rest
            unless given.

        Returns
        -------
        Spikes

        Raises
        ------
        ValueError
            If the shape, the step or the start is not as above, or a current is not finite.
        """
        check_shape("current_na", current_na, "batch", "steps")
        if not 0 < step_ms < math.inf:
            raise ValueError(f"step_ms is {step_ms}; allowed are finite numbers above 0")
        if not current_na.isfinite().all():
            raise ValueError("current_na holds a number that is not finite")
        start = torch.as_tensor(self.rest_mv if start_mv is None else start_mv, dtype=torch.float64)
        if not (start < self.threshold_mv).all():
            raise ValueError(
                f"start_mv is {start.max():g} at most; allowed is below {self.threshold_mv}"
            )
        batch = len(current_na)
        voltage = start.expand(batch).clone()  # (batch,)
        blocked_ms = torch.zeros_like(voltage)  # of the refractory time, what is left
        neurons, times, voltages = [], [], []
        for step, current in enumerate(current_na.double().T):  # (batch,)
            left_ms = torch.full_like(voltage, step_ms)
            goal = self.rest_mv + self.resistance_megaohm * current
            while True:
                waited = torch.minimum(blocked_ms, left_ms)
                blocked_ms, left_ms = blocked_ms - waited, left_ms - waited
                wait_ms = self.time_to_threshold_ms(current, voltage)
                fires = (wait_ms <= left_ms) & (blocked_ms == 0)
                if not fires.any():
                    break
                left_ms = torch.where(fires, left_ms - wait_ms, left_ms)
                who = fires.nonzero().flatten()
                neurons.append(who)
                times.append((step + 1) * step_ms - left_ms[who])
                voltage = torch.where(fires, self.reset_mv, voltage)
                blocked_ms = torch.where(fires, self.refractory_ms, blocked_ms)
            kept = torch.exp(-left_ms / self.time_constant_ms)
            voltage = goal + (voltage - goal) * kept
            voltages.append(voltage)
        neuron = torch.cat([*neurons, torch.zeros(0, dtype=torch.long)])
        time_ms = torch.cat([*times, torch.zeros(0, dtype=torch.float64)])
        order = time_ms.argsort(stable=True)
        recorded = torch.stack(voltages, dim=1) if voltages else torch.zeros(batch, 0).double()
        return Spikes(neuron[order], time_ms[order], recorded)
