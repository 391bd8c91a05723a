"""Network parts: MLPs, goal-conditioned values and actors, goal representations, quasimetrics, image encoders."""

from saw_edu.nn.mlp import MLP, Dense, LayerNorm
from saw_edu.nn.networks import (
    Actor,
    BilinearValue,
    DiscreteActor,
    GoalConditionedValue,
    GoalRepresentation,
    Inputs,
    Networks,
    RawGoals,
    StateInputs,
    as_vectors,
    draw,
    frozen,
    goal_representation,
    make_actor,
    on_sphere,
    sample_normal,
)
from saw_edu.nn.quasimetrics import IQE, MRN, LogScale, Quasimetric

__all__ = [
    "IQE",
    "MLP",
    "MRN",
    "Actor",
    "BilinearValue",
    "Dense",
    "DiscreteActor",
    "GoalConditionedValue",
    "GoalRepresentation",
    "Inputs",
    "LayerNorm",
    "LogScale",
    "Networks",
    "Quasimetric",
    "RawGoals",
    "StateInputs",
    "as_vectors",
    "draw",
    "frozen",
    "goal_representation",
    "make_actor",
    "on_sphere",
    "sample_normal",
]
