"""One figure style, mazes, values, policies, roll-outs, curves, and widgets."""

from saw_edu.viz import style
from saw_edu.viz.clicking import ClickExplorer, click_explorer
from saw_edu.viz.curves import plot_curves, plot_success_by_distance, plot_success_by_task
from saw_edu.viz.mazes import plot_maze, plot_policy, plot_rollouts, plot_values
from saw_edu.viz.style import show
from saw_edu.viz.widgets import Explorer, explorer

__all__ = [
    "ClickExplorer",
    "Explorer",
    "click_explorer",
    "explorer",
    "plot_curves",
    "plot_maze",
    "plot_policy",
    "plot_rollouts",
    "plot_success_by_distance",
    "plot_success_by_task",
    "plot_values",
    "show",
    "style",
]
