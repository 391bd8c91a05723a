"""Batched worlds in torch: mazes, TinyPacking, objects on a table; data of mazes; adapters to gymnasium."""

from saw_edu.envs.gym import MazeEnv, MazeVectorEnv, register
from saw_edu.envs.maze import Maze, layout_names
from saw_edu.envs.maze.collect import navigate, random_walk
from saw_edu.envs.maze.grid import ACTIONS, GridMaze
from saw_edu.envs.maze.point import PointMaze
from saw_edu.envs.maze.render import picture
from saw_edu.envs.maze.world import InMaze
from saw_edu.envs.objects import Objects
from saw_edu.envs.packing import TinyPacking
from saw_edu.envs.world import Expert, Located, Playable, World

register()

__all__ = [
    "ACTIONS",
    "Expert",
    "GridMaze",
    "InMaze",
    "Located",
    "Maze",
    "MazeEnv",
    "MazeVectorEnv",
    "Objects",
    "Playable",
    "PointMaze",
    "TinyPacking",
    "World",
    "layout_names",
    "navigate",
    "picture",
    "random_walk",
    "register",
]
