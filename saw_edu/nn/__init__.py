"""Network parts: MLPs, goal-conditioned values and actors, goal representations."""

from saw_edu.nn.mlp import MLP, Dense, LayerNorm
from saw_edu.nn.networks import (
    Actor,
    DiscreteActor,
    GoalConditionedValue,
    GoalRepresentation,
    Networks,
    RawGoals,
    draw,
    goal_representation,
    make_actor,
    on_sphere,
    sample_normal,
)

__all__ = [
    "MLP",
    "Actor",
    "Dense",
    "DiscreteActor",
    "GoalConditionedValue",
    "GoalRepresentation",
    "LayerNorm",
    "Networks",
    "RawGoals",
    "draw",
    "goal_representation",
    "make_actor",
    "on_sphere",
    "sample_normal",
]
