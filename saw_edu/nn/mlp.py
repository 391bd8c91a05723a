"""Multi-layer perceptrons, alone or several in one batched operation, initialised as the reference does."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEWEST_COLUMNS = 16  # of a matrix product in compiled code: 1.5 to 3 times as fast on a CPU as one with 8 or 10
_GELU_LINEAR = 2 * math.sqrt(2 / math.pi)
_GELU_CUBIC = _GELU_LINEAR * 0.044715
LAYER_NORM_EPSILON = 1e-6  # flax's default, which the reference uses (torch's own is 1e-5)


def gelu(x: Tensor) -> Tensor:
    """The tanh form of GELU, x (1 + tanh(u)) / 2 with u = sqrt(2/π) (x + .044715 x³), as x σ(2u).

    The same function, as (1 + tanh(u)) / 2 = σ(2u); but a sigmoid takes a quarter of a tanh's time on a CPU.
    """
    return x * torch.sigmoid(x * (_GELU_LINEAR + _GELU_CUBIC * x * x))


class Dense(nn.Module):
    """An affine layer, or an ensemble of them: (..., in) -> (..., out), or (E, B, in) -> (E, B, out).

    The kernel is (in, out), as on paper: y = x W + b. Initialised uniformly within ±sqrt(6 s / (in + out))
    (Xavier, scaled by s), bias zero.
    """

    def __init__(
        self, inputs: int, outputs: int, generator: torch.Generator, scale: float = 1.0, ensemble: int | None = None
    ) -> None:
        super().__init__()
        lead = () if ensemble is None else (ensemble,)
        limit = math.sqrt(6 * scale / (inputs + outputs))
        self.kernel = nn.Parameter((2 * torch.rand(*lead, inputs, outputs, generator=generator) - 1) * limit)
        self.bias = nn.Parameter(torch.zeros(*lead, outputs))

    def forward(self, x: Tensor) -> Tensor:
        if self.kernel.ndim == 2 and not torch.compiler.is_compiling():
            return F.linear(x, self.kernel.T, self.bias)
        if self.kernel.ndim == 2:  # a product with fewer columns takes longer than one with this many
            outputs = self.kernel.shape[-1]
            padding = (0, max(0, FEWEST_COLUMNS - outputs))
            return F.linear(x, F.pad(self.kernel, padding).T, F.pad(self.bias, padding))[..., :outputs]
        return torch.bmm(x, self.kernel) + self.bias[:, None]  # (E, B, out)


class LayerNorm(nn.Module):
    """Normalisation over the last axis with a learned scale and bias, one each for every ensemble member."""

    def __init__(self, size: int, ensemble: int | None = None) -> None:
        super().__init__()
        lead = () if ensemble is None else (ensemble,)
        self.scale = nn.Parameter(torch.ones(*lead, size))
        self.bias = nn.Parameter(torch.zeros(*lead, size))

    def forward(self, x: Tensor) -> Tensor:
        if self.scale.ndim == 1:
            return F.layer_norm(x, x.shape[-1:], self.scale, self.bias, LAYER_NORM_EPSILON)
        normal = F.layer_norm(x, x.shape[-1:], eps=LAYER_NORM_EPSILON)
        return torch.addcmul(self.bias[:, None], normal, self.scale[:, None])  # (E, B, size)


class MLP(nn.Module):
    """Dense layers with GELU (tanh form) between them, each followed by LayerNorm where asked.

    Args:
        inputs: size of the input.
        sizes: sizes of the layers, the last one included.
        generator: source of the initial weights.
        activate_final: activate (and normalise) the last layer too.
        layer_norm: normalise after each activation.
        ensemble: E, evaluate E separate nets at once; the output is then (E, B, sizes[-1]).
    """

    def __init__(
        self,
        inputs: int,
        sizes: Sequence[int],
        generator: torch.Generator,
        activate_final: bool = False,
        layer_norm: bool = False,
        ensemble: int | None = None,
    ) -> None:
        super().__init__()
        self.ensemble = ensemble
        self.activated = len(sizes) if activate_final else len(sizes) - 1
        ins = [inputs, *sizes[:-1]]
        self.dense = nn.ModuleList(Dense(i, o, generator, ensemble=ensemble) for i, o in zip(ins, sizes, strict=True))
        self.norm = nn.ModuleList(LayerNorm(sizes[i], ensemble) for i in range(self.activated) if layer_norm)

    def forward(self, x: Tensor) -> Tensor:
        if self.ensemble is not None:
            x = x.expand(self.ensemble, *x.shape)  # (E, B, in), no copy
        for i, dense in enumerate(self.dense):
            x = dense(x)
            if i < self.activated:
                x = gelu(x)
                if self.norm:
                    x = self.norm[i](x)
        return x
