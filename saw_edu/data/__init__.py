"""Trajectories, hindsight goal sampling, words, and OGBench's file layout."""

from saw_edu.data.augment import augment_batch, crop
from saw_edu.data.npz import DatasetError, load_npz, save_npz
from saw_edu.data.sampling import Batch, GoalRows, HindsightGoals, HindsightSampler, geometric_goals, uniform_goals
from saw_edu.data.spec import Spec
from saw_edu.data.trajectories import Trajectories, push_frame
from saw_edu.data.words import PADDING, Vocabulary

__all__ = [
    "PADDING",
    "Batch",
    "DatasetError",
    "GoalRows",
    "HindsightGoals",
    "HindsightSampler",
    "Spec",
    "Trajectories",
    "Vocabulary",
    "augment_batch",
    "crop",
    "geometric_goals",
    "load_npz",
    "push_frame",
    "save_npz",
    "uniform_goals",
]
