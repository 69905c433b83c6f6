"""Laws of `count`: it adds up, no mode or device matters, and nothing is passed over."""

import copy
import gc

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

from course_lib import count
from tests.modules import Apply

law = settings(max_examples=20)
widths = st.integers(1, 9)


def zeros(*shape):
    return torch.zeros(*shape)


def mlp(sizes, bias=True):
    layers = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(inputs, outputs, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def row(work, module):
    return work.by_module.set_index("module").loc[module]


# Some of each kind of layer, with inputs.
ZOO = {
    "mlp": lambda: (mlp([6, 8, 4]), zeros(3, 6)),
    "convnet": lambda: (
        nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 4, 3, groups=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2),
        ),
        zeros(2, 3, 12, 12),
    ),
    "encoder": lambda: (
        nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2, enable_nested_tensor=False
        ),
        zeros(2, 5, 16),
    ),
    "attention": lambda: (nn.MultiheadAttention(8, 2), *[zeros(4, 2, 8)] * 3),
    "lstm": lambda: (nn.LSTM(4, 6, 2, dropout=0.1), zeros(5, 2, 4)),
    "gru": lambda: (nn.GRU(4, 6), zeros(5, 2, 4)),
    "embedding": lambda: (
        nn.Sequential(nn.Embedding(11, 4), nn.LayerNorm(4), nn.Linear(4, 11)),
        torch.zeros(2, 7, dtype=torch.long),
    ),
}  # fmt: skip
every_kind = pytest.mark.parametrize("kind", ZOO)


def make(kind):
    torch.manual_seed(0)
    model, *inputs = ZOO[kind]()
    return model, inputs


# --- counts add up ---


@law
@given(st.lists(widths, min_size=3, max_size=6), st.integers(1, 4), st.data())
def test_a_sequence_costs_what_its_parts_cost(sizes, batch, data):
    cut = data.draw(st.integers(1, len(sizes) - 2))
    first, second = mlp(sizes[: cut + 1]), mlp(sizes[cut:])
    whole = count(nn.Sequential(first, second), zeros(batch, sizes[0]))
    parts = [count(first, zeros(batch, sizes[0])), count(second, zeros(batch, sizes[cut]))]
    for name in ("parameters", "trainable_parameters", "forward_macs", "parameter_bytes"):
        assert getattr(whole, name) == sum(getattr(part, name) for part in parts)
    # In the whole, the second part also owes the first the gradient of its input.
    passed_on = 2 * batch * sizes[cut] * sizes[cut + 1]
    assert whole.training_flop == sum(part.training_flop for part in parts) + passed_on


@every_kind
def test_each_module_costs_what_is_inside_it(kind):
    model, inputs = make(kind)
    work = count(model, *inputs)
    table = work.by_module.set_index("module")
    for column in ("parameters", "forward_macs", "forward_flop", "training_flop"):
        whole = getattr(work, column)
        assert table.loc["(root)", column] == whole
    for name, module in model.named_modules():
        children = [f"{name}.{child}".lstrip(".") for child, _ in module.named_children()]
        if isinstance(module, nn.Sequential | nn.ModuleList | nn.TransformerEncoder):
            for column in ("parameters", "forward_macs", "training_flop"):
                assert table.loc[name or "(root)", column] == table.loc[children, column].sum()
    assert (table["forward_flop"] == 2 * table["forward_macs"]).all()
    assert work.forward_flop == 2 * work.forward_macs and work.agrees and work.uncounted == []


