"""What the tests of training share: a small data set, small agents, and when two results are equal."""

import signal

import pandas as pd
import torch

from saw_edu.agents import CRL, GCBC, GCIQL, GCIVL, GCWAE, HIQL, QRL, RIS, SAW, Agent
from saw_edu.data import Batch, HindsightSampler, Trajectories
from saw_edu.training import TrainingConfig, TrainingResult

SMALL = {"policy_hidden_dims": (16,), "value_hidden_dims": (16, 16)}
AGENT = SAW(**SMALL, subgoal_policy_hidden_dims=(16,), rep_dim=4, subgoal_steps=3)
CONFIG = TrainingConfig(steps=60, batch_size=16, log_every=10, checkpoint_every=20)


def walks(discrete: bool = False) -> Trajectories:
    """Ten walks of 20 steps in the plane, each in its own direction; the action is the step taken."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.rand(10, 1, 2, generator=generator) * 2 - 1
    steps = (directions + 0.2 * torch.randn(10, 21, 2, generator=generator)).clamp(-1, 1)
    places = (steps.cumsum(1) - steps).reshape(-1, 2)
    actions = (steps[..., 0] > 0).long().reshape(-1) if discrete else steps.reshape(-1, 2)
    return Trajectories(places, actions, torch.arange(21, 211, 21))


def equal(a: TrainingResult, b: TrainingResult) -> bool:
    pairs = zip(a.networks, b.networks, strict=True)
    return all(
        torch.equal(p, q) for x, y in pairs for p, q in zip(x.parameters(), y.parameters(), strict=True)
    ) and without_clock(a).equals(without_clock(b))


def without_clock(result: TrainingResult) -> pd.DataFrame:
    """The metrics but for the two columns that no two runs share."""
    return result.metrics.drop(columns=["seconds", "updates_per_s"])


def small(name: str, discrete: bool = False) -> Agent:
    """An agent that learns in a moment; those that climb a critic imitate instead where actions are discrete."""
    extraction = {"extraction": "awr" if discrete else "ddpgbc", "alpha": 3.0}
    agents = {
        "gcbc": GCBC(policy_hidden_dims=(16,)),
        "gcivl": GCIVL(**SMALL),
        "gciql": GCIQL(**SMALL, **extraction),
        "crl": CRL(**SMALL, latent_dim=8, **extraction),
        "qrl": QRL(**SMALL, latent_dim=16, **extraction),
        "hiql": HIQL(**SMALL, rep_dim=4, subgoal_steps=3),
        "ris": RIS(**SMALL, rep_dim=4, subgoal_steps=3),
        "gcwae": GCWAE(**SMALL, subgoal_steps=3),
        "saw": AGENT,
    }
    return agents[name]


class stops_at:  # noqa: N801  (reads as a phrase where it is used)
    """Draws as a SAW's sampler does; the draw of that number is interrupted, as by Ctrl-C."""

    def __init__(self, number: int | None) -> None:
        self.left = number
        self.sampler = HindsightSampler(walks(), AGENT.goals, AGENT.discount, AGENT.subgoal_steps)

    def __call__(self, batch_size: int, generator: torch.Generator) -> Batch:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)
        return self.sampler.sample(batch_size, generator)


class GoalsForWaypoints(HindsightSampler):
    """The goal itself is the waypoint, however far."""

    def waypoint_rows(self, rows, policy_goals, is_random):  # type: ignore[no-untyped-def]
        return policy_goals, policy_goals
