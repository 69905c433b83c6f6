"""Published architectures, as short as their papers allow, for tests that count them.

Each takes images (batch, 3, height, width) to 1,000 classes, the last takes tokens to tokens.
Dropout is left out: it has no parameters and does no multiply-accumulate. Nothing is trained here.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 1000


class Residual(nn.Module):
    """What comes in, plus what the layers make of it (He et al., 2016, equations 1 and 2)."""

    def __init__(self, *layers, shortcut=None):
        super().__init__()
        self.body = nn.Sequential(*layers)
        self.shortcut = nn.Identity() if shortcut is None else shortcut

    def forward(self, x):
        return self.shortcut(x) + self.body(x)


def convolution(inputs, outputs, kernel=1, stride=1, activation=None, groups=1):
    """A convolution whose bias would be lost in the batch normalisation that follows."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    after = [] if activation is None else [activation()]
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), *after)


def dense(*widths):
    """Dense layers with a rectifier between two of them."""
    layers = [nn.Linear(i, o) for i, o in zip(widths[:-1], widths[1:], strict=True)]
    return nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])


def mean_and_classes(width):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, CLASSES))


def alexnet():
    """AlexNet in one column (Krizhevsky, 2014, arXiv:1404.5997, section 5)."""
    convolutions = [  # inputs, outputs, kernel, stride, padding, pooled afterwards
        (3, 64, 11, 4, 2, True),
        (64, 192, 5, 1, 2, True),
        (192, 384, 3, 1, 1, False),
        (384, 256, 3, 1, 1, False),
        (256, 256, 3, 1, 1, True),
    ]
    layers = []
    for *shape, pooled in convolutions:
        layers += [nn.Conv2d(*shape), nn.ReLU()] + [nn.MaxPool2d(3, 2)] * pooled
    return nn.Sequential(*layers, nn.Flatten(), dense(256 * 6 * 6, 4096, 4096, CLASSES))


def vgg(depth=16):
    """VGG-16 or VGG-19 (Simonyan and Zisserman, 2015, table 1, configurations D and E)."""
    repeats = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}[depth]
    layers, inputs = [], 3
    for width, repeat in zip((64, 128, 256, 512, 512), repeats, strict=True):
        for _ in range(repeat):
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
            inputs = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), dense(512 * 7 * 7, 4096, 4096, CLASSES))


def resnet(depth=50, halving_kernel=3):
    """ResNet (He et al., 2016, table 1), with projections where the shape changes (option B).

    In a bottleneck one convolution halves the image: in the paper the first, of kernel 1; in the
    code that most people use now the second, of kernel 3 ("version 1.5").
    """
    repeats = {
        18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)
    }[depth]  # fmt: skip
    layers, inputs = [convolution(3, 64, 7, 2, nn.ReLU), nn.MaxPool2d(3, 2, 1)], 64
    for stage, repeat in enumerate(repeats):
        width = 64 * 2**stage
        outputs = width if depth < 50 else 4 * width
        for index in range(repeat):
            stride = 2 if stage > 0 and index == 0 else 1
            if depth < 50:
                body = [
                    convolution(inputs, width, 3, stride, nn.ReLU),
                    convolution(width, width, 3),
                ]
            else:
                strides = {1: (stride, 1), 3: (1, stride)}[halving_kernel]
                body = [
                    convolution(inputs, width, 1, strides[0], nn.ReLU),
                    convolution(width, width, 3, strides[1], nn.ReLU),
                    convolution(width, outputs),
                ]
            fits = inputs == outputs and stride == 1
            shortcut = None if fits else convolution(inputs, outputs, 1, stride)
            layers += [Residual(*body, shortcut=shortcut), nn.ReLU()]
            inputs = outputs
    return nn.Sequential(*layers, mean_and_classes(inputs))


class Appended(nn.Module):
    """What comes in, and behind its channels what the layers make of it."""

    def __init__(self, *layers):
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return torch.cat([x, self.body(x)], dim=1)


