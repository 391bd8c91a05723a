"""The figures of chapter 20."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from saw_edu.course.ch20.experiments import Update
from saw_edu.viz import style


def where_time_goes(found: list[Update]) -> Figure:
    """Milliseconds of an update by width: drawing the batch, the products' floor, and everything else."""
    figure, ax = plt.subplots(figsize=(8, 4.2))
    left = np.zeros(len(found))
    parts = {
        "drawing the batch": ([u.drawing for u in found], style.SKY),
        "matrix products, at their fastest": ([u.floor for u in found], style.GREEN),
        "everything else": ([max(0.0, u.milliseconds - u.drawing - u.floor) for u in found], style.GREY),
    }
    for label, (values, color) in parts.items():
        ax.barh(range(len(found)), values, left=left, color=color, label=label)
        left += np.array(values)
    ax.set_yticks(range(len(found)), [f"2 × {u.width}" for u in found])
    ax.set(xlabel="milliseconds an update", ylabel="hidden layers")
    ax.legend()
    return figure


def schedule(hours: list[float], workers: int) -> Figure:
    """Which machine does which job when: each job goes to the machine that is free first."""
    figure, ax = plt.subplots(figsize=(8, 0.5 * workers + 1.3))
    free = [0.0] * workers
    for number, length in enumerate(hours):
        worker = free.index(min(free))
        ax.barh(worker, length, left=free[worker], color=style.PALETTE[number % len(style.PALETTE)], ec="white")
        free[worker] += length
    ax.axvline(max(free), color=style.DARK, ls=":")
    ax.set(xlabel="hours", yticks=range(workers), ylabel="machine")
    ax.grid(axis="y", visible=False)
    return figure


def power(needed: dict[int, float], differences: list[float]) -> Figure:
    """How often a true difference is found, over the number of seeds."""
    figure, ax = plt.subplots(figsize=(7, 4))
    ax.plot(list(needed), list(needed.values()), color=style.BLUE, marker="o")
    ax.axhline(0.8, color=style.DARK, ls=":", label="four times in five")
    for n in differences:
        ax.axvline(n, color=style.VERMILION, label="the seeds that the formula gives")
    ax.set(xlabel="seeds", ylabel="share of plans that find it", ylim=(0, 1.02))
    ax.legend(loc="lower right")
    return figure


def roofline(ax: Axes, gflops_per_s: float, gigabytes_per_s: float) -> None:
    """The least time of one layer's product at batch 256, by its width, on a machine of these two rates."""
    widths = np.array([16, 32, 64, 128, 256, 512, 1024, 2048])
    flops = 2 * 256 * widths**2
    moved = 4 * (2 * 256 * widths + widths**2)
    compute, memory = flops / (gflops_per_s * 1e9), moved / (gigabytes_per_s * 1e9)
    ax.loglog(widths, 1e6 * compute, color=style.BLUE, marker="o", label="operations")
    ax.loglog(widths, 1e6 * memory, color=style.VERMILION, marker="s", label="bytes")
    ax.loglog(widths, 1e6 * np.maximum(compute, memory), color=style.DARK, lw=5, alpha=0.25, label="floor")
    ax.set(xlabel="width of the layer", ylabel="microseconds")
    ax.legend()
