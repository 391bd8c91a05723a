"""Loudness or selection: SAW with its waypoints' weights taken apart, and with one weight clipped at a time.

A weight does two things. It says how loud the bootstrapping term speaks beside the one-step term, and it chooses among
waypoints. Settings that keep one and take the other, five seeds each, on the value functions in assets/giant.

    saw-edu record reweighed "alike, loud" "waypoint clip 1"
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from saw_edu.agents import SAW
from saw_edu.agents.agent import Metrics
from saw_edu.agents.objectives import awr_loss, awr_weights, divergence, values_of
from saw_edu.course import giant
from saw_edu.course.ch17 import ablations
from saw_edu.course.ch17.ablations import Setting
from saw_edu.course.recording import Recorder
from saw_edu.data import Batch
from saw_edu.nn import Networks


def reweigh(weights: Tensor, selects: bool, loud: bool) -> Tensor:
    """Waypoints' weights (B,) with their differences and their mean each kept or taken away (then all alike, or 1)."""
    mean = weights.mean()
    chosen = weights / mean if selects else torch.ones_like(weights)
    return chosen * mean if loud else chosen


@dataclass(frozen=True)
class ReweighedSAW(SAW):
    """SAW whose waypoints' weights keep their differences (`selects`) and their mean (`loud`), or do not."""

    selects: bool = True
    loud: bool = True

    def reweighed(self, weights: Tensor) -> Tensor:
        """The weights that stand before the divergence, from SAW's own, (B,)."""
        return reweigh(weights, self.selects, self.loud)

    def flat_policy_loss(self, networks: Networks, batch: Batch) -> tuple[Tensor, Metrics]:
        """As in SAW, with other weights before the divergence."""
        s, g, w = batch.observations, batch.policy_goals, batch.waypoints
        assert w is not None
        v, v_next, v_waypoint = values_of(networks, [s, batch.next_observations, w], g, networks.goal_rep)
        policy = self.policy(networks, s, g)
        with torch.no_grad():
            teacher = networks.subgoal_policy(s, w)
        weights = self.reweighed(awr_weights(v_waypoint - v, self.beta, self.waypoint_clip))
        pull = (weights * divergence(teacher, policy, self.const_std)).mean()
        return awr_loss(policy.log_prob(batch.actions), v_next - v, self.alpha, self.action_clip) + pull, {}


def _settings() -> list[Setting]:
    saw = giant.make_agents()["saw"]
    assert isinstance(saw, SAW)

    def reweighed(name: str, selects: bool, loud: bool) -> Setting:
        return Setting(name, "reweighed", name, ReweighedSAW(**vars(saw), selects=selects, loud=loud))

    def changed(name: str, **options: Any) -> Setting:
        return Setting(name, "one at a time", name, replace(saw, **options))

    return [
        Setting("base saw", "base", "base", saw),
        reweighed("alike, loud", selects=False, loud=True),
        reweighed("choosing, quiet", selects=True, loud=False),
        reweighed("alike, quiet", selects=False, loud=False),
        changed("waypoint clip 1", waypoint_clip=1.0),
        changed("action clip 1", action_clip=1.0),
        changed("teacher clip 1", subgoal_clip=1.0),
        changed("no one-step, beta 0", one_step=False, beta=0.0),
    ]


SETTINGS = {setting.name: setting for setting in _settings()}


def make(name: str, work: Path) -> None:
    """Train and measure one setting into `work / name`."""
    result = ablations.train_setting(SETTINGS[name], list(range(giant.SEEDS)), work)
    (work / name).mkdir(parents=True, exist_ok=True)
    ablations.measure(SETTINGS[name], result).to_csv(work / name / "success.csv", index=False)


def gather(work: Path, folder: Path) -> dict[str, Any]:
    """Put the results of all settings together in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = [pd.read_csv(work / name / "success.csv", dtype={"x": str}) for name in SETTINGS]
    pd.concat(tables).to_csv(folder / "success.csv", index=False)
    return {
        "settings": {name: repr(setting.agent) for name, setting in SETTINGS.items()},
        "seeds": list(range(giant.SEEDS)),
        "policies": asdict(ablations.POLICY_CONFIG),
        "value, and base saw": "the networks in assets/giant",
        "files": "success.csv: success of each seed in each bin of distance, 50 episodes a bin, drawn (temperature .5: "
        "N(0, .5) on each action) and greedy (0)",
    }


RECORDER = Recorder(
    "SAW's weights taken apart: loudness or selection", "results/reweighed", tuple(SETTINGS), make, gather
)
