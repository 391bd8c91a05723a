"""Hierarchical policies: two levels, when to move on from one subgoal to the next, and what each level learns."""

from saw_edu.hierarchy.demonstrations import Demonstrations, demonstrate
from saw_edu.hierarchy.dual_rate import Chunked, Clocked, DualRate
from saw_edu.hierarchy.imitation import Classifier, Cloning, LearnedDetector
from saw_edu.hierarchy.stuck import StuckDetector
from saw_edu.hierarchy.switching import EveryN, OnEvent, Switch, WhenDone, WhenDoneOrTimeout
from saw_edu.hierarchy.two_levels import TwoLevelMemory, TwoLevels

__all__ = [
    "Chunked",
    "Classifier",
    "Clocked",
    "Cloning",
    "Demonstrations",
    "DualRate",
    "EveryN",
    "LearnedDetector",
    "OnEvent",
    "StuckDetector",
    "Switch",
    "TwoLevelMemory",
    "TwoLevels",
    "WhenDone",
    "WhenDoneOrTimeout",
    "demonstrate",
]
