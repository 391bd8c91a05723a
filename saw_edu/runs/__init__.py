"""Runs: an agent trained on a data set into a folder, continued there after any interruption, and evaluated.

The folder of a run holds `config.json` (everything that decides the result), `checkpoints/`, `metrics.csv` and, once
training is done, `networks.pt`; evaluation adds `evaluation.csv`.
"""

from saw_edu.runs.data import make_data
from saw_edu.runs.evaluate import FinishedRun, distance_edges, evaluate_run, load
from saw_edu.runs.folder import RunError, RunFailedError, RunInterruptedError
from saw_edu.runs.options import train_overview
from saw_edu.runs.train import train_run

__all__ = [
    "FinishedRun",
    "RunError",
    "RunFailedError",
    "RunInterruptedError",
    "distance_edges",
    "evaluate_run",
    "load",
    "make_data",
    "train_overview",
    "train_run",
]
