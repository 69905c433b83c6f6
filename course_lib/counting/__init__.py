"""Parameters, MACs, FLOP and bytes of any `nn.Module`, forward and training, without running it.

The model is copied to PyTorch's *meta* device, where tensors have shapes and no contents, and run
there: the answer is the same for CPU and GPU, for train and eval, and a model of any size needs no
memory. What ran is counted per op, and a second time by the closed form of each module type.

Convention: matrix products and convolutions count, two FLOP per multiply-accumulate (MAC), and
attention in full also under a causal mask. Biases, activations, normalisation and pooling are not
counted, unless you ask for them. An op that takes tensors and has no rule is listed in
``uncounted``, never passed over; `register_rule` gives it one.
"""

from course_lib.counting.counter import ComputeCount, count
from course_lib.counting.effective import effective_work
from course_lib.counting.operators import register_rule
from course_lib.counting.others import compare_counters
from course_lib.counting.thumb import RuleOfThumb, rule_of_thumb

__all__ = [
    "ComputeCount",
    "RuleOfThumb",
    "compare_counters",
    "count",
    "effective_work",
    "register_rule",
    "rule_of_thumb",
]