def densenet(depth=121, growth=32):
    """DenseNet with bottlenecks and compression (Huang et al., 2017, table 1)."""

    def rectified(inputs, outputs, kernel=1):
        layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), layer)

    repeats = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}[depth]
    width = 2 * growth
    layers = [convolution(3, width, 7, 2, nn.ReLU), nn.MaxPool2d(3, 2, 1)]
    for block, repeat in enumerate(repeats):
        if block > 0:
            layers += [rectified(width, width // 2), nn.AvgPool2d(2)]
            width //= 2
        for _ in range(repeat):
            bottleneck = rectified(width, 4 * growth)
            layers.append(Appended(bottleneck, rectified(4 * growth, growth, 3)))
            width += growth
    return nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU(), mean_and_classes(width))


class SqueezeAndExcitation(nn.Module):
    """Scale each channel by what the means of all channels say (Hu et al., 2018, section 3)."""

    def __init__(self, width, squeezed):
        super().__init__()
        narrow, wide = nn.Conv2d(width, squeezed, 1), nn.Conv2d(squeezed, width, 1)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), narrow, nn.SiLU(), wide, nn.Sigmoid())

    def forward(self, x):
        return x * self.gate(x)


def inverted_residuals(inputs, rows, activation, squeeze):
    """Blocks that are wide in the middle and convolve each channel there by itself.

    Rows: expansion, outputs, repeats, stride of the first, kernel (Sandler et al., 2018, table 2).
    """
    blocks = []
    for expansion, outputs, repeats, first_stride, kernel in rows:
        for stride in [first_stride] + [1] * (repeats - 1):
            width = expansion * inputs
            body = [convolution(inputs, width, activation=activation)] if expansion > 1 else []
            body.append(convolution(width, width, kernel, stride, activation, groups=width))
            if squeeze:
                body.append(SqueezeAndExcitation(width, inputs // 4))
            body.append(convolution(width, outputs))
            block = Residual if stride == 1 and inputs == outputs else nn.Sequential
            blocks.append(block(*body))
            inputs = outputs
    return nn.Sequential(*blocks)


def mobilenet_v2():
    """MobileNetV2 (Sandler et al., 2018, table 2)."""
    rows = [
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3), (6, 96, 3, 1, 3),
        (6, 160, 3, 2, 3), (6, 320, 1, 1, 3),
    ]  # fmt: skip
    return nn.Sequential(
        convolution(3, 32, 3, 2, nn.ReLU6),
        inverted_residuals(32, rows, nn.ReLU6, squeeze=False),
        convolution(320, 1280, activation=nn.ReLU6),
        mean_and_classes(1280),
    )


def efficientnet(width=1.0, depth=1.0):
    """EfficientNet-B0 (Tan and Le, 2019, table 1), or scaled in width and depth (section 3.3).

    Channels become a multiple of 8, at least nine tenths of the product; repeats are rounded up.
    """

    def channels(number):
        rounded = int(number * width + 4) // 8 * 8
        return rounded + 8 if rounded < 0.9 * number * width else rounded

    b0 = [
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
        (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
    ]  # fmt: skip
    rows = [(e, channels(c), math.ceil(depth * n), s, k) for e, c, n, s, k in b0]
    return nn.Sequential(
        convolution(3, channels(32), 3, 2, nn.SiLU),
        inverted_residuals(channels(32), rows, nn.SiLU, squeeze=True),
        convolution(channels(320), channels(1280), activation=nn.SiLU),
        mean_and_classes(channels(1280)),
    )


class Attention(nn.Module):
    """Self-attention with several heads (Vaswani et al., 2017, section 3.2.2)."""

    def __init__(self, width, heads, causal=False):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x, added=None):  # (batch, length, width), (batch, heads, length, length)
        split = self.queries_keys_values(x).unflatten(-1, (3, self.heads, -1))
        q, k, v = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, length, width / heads)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=added, is_causal=self.causal)
        return self.output(mixed.transpose(1, 2).flatten(2))


def transformer_block(width, attention):
    """Attention and a perceptron, each normalised before and added to what came in."""
    perceptron = [nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)]
    return nn.Sequential(
        Residual(nn.LayerNorm(width), attention), Residual(nn.LayerNorm(width), *perceptron)
    )


