"""The figures of chapter 19."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from saw_edu.course.ch19 import views
from saw_edu.data.augment import PADDING, crop
from saw_edu.evaluation import seed_interval
from saw_edu.viz import style

COLORS = {
    "states": style.BLUE,
    "states, waves": style.BLUE,
    "pixels": style.VERMILION,
    "pixels, crops": style.VERMILION,
    "pixels, crops apart": style.ORANGE,
    "pixels, no convolutions": style.GREY,
}


def pictures(images: Tensor, titles: list[str]) -> Figure:
    """Pictures (n, H, W, 3) side by side, each pixel to be seen."""
    figure, axes = plt.subplots(1, len(images), figsize=(2.5 * len(images), 2.9), squeeze=False)
    for ax, image, title in zip(axes[0], images, titles, strict=True):
        ax.imshow(image.numpy(), interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=11)
        ax.grid(False)
    return figure


def bars(table: pd.DataFrame) -> Figure:
    """Success by way of seeing, drawn actions with intervals, most likely ones as circles."""
    figure, ax = plt.subplots(figsize=(8.5, 3.8))
    for i, (way, color) in enumerate(COLORS.items()):
        rows = table[table["way"] == way]
        drawn = rows[rows["temperature"] > 0]["success"].to_numpy()
        low, high = seed_interval(drawn)
        ax.barh(i, drawn.mean(), 0.62, color=color)
        ax.plot([max(0, low), min(1, high)], [i, i], color=style.DARK, lw=2)
        ax.plot(rows[rows["temperature"] == 0]["success"].mean(), i, "o", color="white", mec=style.DARK, ms=7)
    ax.plot([], [], "o", color="white", mec=style.DARK, label="most likely actions")
    ax.set_yticks(range(len(COLORS)), list(COLORS))
    ax.invert_yaxis()
    ax.set(xlim=(0, 1), xlabel="goals reached (bars: actions drawn)")
    ax.legend(loc="lower right")
    return figure


class Cropper:
    """A state and a goal, cropped by one shift or by two."""

    def __init__(self) -> None:
        world = views.make_world("pixels")
        states = world.sample_states(2, torch.Generator().manual_seed(3))
        self.images = world.observe(states)

    def draw(self, ax: Axes, down: int, right: int, goal_too: bool) -> None:
        """On these axes: state and goal side by side."""
        shift = torch.tensor([[PADDING - down, PADDING - right]])
        stay = torch.full((1, 2), PADDING)
        seen = crop(self.images[:1], shift)[0], crop(self.images[1:], shift if goal_too else stay)[0]
        gap = torch.full((seen[0].shape[0], 3, 3), 255, dtype=torch.uint8)
        ax.imshow(torch.cat([seen[0], gap, seen[1]], 1).numpy(), interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.set_title("state                              goal")
        ax.grid(False)
