"""Follow a model while it runs on shapes: what it computes, by module, there and back."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.counting.operators import has_rule, macs_of, other_flop_of
from course_lib.counting.shapes import tensors_in

TOTAL, ROOT = "", "(root)"  # everything that ran; what ran inside the model's own forward
HALVED = "(causal)"  # what ran inside causal attention, where only half of it is asked for


class Counter(TorchDispatchMode):
    """Adds up work per module while it is active; lists operators that have no rule.

    ``watch(args, result, macs, other_flop)`` is told of each operator that does something.
    """

    def __init__(self, watch: Callable[..., None] = lambda *_: None) -> None:
        super().__init__()
        self._watch = watch
        self.macs: dict[str, int] = defaultdict(int)
        self.other_flop: dict[str, int] = defaultdict(int)
        self.by_operator: dict[str, int] = defaultdict(int)
        self.uncounted: set[str] = set()
        self.places = Places()
        self._shapes = RememberedShapes()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        known = has_rule(func)
        if not known:
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
            if tensors_in((args, kwargs)):
                self.uncounted.add(str(func._overloadpacket))
        result = self._shapes(func, args, kwargs)
        if known and not func.is_view:
            self._add(func, args, kwargs, result)
        return result

    def _add(self, func: Any, args: tuple, kwargs: dict, result: Any) -> None:
        macs = macs_of(func, args, kwargs, result)
        other = other_flop_of(func, args, kwargs, result)
        places = {TOTAL, *self.places.now()}
        if HALVED in places:
            macs, other = Fraction(macs, 2), Fraction(other, 2)  # exact, also where it is odd
        for place in places:
            self.macs[place] += macs
            self.other_flop[place] += other
        if macs:
            self.by_operator[str(func._overloadpacket)] += macs
        self._watch(args, result, macs, other)


class RememberedShapes:
    """Runs operators on shapes; one that meets the same shapes again is answered from memory.

    PyTorch works out each result's shape in Python, which takes most of the time of a count; the
    layers of a large model are all alike.
    """

    def __init__(self) -> None:
        self._known: dict[Any, tuple[list[tuple], Any]] = {}

    def __call__(self, func: Any, args: tuple, kwargs: dict) -> Any:
        """The operator's result, as shapes."""
        if func.is_view:
            return func(*args, **kwargs)
        if func._schema.is_mutable:
            unary = len(args) == 1 and not kwargs and torch.Tag.pointwise in func.tags
            return args[0] if unary else func(*args, **kwargs)  # relu_ changes no shape
        leaves, structure = pytree.tree_flatten((args, kwargs))
        try:
            key = (func, structure, tuple(map(_signature, leaves)))
            known = self._known.get(key)
        except TypeError:  # an argument that cannot be looked up
            return func(*args, **kwargs)
        if known is not None:
            made = [
                torch.empty_strided(size, stride, dtype=dtype, device="meta")
                for size, stride, dtype in known[0]
            ]
            return pytree.tree_unflatten(made, known[1])
        result = func(*args, **kwargs)
        outputs, form = pytree.tree_flatten(result)
        given = {t.untyped_storage()._cdata for t in tensors_in(leaves)}
        if all(_is_new(t, given) for t in outputs):
            self._known[key] = ([(t.shape, t.stride(), t.dtype) for t in outputs], form)
        return result


def _signature(leaf: Any) -> Any:
    if isinstance(leaf, torch.Tensor):
        return leaf.shape, leaf.stride(), leaf.dtype, leaf.device
    return type(leaf), leaf  # 1, 1.0 and True are equal and not the same


def _is_new(output: Any, given: set[int]) -> bool:
    """Whether an output is a plain tensor with memory of its own."""
    if type(output) is not torch.Tensor or not output.is_meta:
        return False
    return output.untyped_storage()._cdata not in given and output.storage_offset() == 0


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
    def following(
        self, model: nn.Module, finished: Callable[..., None] = lambda *_: None
    ) -> Iterator[None]:
        """Follow which modules run inside.

        ``finished(name, module, args, keywords, outputs)`` is called after each call of a module.
        """
        names = {module: name or ROOT for name, module in model.named_modules()}

        def begin(module: nn.Module, inputs: Any) -> None:
            if module in names:
                self._enter(names[module])
                self.failed = ()

        def end(module: nn.Module, *call: Any) -> None:
            outputs = call[-1]  # after an error there are no keywords before it
            if module in names:
                if outputs is None:  # after an error, the innermost module first
                    self.failed = self.failed or tuple(self.running)
                self._leave()
                if outputs is not None:
                    finished(names[module], module, *call)

        handles = [
            nn.modules.module.register_module_forward_pre_hook(begin),
            nn.modules.module.register_module_forward_hook(end, with_kwargs=True, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def within(self, place: str) -> Iterator[None]:
        """What runs inside, and its way back, belongs to this place too."""
        self._enter(place)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, place: str) -> None:
        self.running.append(place)
        self._note()

    def _leave(self) -> None:
        self.running.pop()
        self._note()

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
