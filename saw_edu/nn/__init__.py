"""Network parts: MLPs, goal-conditioned values and actors, goal representations, quasimetrics, image encoders."""

from saw_edu.nn.goals import ImageGoals, StateGoals, WordGoals, goal_encoder, parameter_count
from saw_edu.nn.mlp import MLP, Dense, LayerNorm
from saw_edu.nn.networks import (
    BilinearValue,
    CategoricalPolicy,
    GoalConditionedValue,
    GoalRepresentation,
    Inputs,
    Networks,
    NormalPolicy,
    RawGoals,
    StateInputs,
    as_vectors,
    draw,
    frozen,
    goal_representation,
    make_policy,
    on_sphere,
    sample_normal,
)
from saw_edu.nn.quasimetrics import IQE, MRN, LogScale, Quasimetric

__all__ = [
    "IQE",
    "MLP",
    "MRN",
    "BilinearValue",
    "CategoricalPolicy",
    "Dense",
    "GoalConditionedValue",
    "GoalRepresentation",
    "ImageGoals",
    "Inputs",
    "LayerNorm",
    "LogScale",
    "Networks",
    "NormalPolicy",
    "Quasimetric",
    "RawGoals",
    "StateGoals",
    "StateInputs",
    "WordGoals",
    "as_vectors",
    "draw",
    "frozen",
    "goal_encoder",
    "goal_representation",
    "make_policy",
    "on_sphere",
    "parameter_count",
    "sample_normal",
]
