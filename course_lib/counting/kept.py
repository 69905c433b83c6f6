"""Bytes of a model that runs on shapes: what is kept for the way back, the most at a time."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.counting.shapes import tensors_in


def storages(values: object) -> list[torch.UntypedStorage]:
    """The storages of all tensors in a structure."""
    return [tensor.untyped_storage() for tensor in tensors_in(values)]


class SavedBytes(torch.autograd.graph.saved_tensors_hooks):
    """Bytes that a forward pass keeps for the backward pass, each storage once, by place."""

    def __init__(self, model: nn.Module, places: Callable[[], Iterable[str]]) -> None:
        self.by_place: dict[str, int] = defaultdict(int)
        self._places = places
        own = storages([*model.parameters(), *model.buffers()])
        self._seen = {storage._cdata: storage for storage in own}
        super().__init__(self._keep, lambda tensor: tensor)

    def _keep(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._seen:
            self._seen[storage._cdata] = storage  # held, so that its address is not used again
            for place in self._places():
                self.by_place[place] += storage.nbytes()
        return tensor


class LiveBytes(TorchDispatchMode):
    """The most bytes that tensors made inside hold at a time."""

    def __init__(self, known: object) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known = {storage._cdata: storage for storage in storages(known)}
        self._living: dict[int, weakref.ref] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for storage in storages(result):
            address = storage._cdata
            if address not in self._known and address not in self._living:
                size = storage.nbytes()
                self._living[address] = weakref.ref(storage, self._gone(address, size))
                self.now += size
        self.peak = max(self.peak, self.now)
        return result

    def _gone(self, address: int, size: int) -> Callable[[weakref.ref], None]:
        def forget(_: weakref.ref) -> None:
            self.now -= size
            self._living.pop(address, None)

        return forget
