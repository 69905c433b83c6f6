"""The seed's table of 26 Keras models: built, counted, and each difference explained to the digit.

The seed counts what Keras holds; PyTorch calls parameters what training changes. The columns of
the table are the steps from one number to the other, each checked on a model that is built.
"""

import json
import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from course_lib import closed_form, count, facts
from tests.architectures import densenet, efficientnet, mobilenet_v2, resnet, vgg

TABLE = facts("keras_parameter_counts").set_index("model")
every_model = pytest.mark.parametrize("name", TABLE.index)

SCALES = {  # width and depth of EfficientNet (Tan and Le, 2019, and the authors' code)
    "B0": (1.0, 1.0), "B1": (1.0, 1.1), "B2": (1.1, 1.2), "B3": (1.2, 1.4), "B4": (1.4, 1.8),
    "B5": (1.6, 2.2), "B6": (1.8, 2.6), "B7": (2.0, 3.1),
}  # fmt: skip
OUR_OWN = {
    "VGG16": lambda: vgg(16),
    "VGG19": lambda: vgg(19),
    "ResNet50": lambda: resnet(50),
    "ResNet101": lambda: resnet(101),
    "ResNet152": lambda: resnet(152),
    "MobileNetV2": mobilenet_v2,
    "DenseNet121": lambda: densenet(121),
    "DenseNet169": lambda: densenet(169),
    "DenseNet201": lambda: densenet(201),
    **{f"EfficientNet{size}": lambda s=s: efficientnet(*s) for size, s in SCALES.items()},
}

# Models are built on the meta device, where they take no memory. `NASNetMobile` refuses to be built
# on PyTorch ("an outstanding bug"), but its parts do not.
BUILD = """
import json
from math import prod
import keras
from keras.src.applications.nasnet import NASNet

def build(name):
    if name == "NASNetMobile":
        return NASNet(
            (224, 224, 3), penultimate_filters=1056, num_blocks=4, stem_block_filters=32,
            skip_reduction=False, filter_multiplier=2, weights=None, default_size=224,
        )
    return getattr(keras.applications, name)(weights=None)

def sizes(model):
    rows = []
    for layer in model.layers:
        kind = type(layer).__name__
        rows += [[kind, w.name, bool(w.trainable), prod(w.shape)] for w in layer.weights]
    return {"held": model.count_params(), "weights": rows}

for name in NAMES:
    with keras.device("meta"):
        print(json.dumps([name, sizes(build(name))]), flush=True)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Every model's weights: kind of layer, name, whether it is trained, numbers it holds."""
    home = str(tmp_path_factory.mktemp("keras"))  # where Keras leaves its settings
    environment = os.environ | {"KERAS_BACKEND": "torch", "KERAS_HOME": home}
    program = f"NAMES = {list(TABLE.index)!r}\n{BUILD}"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(line) for line in done.stdout.splitlines())


def numbers(weights, kind="", name="", trained=None):
    """How many numbers the weights of a kind and name hold."""
    return sum(
        size
        for kind_, name_, trained_, size in weights
        if kind in kind_ and name in name_ and trained in (None, trained_)
    )


def test_the_table_has_the_26_models_of_the_seed():
    assert len(TABLE) == 26 and TABLE.index.is_unique
    assert not TABLE.isna().any(axis=None)


@every_model
def test_the_seed_says_what_keras_holds(name, built):
    assert built[name]["held"] == TABLE.loc[name, "seed_parameters"]


@every_model
def test_trained_statistics_and_biases_are_those_of_the_built_model(name, built):
    row, weights = TABLE.loc[name], built[name]["weights"]
    statistics = numbers(weights, "BatchNormalization", trained=False)
    assert row["trainable_parameters"] == numbers(weights, trained=True)
    assert row["batch_norm_statistics"] == statistics
    assert row["input_statistics"] == numbers(weights, "Normalization", trained=False) - statistics
    # Every normalised channel has a mean, a variance and a shift, and may lack the scale.
    shifts = numbers(weights, "BatchNormalization", "beta")
    assert statistics == 2 * shifts
    assert row["missing_scales"] == shifts - numbers(weights, "BatchNormalization", "gamma")
    assert row["extra_biases"] in (0, numbers(weights, "Conv", "bias"))


