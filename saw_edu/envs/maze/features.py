"""What an agent sees of a position: raw coordinates, scaled ones, waves of several lengths, or a picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from saw_edu.envs.maze.layout import Maze
from saw_edu.envs.maze.render import AGENT, FLOOR, WALL

WAVELENGTHS = (64.0, 32.0, 16.0, 8.0, 5.0)  # maze units: from the giant maze's width to a little over one cell
CELL_PIXELS = 4  # width of a cell in the small pictures that agents see
SPOT = 2  # pixels at which the agent's spot in them has faded out, along x and along y
KINDS = ("position", "scaled", "fourier", "pixels")


def make_features(maze: Maze, kind: str, device: str | torch.device = "cpu") -> PositionFeatures | PixelFeatures:
    """The features of that kind. Raises ValueError for an unknown one."""
    return PixelFeatures(maze, device) if kind == "pixels" else PositionFeatures(maze, kind, device)


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
        if kind not in KINDS or kind == "pixels":
            raise ValueError(f"unknown features '{kind}'. Choose one of: {', '.join(KINDS)}")
        left, right, bottom, top = maze.extent
        self.kind = kind
        self.image = None
        self.dim = 2 + 4 * len(WAVELENGTHS) if kind == "fourier" else 2
        self.centre = torch.tensor([(left + right) / 2, (bottom + top) / 2], device=device)
        self.half = max(right - left, top - bottom) / 2
        self.frequencies = 2 * math.pi / torch.tensor(WAVELENGTHS, device=device)
        corners = torch.tensor(maze.extent, device=device).view(2, 2)  # x: left, right; y: bottom, top
        ones = torch.ones(self.dim, device=device)
        self.bounds = (corners[:, 0], corners[:, 1]) if kind == "position" else (-ones, ones)

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


class PixelFeatures:
    """Turns positions into small pictures and back.

    The maze from above, y upwards, 4 pixels a cell: walls dark, the agent a soft blue spot. The blue fades linearly
    over 2 pixels along x and along y, so that its centre of mass is the agent's position up to rounding to uint8.
    """

    def __init__(self, maze: Maze, device: str | torch.device = "cpu") -> None:
        walls = torch.as_tensor(maze.walls, device=device).flip(0)  # the first row of a picture is its top
        walls = walls.repeat_interleave(CELL_PIXELS, 0).repeat_interleave(CELL_PIXELS, 1)
        wall, floor, agent = (torch.tensor(colour, device=device).float() for colour in (WALL, FLOOR, AGENT))
        self.background = torch.where(walls[..., None], wall, floor)  # (H, W, 3)
        self.tint = agent - self.background  # (H, W, 3) what the full spot adds
        height, width = walls.shape
        self.image = (height, width, 3)
        self.dim = height * width * 3
        self.bounds = torch.zeros(self.image, device=device), torch.full(self.image, 255.0, device=device)
        self.scale = CELL_PIXELS / maze.cell_size
        self.left, _, _, self.top = maze.extent
        self.rows = torch.arange(height, device=device) + 0.5  # (H,) centres of pixels, from the top
        self.columns = torch.arange(width, device=device) + 0.5  # (W,) from the left

    def __call__(self, xy: Tensor) -> Tensor:
        """Positions (B, 2) -> pictures (B, H, W, 3) uint8."""
        return torch.cat([self._draw(part) for part in xy.split(1024)])  # in parts, as floats need four times the room

    def _draw(self, xy: Tensor) -> Tensor:
        column = (xy[:, :1] - self.left) * self.scale  # (B, 1) in pixels
        row = (self.top - xy[:, 1:]) * self.scale  # (B, 1)
        across = (1 - (self.columns - column).abs() / SPOT).clamp(min=0)  # (B, W)
        down = (1 - (self.rows - row).abs() / SPOT).clamp(min=0)  # (B, H)
        blue = down[:, :, None, None] * across[:, None, :, None]  # (B, H, W, 1)
        return (self.background + blue * self.tint).round().to(torch.uint8)

    def inverse(self, observations: Tensor) -> Tensor:
        """Pictures (B, H, W, 3) -> positions (B, 2), to about a hundredth of a pixel."""
        return torch.cat([self._find(part) for part in observations.split(1024)])

    def _find(self, observations: Tensor) -> Tensor:
        difference = observations.float() - self.background  # (B, H, W, 3)
        blue = (difference * self.tint).sum(-1) / self.tint.square().sum(-1)  # (B, H, W)
        blue = blue / blue.sum((1, 2), keepdim=True)
        column, row = blue.sum(1) @ self.columns, blue.sum(2) @ self.rows  # (B,)
        return torch.stack([column / self.scale + self.left, self.top - row / self.scale], -1)
