"""Mazes: their layouts, and worlds in them of cells and of points."""

from saw_edu.envs.maze.layout import Maze, layout_names

__all__ = ["Maze", "layout_names"]
