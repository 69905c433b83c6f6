"""Parameters, MACs, FLOP and bytes of any `nn.Module`, forward and training, without running it.

The model is copied to PyTorch's *meta* device, where tensors have shapes and no contents, and run
there: the answer is the same for CPU and GPU, for train and eval, and a model of any size needs no
memory. What ran is counted per op, and a second time by the closed form of each module type.

Convention: matrix products and convolutions count, two FLOP per multiply-accumulate (MAC), and
attention in full also under a causal mask. Biases, activations, normalisation and pooling are not
counted. An op that takes tensors and has no rule is listed in ``uncounted``, never passed over.
"""

from course_lib.counting.counter import ComputeCount, count

__all__ = ["ComputeCount", "count"]