@every_model
def test_the_steps_lead_from_pytorch_to_the_seed(name):
    row = TABLE.loc[name]
    not_trained = row["batch_norm_statistics"] + row["input_statistics"]
    assert row["seed_parameters"] == row["trainable_parameters"] + not_trained
    left_out = row["missing_scales"] + row["missing_auxiliary_classifier"]
    assert row["trainable_parameters"] == row["pytorch_parameters"] + row["extra_biases"] - left_out


@pytest.mark.parametrize("name", OUR_OWN)
def test_pytorch_holds_what_the_table_says(name, built):
    with torch.device("meta"):
        modules = list(OUR_OWN[name]().modules())
    row, own = TABLE.loc[name], [p for m in modules for p in m.parameters(recurse=False)]
    assert sum(p.numel() for p in own) == row["pytorch_parameters"]
    convolutions = (module for module in modules if isinstance(module, nn.Conv2d))
    biases = sum(layer.bias.numel() for layer in convolutions if layer.bias is not None)
    in_keras = numbers(built[name]["weights"], "Conv", "bias")
    assert row["extra_biases"] == in_keras - biases


@pytest.mark.parametrize(
    "name", ["VGG16", "ResNet50", "ResNet152", "MobileNetV2", "DenseNet121", "EfficientNetB0"]
)
def test_the_count_tells_parameters_from_statistics(name):
    with torch.device("meta"):
        model = OUR_OWN[name]()
    work = count(model, torch.zeros(1, 3, 224, 224))
    row = TABLE.loc[name]
    assert work.parameters == work.trainable_parameters == row["pytorch_parameters"]
    # PyTorch's buffers are the same statistics, and a counter of batches in each layer.
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert work.buffers - norms == row["batch_norm_statistics"]


def test_the_auxiliary_classifier_of_inception_by_formula():
    """Szegedy et al. (2016), figure 8, in the sizes of torchvision."""
    classifier = (
        closed_form.convolution(768, 128, (1, 1), (5, 5), bias=False)
        + closed_form.normalisation(128)
        + closed_form.convolution(128, 768, (5, 5), (1, 1), bias=False)
        + closed_form.normalisation(768)
        + closed_form.linear(768, 1000)
    )
    missing = TABLE["missing_auxiliary_classifier"]
    assert missing["InceptionV3"] == classifier.parameters
    assert (missing.drop("InceptionV3") == 0).all()


@every_model
def test_an_explanation_names_the_steps_that_are_taken_and_no_other(name):
    row = TABLE.loc[name]
    words = {
        "batch_norm_statistics": "statistics of batch normalisation",
        "input_statistics": "at the input",
        "extra_biases": "a bias in",
        "missing_scales": "but no scale",
        "missing_auxiliary_classifier": "no auxiliary classifier",
    }
    named = {step for step, phrase in words.items() if phrase in row["explanation"]}
    assert named == {step for step in words if row[step] > 0}
    assert (row["explanation"] == "the same in both") == (not named)


@pytest.mark.parametrize("name", ["keras_parameters_count", "keras_counts"])
def test_an_unknown_table_is_told_with_names_that_are_near(name):
    with pytest.raises(ValueError, match=r"name is .* Near: .*keras_parameter_counts"):
        facts(name)


@pytest.mark.parametrize("name", ["../facts", "", "recorded/task-zipf"])
def test_only_tables_of_the_package_are_read(name):
    with pytest.raises(ValueError, match="there is no such table"):
        facts(name)


def test_the_name_of_a_table_is_a_string():
    with pytest.raises(TypeError, match="name is a int"):
        facts(3)
