"""Encoders that turn images into features: IMPALA's small residual network in the sizes that OGBench uses."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from saw_edu.nn.mlp import MLP
from saw_edu.place import did_you_mean


class EncoderSizes(NamedTuple):
    """What tells one IMPALA encoder from another."""

    channels: tuple[int, ...]  # of each stack; every stack halves height and width
    blocks: int  # residual blocks in a stack
    features: int  # numbers out


ENCODERS = {
    "impala": EncoderSizes((16, 32, 32), 2, 512),
    "impala_debug": EncoderSizes((4, 4), 1, 512),
    "impala_small": EncoderSizes((16, 32, 32), 1, 512),
    "impala_large": EncoderSizes((64, 128, 128), 2, 1024),
}


def make_encoder(name: str, image: tuple[int, int, int], generator: torch.Generator) -> "ImpalaEncoder":
    """The encoder of that name for images (height, width, channels); its `size` is the number of features.

    Raises:
        ValueError: for an unknown name, answered with the nearest known one, or an image without three sizes.
    """
    if name not in ENCODERS:
        hint = did_you_mean(name, ENCODERS)
        raise ValueError(f"no encoder named {name!r}{hint} Known encoders: {', '.join(ENCODERS)}")
    if len(image) != 3 or min(image) < 1:
        raise ValueError(f"an encoder needs images of (height, width, channels), got {image}")
    return ImpalaEncoder(ENCODERS[name], image, generator)


class Conv(nn.Module):
    """A 3 x 3 convolution that keeps height and width: (B, in, H, W) -> (B, out, H, W).

    The kernel is (3, 3, in, out), as in flax. Xavier-uniform: the fans are 9 times the channels. Bias zero.
    """

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        limit = math.sqrt(6 / (9 * inputs + 9 * outputs))
        self.kernel = nn.Parameter((2 * torch.rand(3, 3, inputs, outputs, generator=generator) - 1) * limit)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel.permute(3, 2, 0, 1), self.bias, padding=1)


class ResidualStack(nn.Module):
    """A convolution, a max-pool that halves height and width, and residual blocks of two convolutions each."""

    def __init__(self, inputs: int, outputs: int, blocks: int, generator: torch.Generator) -> None:
        super().__init__()
        channels = [inputs] + [outputs] * 2 * blocks
        self.conv = nn.ModuleList(Conv(channel, outputs, generator) for channel in channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv[0](x)  # (B, out, H, W)
        # flax's padding "SAME": one pixel on either side of an odd length, but only at the far end of an even one
        odd = (x.shape[-2] % 2, x.shape[-1] % 2)
        x = F.max_pool2d(x, 3, stride=2, padding=odd, ceil_mode=True)  # (B, out, ceil(H / 2), ceil(W / 2))
        for first in range(1, len(self.conv), 2):
            x = x + self.conv[first + 1](F.relu(self.conv[first](F.relu(x))))
        return x


class ImpalaEncoder(nn.Module):
    """IMPALA's encoder: (..., H, W, C) uint8, or floats between 0 and 255 -> (..., size).

    Pixels are divided by 255, in the precision of the parameters; after the stacks one dense layer with GELU makes
    `size` features. The numbers are flattened in the order height, width, channel, as in the reference, so that its
    parameters fit.

    Raises:
        ValueError: images of another size than it was built for.

    Source: Espeholt et al. 2018, "IMPALA", figure 3; sizes, GELU and initial weights from OGBench's `impala` family.
    """

    def __init__(self, sizes: EncoderSizes, image: tuple[int, int, int], generator: torch.Generator) -> None:
        super().__init__()
        self.image = tuple(image)
        self.size = sizes.features
        height, width, inputs = image
        self.stacks = nn.ModuleList()
        for channels in sizes.channels:
            self.stacks.append(ResidualStack(inputs, channels, sizes.blocks, generator))
            height, width, inputs = (height + 1) // 2, (width + 1) // 2, channels
        self.mlp = MLP(height * width * inputs, [sizes.features], generator, activate_final=True)

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[-3:] != self.image:
            raise ValueError(f"this encoder is for images (..., {self.image}), got {tuple(images.shape)}")
        x = images.reshape(-1, *self.image).to(next(self.parameters()).dtype) / 255  # (B, H, W, C)
        x = x.permute(0, 3, 1, 2)  # (B, C, H, W)
        for stack in self.stacks:
            x = stack(x)
        x = F.relu(x).permute(0, 2, 3, 1).flatten(1)  # (B, H/8 * W/8 * channels)
        return self.mlp(x).reshape(*images.shape[:-3], self.size)
