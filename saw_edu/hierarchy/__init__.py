"""Hierarchical policies: two levels, when to move on from one subgoal to the next, and what each level learns."""

from saw_edu.hierarchy.stuck import StuckDetector
from saw_edu.hierarchy.switching import EveryN, OnEvent, Switch, WhenDone, WhenDoneOrTimeout
from saw_edu.hierarchy.two_levels import TwoLevelMemory, TwoLevels

__all__ = [
    "EveryN",
    "OnEvent",
    "StuckDetector",
    "Switch",
    "TwoLevelMemory",
    "TwoLevels",
    "WhenDone",
    "WhenDoneOrTimeout",
]
