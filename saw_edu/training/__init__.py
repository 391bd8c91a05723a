"""Training: `train` for any agent and data set; `Learner` for a loop of one's own."""

from saw_edu.agents.agent import Policy
from saw_edu.training.learner import Learner, TrainingConfig, TrainingDivergedError
from saw_edu.training.result import TrainingResult
from saw_edu.training.train import train

__all__ = ["Learner", "Policy", "TrainingConfig", "TrainingDivergedError", "TrainingResult", "train"]
