"""Follow a model while it runs on shapes: MACs by module, there and back; bytes that are kept."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from course_lib.closed_form import FLOP_PER_MAC
from course_lib.counting.operators import OWN_RULES, does_no_macs

TOTAL, ROOT = "", "(root)"  # everything that ran; what ran inside the model's own forward


class Counter(TorchDispatchMode):
    """Adds up MACs per module while it is active; lists ops that have no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.macs: dict[str, int] = defaultdict(int)
        self.uncounted: set[str] = set()
        self._places = Places()

    @contextmanager
    def running(self, model: nn.Module) -> Iterator[None]:
        """Count what runs inside; an error of the model is told with the module's name."""
        fast_path = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with self._places.following(model), self:
                yield
        except Exception as error:
            inside = [name for name in self._places.failed if name != ROOT][-1:]
            place = ".".join([type(model).__name__, *inside])
            raise ValueError(f"cannot count {place} on shapes alone: {error}") from error
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        packet = func._overloadpacket
        rule = flop_registry.get(packet)
        own = OWN_RULES.get(packet)
        if rule is None and own is None and not does_no_macs(func):
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
            if any(isinstance(t, torch.Tensor) for t in pytree.tree_leaves((args, kwargs))):
                self.uncounted.add(str(packet))
        result = func(*args, **kwargs)
        if rule is not None or own is not None:
            macs = own(*args, **kwargs) if own else None
            if macs is None:
                macs = rule(*args, **kwargs, out_val=result) // FLOP_PER_MAC
            for place in {TOTAL, *self._places.now()}:
                self.macs[place] += macs
        return result


class Places:
    """To which modules an op belongs, on the way forward and on the way back.

    Autograd numbers its nodes as they are made. What the backward pass runs for a node belongs to
    the modules that were running when the node got its number.
    """

    def __init__(self) -> None:
        self.running: list[str] = []
        self.failed: tuple[str, ...] = ()  # what was running when an error came
        self._numbers: list[int] = []  # the first node made after a module began or ended,
        self._stacks: list[tuple[str, ...]] = []  # and what was running from then on

    @contextmanager
    def following(self, model: nn.Module) -> Iterator[None]:
        """Follow which modules run inside."""
        names = {module: name or ROOT for name, module in model.named_modules()}

        def begin(module: nn.Module, inputs: Any) -> None:
            if module in names:
                self.running.append(names[module])
                self.failed = ()
                self._note()

        def end(module: nn.Module, inputs: Any, outputs: Any) -> None:
            if module in names:
                if outputs is None:  # after an error, the innermost module first
                    self.failed = self.failed or tuple(self.running)
                self.running.pop()
                self._note()

        handles = [
            nn.modules.module.register_module_forward_pre_hook(begin),
            nn.modules.module.register_module_forward_hook(end, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _note(self) -> None:
        self._numbers.append(torch.autograd._get_sequence_nr())
        self._stacks.append(tuple(self.running))

    def now(self) -> Iterable[str]:
        """The modules that the op which is running now belongs to."""
        node = torch._C._current_autograd_node()
        if node is None:
            return self.running
        at = bisect_right(self._numbers, node._sequence_nr()) - 1
        made_in = self._stacks[at] if at >= 0 else ()
        return (*made_in, *self.running)  # something runs here only if it is recomputed


class SavedBytes(torch.autograd.graph.saved_tensors_hooks):
    """Bytes that a forward pass keeps for the backward pass, each storage once."""

    def __init__(self, model: nn.Module) -> None:
        self.total = 0
        own = [t.untyped_storage() for t in [*model.parameters(), *model.buffers()]]
        self._seen = {storage._cdata: storage for storage in own}
        super().__init__(self._keep, lambda tensor: tensor)

    def _keep(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._seen:
            self._seen[storage._cdata] = storage  # held, so that its address is not used again
            self.total += storage.nbytes()
        return tensor
