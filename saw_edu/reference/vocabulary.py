"""The reference implementation's names of agents, options, layers and batch entries, in ours."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from saw_edu.agents import Agent, agent_class
from saw_edu.data import HindsightGoals

# The reference's names of modules, layers and batch entries -> ours
_MODULES = {
    "actor": "policy",
    "low_actor": "subgoal_policy",
    "high_actor": "subgoal_generator",
    "actor_goal_rep": "policy_goal_rep",
    "actor_goal_rep_def": "policy_goal_rep",
}
_OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {  # of every agent, then of single ones
    "": {
        "actor_hidden_dims": ("policy_hidden_dims",),
        "low_actor_hidden_dims": ("subgoal_policy_hidden_dims",),
        "low_actor_rep_grad": ("subgoal_policy_rep_grad",),
        "actor_loss": ("extraction",),
    },
    "hiql": {"low_alpha": ("subgoal_alpha",), "high_alpha": ("beta",)},
    "ris": {"low_alpha": ("subgoal_alpha", "alpha"), "high_alpha": ("beta",), "kl_alpha": ("prior_weight",)},
    "gcwae": {"low_alpha": ("alpha",), "high_alpha": ("beta",)},
    "saw": {"low_alpha": ("subgoal_alpha",), "awr_alpha": ("alpha",), "kl_alpha": ("beta",)},
}
METRICS = [(r"^actor/", "policy/"), (r"^low_actor/", "subgoal_policy/"), (r"^high_actor/", "subgoal_generator/"),
            (r"/actor_loss$", "/policy_loss")]  # fmt: skip
_LAYERS = [
    (r"^(?:actor_net)/Dense_(\d+)/(\w+)$", r"trunk.dense.\1.\2"),
    (r"^(phi|psi)/Dense_(\d+)/(\w+)$", r"\1.dense.\2.\3"),
    (r"^(phi|psi)/LayerNorm_(\d+)/(\w+)$", r"\1.norm.\2.\3"),
    (r"^Dense_(\d+)/(\w+)$", r"dense.\1.\2"),
    (r"^LayerNorm_(\d+)/(\w+)$", r"norm.\1.\2"),
    (r"^alpha/value$", "alpha"),
    (r"^log_value$", "log_value"),
    (r"^(?:value_net|layers_\d+)/Dense_(\d+)/(\w+)$", r"net.dense.\1.\2"),
    (r"^(?:value_net|layers_\d+)/LayerNorm_(\d+)/(\w+)$", r"net.norm.\1.\2"),
    (r"^mean_net/(\w+)$", r"mean.\1"),
    (r"^logit_net/(\w+)$", r"logit.\1"),
    (r"^log_stds$", "log_stds"),
]
BATCH = {
    "actor_goals": "policy_goals",
    "low_actor_goals": "subgoals",
    "high_actor_goals": "policy_goals",
    "high_actor_targets": "waypoints",
}

# Configuration: what belongs to training, to the networks' input, to data sampling, or to a file that is not read here
_TRAINING_KEYS = {"agent_name", "batch_size", "lr", "tau"}
_UNREAD_KEYS = {"track_individual_grads", "actor_rep_grad"}  # options that the reference defines and never reads
_SAMPLING_KEYS = {
    "dataset_class", "value_p_curgoal", "value_p_trajgoal", "value_p_randomgoal", "value_geom_sample",
    "actor_p_curgoal", "actor_p_trajgoal", "actor_p_randomgoal", "actor_geom_sample", "actor_geom_discount",
    "gc_negative",
}  # fmt: skip
_FIXED_KEYS = {"encoder": (None,), "frame_stack": (None,), "p_aug": (None, 0, 0.0), "discrete": (True, False)}


class GoldenFileError(ValueError):
    """A golden file that cannot be used; the message says why."""


def agent_from_config(config: dict[str, Any]) -> Agent:
    """The library's agent for a configuration in the reference's vocabulary.

    Raises:
        GoldenFileError: an agent or an option that the library does not have.
    """
    name = config.get("agent_name", "none given")
    try:
        agent_type: Any = agent_class(name)
    except ValueError as error:
        raise GoldenFileError(str(error)) from None
    for key, allowed in _FIXED_KEYS.items():
        if config.get(key, allowed[0]) not in allowed:
            raise GoldenFileError(f"{key}={config[key]!r} is not supported by {name} here, only {allowed[0]!r}")
    known = {field.name for field in dataclasses.fields(agent_type)}
    options: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in config.items()
        if key not in _TRAINING_KEYS | _SAMPLING_KEYS | _UNREAD_KEYS | set(_FIXED_KEYS)
    }
    if options.pop("use_subgoal_rep", True) is False:  # of ris and gcwae
        options["rep_dim"] = None
    names = _OPTIONS[""] | _OPTIONS.get(name, {})
    options = {ours: value for key, value in options.items() for ours in names.get(key, (key,))}
    unknown = sorted(set(options) - known - ({"subgoal_steps"} if agent_type.subgoal_steps is None else set()))
    if unknown:
        raise GoldenFileError(f"{name} has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    if "reference_discrete" in known:
        options["reference_discrete"] = True
    return agent_type(goals=goals_from_config(config), **{key: options[key] for key in options if key in known})


def goals_from_config(config: dict[str, Any]) -> HindsightGoals:
    """Goal sampling in the reference's vocabulary; a missing entry has the library's default."""
    default = HindsightGoals()

    def shares(kind: str, fallback: tuple[float, float, float]) -> tuple[float, float, float]:
        given = [config.get(f"{kind}_p_{source}goal") for source in ("cur", "traj", "random")]
        if any(share is None for share in given):
            return fallback
        current, trajectory, random = (float(share) for share in given)  # type: ignore[arg-type]
        return (current, trajectory, random)

    negative = config.get("gc_negative", True)
    return HindsightGoals(
        value_goals=shares("value", default.value_goals),
        policy_goals=shares("actor", default.policy_goals),
        value_geometric=config.get("value_geom_sample", default.value_geometric),
        policy_geometric=config.get("actor_geom_sample", default.policy_geometric),
        success_reward=0.0 if negative else 1.0,
        step_reward=-1.0 if negative else 0.0,
    )


def parameter_name(reference: str) -> tuple[str, str]:
    """`modules_value/value_net/Dense_0/kernel` -> ("value", "net.dense.0.kernel")."""
    module, _, rest = reference.removeprefix("modules_").partition("/")
    for pattern, ours in _LAYERS:
        if re.match(pattern, rest):
            return _MODULES.get(module, module), re.sub(pattern, ours, rest)
    raise GoldenFileError(f"unknown parameter {reference}")
