"""The settings that the published results were made with, for every agent and data set.

OGBench's agents as its command file has them (impls/hyperparameters.sh, in johnlyzhou/saw at 1ce8ac7), which also lists
SAW; offline RIS by the SAW paper's text: a weight of the prior of 100 in mazes and 3 in manipulation, and SAW's
architecture. Where neither lists a pair (SAW and RIS on stitch and explore data, on puzzle and powderworld; GCWAE
anywhere), HIQL's settings are taken, and `Preset.published` is False.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from saw_edu.agents import AGENTS, Agent, agent_class
from saw_edu.benchmark.names import DataSet
from saw_edu.data import HindsightGoals
from saw_edu.training import TrainingConfig

STEPS, PICTURE_STEPS = 1_000_000, 500_000
BATCH, PICTURE_BATCH = 1024, 256
EVALUATE_EVERY = 100_000
EPISODES = 50  # of each of the five tasks
_GOALS = {"stitch": (0.0, 0.5, 0.5), "explore": (0.0, 0.0, 1.0)}  # of the policy: (current, trajectory, random)
_CLIMBING = {  # weight of cloning where the policy climbs a critic
    "gciql": {"pointmaze": 0.003, "antmaze": 0.3, "humanoidmaze": 0.1, "explore": 0.01, "play": 1.0, "noisy": 0.03},
    "qrl": {"pointmaze": 0.0003, "antmaze": 0.003, "humanoidmaze": 0.001, "explore": 0.001, "play": 0.3, "noisy": 0.03},
    "crl": {"pointmaze": 0.03, "antmaze": 0.1, "humanoidmaze": 0.1, "explore": 0.003, "play": 3.0, "noisy": 0.1},
}
_TWO_LEVELS = ("hiql", "ris", "gcwae", "saw")


@dataclass(frozen=True)
class Preset:
    """How a published result was made."""

    agent: Agent
    training: TrainingConfig
    temperature: float  # of the evaluation's actions
    published: bool  # whether the pair's settings are published; else they are ours, by analogy


def preset(name: str, data: DataSet, *, starred: bool = True) -> Preset:
    """The settings of the agent of that name on a data set.

    Args:
        name: such as "saw".
        data: the data set.
        starred: on cube-single, the expectile .9 of the results that the paper marks with a star (HIQL, RIS, SAW);
            else .7, which is OGBench's for HIQL.

    Raises:
        ValueError: no such agent.
    """
    kind: Any = agent_class(name)
    options: dict[str, Any] = {}
    if data.how in _GOALS and name != "gcbc":
        options["goals"] = _with_policy_goals(kind, _GOALS[data.how])
    if (data.kind == "humanoidmaze" or (data.locomotion and data.variant == "giant")) and name != "gcbc":
        options["discount"] = 0.995
    if name == "gcivl":
        options["alpha"] = 3.0 if data.discrete else 10.0
    if name in _CLIMBING:
        options |= _climbing(name, data)
    if name in _TWO_LEVELS:
        options |= _two_levels(name, data, starred)
    if data.pictures:
        options["encoder"] = "impala_small"
    known = {field.name for field in fields(kind)}
    options = {key: value for key, value in options.items() if key in known}
    training = TrainingConfig(
        steps=PICTURE_STEPS if data.pictures else STEPS,
        batch_size=PICTURE_BATCH if data.pictures else BATCH,
        log_every=5000,
        checkpoint_every=10_000,
        augmentation=0.5 if data.visual and not data.locomotion else 0.0,
    )
    return Preset(kind(**options), training, 0.3 if data.discrete else 0.0, _is_published(name, data))


def _with_policy_goals(kind: Any, shares: tuple[float, float, float]) -> HindsightGoals:
    default = next(field.default for field in fields(kind) if field.name == "goals")
    return HindsightGoals(**{**vars(default), "policy_goals": shares})


def _climbing(name: str, data: DataSet) -> dict[str, Any]:
    if data.discrete:
        return {"extraction": "awr", "alpha": 3.0}
    weights = _CLIMBING[name]
    return {"alpha": weights.get(data.how, weights.get(data.kind))}


def _two_levels(name: str, data: DataSet, starred: bool) -> dict[str, Any]:
    alpha = 10.0 if data.how == "explore" else 3.0
    options: dict[str, Any] = {"subgoal_alpha": alpha, "alpha": alpha, "beta": alpha}
    if data.kind == "humanoidmaze":
        options["subgoal_steps"] = 100
    elif not data.locomotion:
        options["subgoal_steps"] = 10
    if starred and name in ("hiql", "ris", "saw") and data.name == "cube-single-play-v0":
        options["expectile"] = 0.9
    if name == "hiql" and data.pictures:
        options["subgoal_policy_rep_grad"] = True
    if name in ("ris", "saw") and data.pictures:
        options["share_goal_rep"] = True
    if name == "ris":
        options["prior_weight"] = 100.0 if data.locomotion else 3.0
    if name == "saw" and data.kind in ("cube", "scene") and not data.visual:
        options["beta"] = 0.3 if data.variant == "single" else 1.0
    return options


def _is_published(name: str, data: DataSet) -> bool:
    if name == "gcwae":
        return False
    if name not in ("ris", "saw"):
        return True
    listed = data.locomotion or data.kind in ("cube", "scene")
    return listed and data.how in ("navigate", "play") and data.variant not in ("teleport", "quadruple")


assert set(_CLIMBING) | set(_TWO_LEVELS) | {"gcbc", "gcivl"} == set(AGENTS), "an agent without settings"