class VisionTransformer(nn.Module):
    """ViT-B/16 (Dosovitskiy et al., 2021, section 3.1 and table 1)."""

    def __init__(self, width=768, depth=12, heads=12, patch=16, pixels=224):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1 + (pixels // patch) ** 2, width))
        blocks = [transformer_block(width, Attention(width, heads)) for _ in range(depth)]
        self.blocks = nn.Sequential(*blocks, nn.LayerNorm(width))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)  # (batch, patches, width)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1) + self.positions
        return self.head(self.blocks(x)[:, 0])


class WindowAttention(nn.Module):
    """Attention in shifted windows (Liu et al., 2021, section 3.2): (batch, rows, columns, C)."""

    def __init__(self, width, heads, shift, window=7):
        super().__init__()
        self.attention, self.window, self.shift = Attention(width, heads), window, shift
        self.position_bias = nn.Parameter(torch.zeros(heads, 2 * window - 1, 2 * window - 1))

    def cut(self, x):
        """(batch, rows, columns, C) to (batch, windows, places in a window, C)."""
        x = x.unflatten(2, (-1, self.window)).unflatten(1, (-1, self.window))
        return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def paste(self, x, rows):
        x = x.unflatten(2, (self.window, self.window)).unflatten(1, (rows // self.window, -1))
        return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def forward(self, x):
        batch, rows, columns, _ = x.shape
        shift = self.shift if min(rows, columns) > self.window else 0
        windows = self.cut(x.roll((-shift, -shift), (1, 2)))
        added = self.added(rows, columns, shift, x.device).repeat(batch, 1, 1, 1)
        mixed = self.attention(windows.flatten(0, 1), added).unflatten(0, (batch, -1))
        return self.paste(mixed, rows).roll((shift, shift), (1, 2))

    def added(self, rows, columns, shift, device):
        """What is added to the scores: (windows, heads, places, places)."""
        side = torch.arange(self.window, device=device)
        places = torch.cartesian_prod(side, side)
        down, right = (places[:, None] - places[None] + self.window - 1).unbind(-1)
        # A roll brings opposite edges of the image together: what was not next to it is not seen.
        below, beside = (torch.arange(n, device=device) >= n - shift for n in (rows, columns))
        regions = self.cut((2 * below[:, None] + beside)[None, :, :, None])[0, ..., 0]
        apart = regions[:, None, :, None] != regions[:, None, None, :]
        return self.position_bias[:, down, right].masked_fill(apart, -math.inf)


class PatchMerging(nn.Module):
    """Four neighbours become one place of twice the channels (Liu et al., 2021, section 3.1)."""

    def __init__(self, width):
        super().__init__()
        narrow = nn.Linear(4 * width, 2 * width, bias=False)
        self.body = nn.Sequential(nn.LayerNorm(4 * width), narrow)

    def forward(self, x):
        x = x.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
        return self.body(x.transpose(2, 3).flatten(3))


class SwinTransformer(nn.Module):
    """Swin-T (Liu et al., 2021, section 3.3)."""

    def __init__(self, width=96, repeats=(2, 2, 6, 2), head_width=32, patch=4, window=7):
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, width, patch, patch), nn.LayerNorm(width)
        blocks = []
        for stage, repeat in enumerate(repeats):
            if stage > 0:
                blocks.append(PatchMerging(width))
                width *= 2
            for index in range(repeat):
                shift = window // 2 if index % 2 else 0
                attention = WindowAttention(width, width // head_width, shift, window)
                blocks.append(transformer_block(width, attention))
        self.blocks = nn.Sequential(*blocks, nn.LayerNorm(width))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x):
        x = self.norm(self.patches(x).permute(0, 2, 3, 1))
        return self.head(self.blocks(x).mean((1, 2)))


class LanguageModel(nn.Module):
    """GPT-2 and GPT-3: a causal transformer (Radford et al., 2019; Brown et al., 2020, table 2.1).

    The layers of GPT-3 alternate between full attention and a sparse pattern that the paper does
    not state; here all are full.
    """

    def __init__(self, layers, width, heads, vocabulary=50257, context=1024):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        blocks = [
            transformer_block(width, Attention(width, heads, causal=True)) for _ in range(layers)
        ]
        self.blocks = nn.Sequential(*blocks, nn.LayerNorm(width))
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens):  # (batch, length) to (batch, length, vocabulary)
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return self.head(self.blocks(self.tokens(tokens) + self.positions(places)))
