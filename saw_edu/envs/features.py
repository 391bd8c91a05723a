"""What an agent sees of a position: raw coordinates, scaled ones, or waves of several lengths."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from saw_edu.envs.maze import Maze

WAVELENGTHS = (64.0, 32.0, 16.0, 8.0, 5.0)  # maze units: from the giant maze's width to a little over one cell
KINDS = ("position", "scaled", "fourier")


class PositionFeatures:
    """Turns positions into observations and back.

    - "position": x and y in maze units, OGBench's own observation.
    - "scaled": x and y shifted and divided so that the longer side of the maze spans [-1, 1].
    - "fourier": the scaled x and y, then sin(2πx/λ), sin(2πy/λ), cos(2πx/λ), cos(2πy/λ) for each wavelength λ, in the
      order sin of x (all λ), sin of y, cos of x, cos of y: 22 numbers. A small network sees walls far better
      through them (Tancik et al. 2020, "Fourier features let networks learn high frequency functions").

    Raises:
        ValueError: for an unknown kind.
    """

    def __init__(self, maze: Maze, kind: str, device: str | torch.device = "cpu") -> None:
        if kind not in KINDS:
            raise ValueError(f"unknown features '{kind}'. Choose one of: {', '.join(KINDS)}")
        left, right, bottom, top = maze.extent
        self.kind = kind
        self.dim = 2 + 4 * len(WAVELENGTHS) if kind == "fourier" else 2
        self.centre = torch.tensor([(left + right) / 2, (bottom + top) / 2], device=device)
        self.half = max(right - left, top - bottom) / 2
        self.frequencies = 2 * math.pi / torch.tensor(WAVELENGTHS, device=device)

    def __call__(self, xy: Tensor) -> Tensor:
        """Positions (B, 2) -> observations (B, dim)."""
        if self.kind == "position":
            return xy
        scaled = (xy - self.centre) / self.half  # (B, 2)
        if self.kind == "scaled":
            return scaled
        angles = (xy[..., None] * self.frequencies).flatten(-2)  # (B, 10): x at all wavelengths, then y
        return torch.cat([scaled, angles.sin(), angles.cos()], -1)  # (B, 22)

    def inverse(self, observations: Tensor) -> Tensor:
        """Observations (B, dim) -> positions (B, 2). Exact up to rounding."""
        first = observations[..., :2]
        return first if self.kind == "position" else first * self.half + self.centre