class Branches(nn.Module):
    """Two branches on one input, and a list of modules that is never called itself."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(4, 4)
        self.branches = nn.ModuleList([nn.Linear(4, 8), mlp([4, 2, 8])])

    def forward(self, x):
        x = self.stem(x)
        return x + sum(branch(x) for branch in self.branches).sum(-1, keepdim=True)


def test_the_way_back_is_told_apart_by_branch():
    work = count(Branches(), zeros(2, 4))
    for name, macs in (("branches.0", 32), ("branches.1", 24), ("branches.1.2", 16)):
        assert row(work, f"{name}").forward_macs == 2 * macs
        assert row(work, f"{name}").training_flop == 3 * 2 * 2 * macs
    assert row(work, "branches").training_flop == 3 * 2 * 2 * (32 + 24)
    assert row(work, "stem").training_flop == 2 * 2 * 2 * 16  # no gradient for the data
    assert (
        work.training_flop
        == row(work, "branches").training_flop + row(work, "stem")["training_flop"]
    )


def test_recomputation_is_work_of_the_module_that_is_recomputed():
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.block = nn.Linear(4, 4), mlp([4, 4, 4])

        def forward(self, x):
            return checkpoint(self.block, self.stem(x), use_reentrant=False)

    work = count(Checkpointed(), zeros(2, 4))
    linear = 2 * 2 * 4 * 4
    assert row(work, "stem").training_flop == 2 * linear
    # Of the block only the first layer runs again: nothing needs the output of the second.
    assert row(work, "block").training_flop == (3 + 3 + 1) * linear
    assert work.training_flop == 9 * linear


@every_kind
def test_twice_the_batch_is_twice_the_work(kind):
    model, inputs = make(kind)
    batch_dimension = 1 if kind in ("attention", "lstm", "gru") else 0
    doubled = [torch.cat([x, x], batch_dimension) for x in inputs]
    once, twice = count(model, *inputs), count(model, *doubled)
    for name in ("forward_macs", "forward_flop", "training_flop"):
        assert getattr(twice, name) == 2 * getattr(once, name)
    for name in ("parameters", "buffers", "parameter_bytes"):
        assert getattr(twice, name) == getattr(once, name)


# --- what must not matter ---


@every_kind
def test_mode_gradients_and_device_do_not_matter(kind):
    model, inputs = make(kind)
    expected = count(model, *inputs)

    def same(work, training=True):
        names = ["parameters", "buffers", "forward_macs", "parameter_bytes", "agrees"]
        names += ["training_flop", "activation_bytes"] if training else []
        return all(getattr(work, name) == getattr(expected, name) for name in names)

    assert same(count(model.eval(), *inputs)) and same(count(model.train(), *inputs))
    with torch.no_grad():
        assert same(count(model, *inputs))
    with torch.inference_mode():
        assert same(count(model, *inputs))
    meta = copy.deepcopy(model).to("meta")
    assert same(count(meta, *[x.to("meta") for x in inputs]))
    assert same(count(meta, *inputs)) and same(count(model, *[x.to("meta") for x in inputs]))
    frozen = copy.deepcopy(model).requires_grad_(False)
    work = count(frozen, *inputs)
    assert same(work, training=False)
    assert work.trainable_parameters == 0 and work.training_flop == work.forward_flop


def modes_and_hooks(model):
    return [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]


@every_kind
def test_the_model_is_left_as_it_was(kind):
    model, inputs = make(kind)
    model.train()
    next(iter(model.children()), model).eval()  # a mixture of modes
    first = next(model.parameters())
    first.grad = torch.ones_like(first)
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    before = modes_and_hooks(model)
    kept = [id(p) for p in model.parameters()]
    given_inputs = [x.clone() for x in inputs]
    random_state = torch.get_rng_state()
    torch.backends.mha.set_fastpath_enabled(True)

    count(model, *inputs)

    assert modes_and_hooks(model) == before
    assert kept == [id(p) for p in model.parameters()]
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    assert all(p.device.type == "cpu" for p in model.parameters())
    assert torch.equal(first.grad, torch.ones_like(first))
    assert all(p.grad is None for p in list(model.parameters())[1:])
    assert all(torch.equal(a, b) for a, b in zip(inputs, given_inputs, strict=True))
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.backends.mha.get_fastpath_enabled()
    assert not torch.nn.modules.module._global_forward_hooks
    assert not torch.nn.modules.module._global_forward_pre_hooks


@law
@given(st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]))
def test_precision_changes_bytes_and_no_count(dtype):
    model = mlp([6, 8, 4])
    single, other = count(model, zeros(3, 6)), count(model.to(dtype), zeros(3, 6).to(dtype))
    assert other.forward_macs == single.forward_macs
    ratio = dtype.itemsize / 4
    assert other.parameter_bytes == ratio * single.parameter_bytes
    assert other.activation_bytes == ratio * single.activation_bytes


# --- shared and frozen weights, buffers ---


def test_shared_weights_are_held_once_and_used_twice():
    layer = nn.Linear(4, 4)
    work = count(nn.Sequential(layer, nn.ReLU(), layer), zeros(2, 4))
    assert work.parameters == 20 and work.parameter_bytes == 80
    assert work.forward_macs == 2 * 32 and row(work, "0").forward_macs == 2 * 32 and work.agrees


def test_tied_embedding_is_held_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(10, 4)
            self.head = nn.Linear(4, 10, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, index):
            return self.head(self.embed(index))

    work = count(Tied(), torch.zeros(2, 3, dtype=torch.long))
    assert work.parameters == 40 and work.forward_macs == 2 * 3 * 4 * 10


def test_buffers_are_not_parameters_and_frozen_are_not_trainable():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    model[0].weight.requires_grad_(False)
    work = count(model, zeros(3, 4))
    assert (work.parameters, work.trainable_parameters) == (16 + 4 + 8, 4 + 8)
    assert work.buffers == 4 + 4 + 1  # running mean, running variance, number of batches


# --- training ---


@law
@given(st.lists(widths, min_size=2, max_size=6), st.integers(1, 5), st.booleans())
def test_training_an_mlp_is_three_forwards_less_the_gradient_of_the_data(sizes, batch, bias):
    work = count(mlp(sizes, bias), zeros(batch, sizes[0]))
    missing = 2 * batch * sizes[0] * sizes[1]
    assert work.training_flop == 3 * work.forward_flop - missing


@law
@given(st.integers(1, 4), st.data())
def test_a_frozen_layer_passes_gradients_on_and_makes_none(layers, data):
    sizes = data.draw(st.lists(widths, min_size=layers + 1, max_size=layers + 1))
    frozen = data.draw(st.lists(st.booleans(), min_size=layers, max_size=layers))
    model = mlp(sizes)
    for layer, freeze in zip(model[::2], frozen, strict=True):
        layer.requires_grad_(not freeze)
    forward = [2 * 3 * a * b for a, b in zip(sizes[:-1], sizes[1:], strict=True)]
    first = frozen.index(False) if False in frozen else layers
    weights = sum(f for f, freeze in zip(forward, frozen, strict=True) if not freeze)
    work = count(model, zeros(3, sizes[0]))
    assert work.training_flop == sum(forward) + weights + sum(forward[first + 1 :])


@every_kind
def test_training_is_at_most_three_forwards(kind):
    model, inputs = make(kind)
    work = count(model, *inputs)
    assert work.forward_flop < work.training_flop <= 3 * work.forward_flop


@pytest.mark.parametrize("output", ["index", "object"])
def test_an_output_without_a_way_back_is_told(output):
    class NoWayBack(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(4, 4)

        def forward(self, x):
            y = self.inner(x)
            return y.argmax(-1) if output == "index" else object()

    with pytest.warns(UserWarning, match="training_flop has no backward pass"):
        work = count(NoWayBack(), zeros(2, 4))
    assert work.training_flop == work.forward_flop


def test_outputs_in_a_structure_are_found():
    class Structured(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(4, 4)

        def forward(self, x):
            return {"loss": [self.inner(x).mean()], "note": "a string"}

    assert count(Structured(), zeros(2, 4)).training_flop == 2 * 2 * 32


# --- what popular counters miss ---


class Attention(nn.Module):
    def __init__(self, causal):
        super().__init__()
        self.causal = causal

    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("gradient", [False, True])
def test_attention_counts_in_full(causal, gradient):
    q = torch.zeros(2, 3, 7, 4, requires_grad=gradient)
    work = count(Attention(causal), q, q, q)
    assert work.forward_macs == 2 * (2 * 3 * 7 * 7 * 4)
    assert work.training_flop == (3 if gradient else 1) * work.forward_flop


@law
@given(
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3),
    st.booleans(),
)  # fmt: skip
def test_an_lstm_has_four_gates_a_step(inputs, hidden, layers, steps, batch, bidirectional):
    model = nn.LSTM(inputs, hidden, layers, bidirectional=bidirectional)
    work = count(model, zeros(steps, batch, inputs))
    ways = 1 + bidirectional
    sizes = [inputs] + [ways * hidden] * (layers - 1)
    step = 4 * hidden * batch * ways  # MACs of one gate input, all gates and directions
    forward = steps * step * sum(size + hidden for size in sizes)
    # Backward: weights as forward; inputs of all layers but the first; states but the first, zero.
    backward = forward + steps * step * sum(sizes[1:]) + (steps - 1) * step * hidden * layers
    assert work.forward_macs == forward
    assert work.training_flop == 2 * (forward + backward)


def test_a_transformer_encoder_is_counted_in_eval_without_gradients():
    width, feed, length, batch, depth = 16, 32, 5, 2, 2
    layer = nn.TransformerEncoderLayer(width, 4, feed, batch_first=True)
    model = nn.TransformerEncoder(layer, depth).eval()
    with torch.no_grad():
        work = count(model, zeros(batch, length, width))
    a_token = 4 * width**2 + 2 * length * width + 2 * width * feed
    assert work.forward_macs == depth * batch * length * a_token


@pytest.mark.parametrize(
    ("operation", "shapes", "macs"),
    [
        (torch.mv, [(3, 4), (4,)], 12),
        (torch.dot, [(5,), (5,)], 5),
        (torch.addmv, [(3,), (3, 4), (4,)], 12),
        (torch.addr, [(3, 4), (3,), (4,)], 12),
        (torch.addbmm, [(3, 5), (2, 3, 4), (2, 4, 5)], 120),
        (torch.baddbmm, [(2, 3, 5), (2, 3, 4), (2, 4, 5)], 120),
        (torch.matmul, [(6, 2, 3, 4), (4, 5)], 720),
        (lambda a, b: torch.einsum("bij,bjk->bik", a, b), [(2, 3, 4), (2, 4, 5)], 120),
        (F.cosine_similarity, [(3, 4), (3, 4)], 0),
        (lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"), [(1, 2, 4, 4)], 0),
        (lambda x: torch.tril(x).cumsum(-1).softmax(-1), [(3, 3)], 0),
    ],
)
def test_products_of_every_shape(operation, shapes, macs):
    work = count(Apply(operation), *[torch.zeros(shape) for shape in shapes])
    assert work.forward_macs == macs and work.uncounted == [] and work.agrees


@pytest.mark.parametrize(
    ("model", "inputs", "op"),
    [
        (Apply(torch.linalg.qr), [(3, 3)], "aten.linalg_qr"),
        (Apply(torch.fft.fft), [(8,)], "aten._fft_r2c"),
        (Apply(torch.linalg.inv), [(3, 3)], "aten.linalg_inv_ex"),
    ],
)
def test_what_has_no_rule_is_listed_and_told(model, inputs, op):
    with pytest.warns(UserWarning, match="no rule for .*their work is missing") as told:
        work = count(model, *[torch.zeros(shape) for shape in inputs])
    assert op in work.uncounted and not work.agrees
    assert told[0].filename == __file__  # the warning points at the caller


# --- large models ---


def test_a_model_of_175_billion_parameters_takes_no_memory():
    width, length = 12288, 2048
    with torch.device("meta"):
        layers = [
            nn.TransformerEncoderLayer(width, 96, 4 * width, batch_first=True, norm_first=True)
            for _ in range(96)
        ]
        model = nn.Sequential(*layers)
        example = torch.zeros(1, length, width)
    held = sum(t.nbytes for t in gc.get_objects() if type(t) is torch.Tensor and not t.is_meta)
    work = count(model[0], example)
    after = sum(t.nbytes for t in gc.get_objects() if type(t) is torch.Tensor and not t.is_meta)
    assert after - held < 2**20
    assert work.parameters == 12 * width**2 + 13 * width
    assert work.forward_macs == length * (12 * width**2 + 2 * length * width)
    assert work.training_flop == 3 * work.forward_flop
    assert sum(p.numel() for p in model.parameters()) == 96 * work.parameters > 173e9


def test_a_model_on_the_cpu_is_not_copied_in_memory():
    model = nn.Linear(512, 512)
    seen = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and not result.is_meta:
                seen.append(result.untyped_storage().data_ptr())
            return result

    with Watch():
        count(model, torch.zeros(1, 512))
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    assert len(set(seen) - own) <= 1  # the example, made inside


# --- activations ---


def test_activation_bytes_of_an_mlp_by_hand():
    # Kept for the way back: the data (3 x 4), and the ReLU's output (3 x 8), which the second
    # layer needs too: one storage, counted once. Weights are not activations. 4 bytes each.
    assert count(mlp([4, 8, 2]), zeros(3, 4)).activation_bytes == 4 * (3 * 4 + 3 * 8)
    # A sigmoid keeps its output too; a bare sum keeps nothing.
    sigmoid = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid())
    assert count(sigmoid, zeros(3, 4)).activation_bytes == 4 * (3 * 4 + 3 * 8)
    assert count(Apply(lambda x: x.sum()), zeros(3, 4)).activation_bytes == 0


@law
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
def test_one_storage_is_kept_once_however_often_it_is_used(batch, width, heads):
    class Fan(nn.Module):
        def __init__(self):
            super().__init__()
            self.heads = nn.ModuleList(nn.Linear(width, 2) for _ in range(heads))

        def forward(self, x):
            return sum(head(x.view(batch, width)) for head in self.heads)

    assert count(Fan(), zeros(batch, width)).activation_bytes == 4 * batch * width


def test_activations_are_what_torch_keeps():
    model, inputs = make("convnet")
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    own = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers()]}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        output = model(*inputs)
    really = sum(t.untyped_storage().nbytes() for p, t in kept.items() if p not in own)
    assert output.requires_grad and count(model, *inputs).activation_bytes == really


# --- errors ---


def test_shapes_that_do_not_fit_name_the_module():
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), nn.Linear(5, 4)))
    with pytest.raises(ValueError, match=r"cannot count Sequential\.1\.1 on shapes alone"):
        count(model, zeros(2, 4))


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum().item() > 0 else -x


class Outer(nn.Module):
    def __init__(self, tries=False):
        super().__init__()
        self.first, self.branching, self.tries = nn.Linear(4, 4), Branching(), tries

    def forward(self, x):
        if not self.tries:
            return self.branching(self.first(x))
        try:
            return self.branching(x)
        except RuntimeError:
            return self.first(x)


def test_a_model_that_branches_on_values_names_the_module():
    with pytest.raises(ValueError, match=r"cannot count Outer\.branching on shapes alone"):
        count(Outer(), zeros(2, 4))
    with pytest.raises(ValueError, match="cannot count Branching on shapes alone"):
        count(Branching(), zeros(2, 4))


def test_an_error_that_the_model_catches_does_not_confuse_the_count():
    work = count(Outer(tries=True), zeros(2, 4))
    assert row(work, "first").training_flop == work.training_flop == 2 * 2 * 32
    assert row(work, "branching").training_flop == 0


def test_after_an_error_nothing_is_left_behind():
    torch.backends.mha.set_fastpath_enabled(True)
    with pytest.raises(ValueError):
        count(Outer(), zeros(2, 4))
    assert torch.backends.mha.get_fastpath_enabled()
    assert not torch.nn.modules.module._global_forward_hooks
    assert count(Outer(tries=True), zeros(2, 4)).forward_macs == 32


@pytest.mark.parametrize("model", [nn.Linear, lambda x: x, None])
def test_only_modules_are_counted(model):
    with pytest.raises(TypeError, match=r"model is a .*; give a torch\.nn\.Module"):
        count(model, zeros(2, 4))


# --- on an accelerator ---


@pytest.mark.gpu
@every_kind
def test_a_gpu_changes_no_count(kind):
    from course_lib.devices import pick

    model, inputs = make(kind)
    here = count(model, *inputs)
    device = pick()
    there = count(model.to(device), *[x.to(device) for x in inputs])
    assert here.by_module.equals(there.by_module)
    for name in ("parameters", "forward_macs", "training_flop", "activation_bytes"):
        assert getattr(here, name) == getattr(there, name)
    assert all(p.device.type == device.type for p in model.parameters())
