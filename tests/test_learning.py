"""Each agent learns to reach goals in a small maze, from play data alone."""

from typing import Any

import pytest
import torch

from saw_edu.agents import AGENTS, CRL, GCBC, GCIQL, GCIVL, GCWAE, HIQL, QRL, RIS, SAW, Agent
from saw_edu.envs import GridMaze, navigate
from saw_edu.rollouts import evaluate
from saw_edu.training import TrainingConfig, train

DIMS: dict[str, Any] = {"value_hidden_dims": (64, 64), "policy_hidden_dims": (64, 64), "discount": 0.95}
IMITATE: dict[str, Any] = {"extraction": "awr", "alpha": 3.0}

# What an agent is asked: all goals, or far more than with goals mixed up. GCBC imitates detours of the data, and CRL
# values the behaviour that collected them; neither finds all shortest paths here.
CASES: dict[str, tuple[Agent, int, float]] = {
    "gcbc": (GCBC(policy_hidden_dims=(64, 64)), 1200, 0.65),
    "gcivl": (GCIVL(**DIMS), 1200, 0.95),
    "gciql": (GCIQL(**DIMS, **IMITATE), 1200, 0.95),
    "crl": (CRL(**DIMS, **IMITATE, latent_dim=32), 1200, 0.65),
    "qrl": (QRL(**DIMS, **IMITATE, latent_dim=32), 600, 0.95),
    "hiql": (HIQL(**DIMS, subgoal_steps=5), 1200, 0.95),
    "ris": (RIS(**DIMS, subgoal_steps=5), 600, 0.95),
    "gcwae": (GCWAE(**DIMS, subgoal_steps=5), 1200, 0.95),
    "saw": (SAW(**DIMS, subgoal_policy_hidden_dims=(64, 64), subgoal_steps=5), 600, 0.95),
}


@pytest.mark.parametrize("name", AGENTS)
def test_solves_a_small_maze(name: str) -> None:
    agent, steps, enough = CASES[name]
    world = GridMaze("u-turn")
    data = navigate(world, 100, 100, 0.3, torch.Generator().manual_seed(0))
    config = TrainingConfig(steps=steps, batch_size=128, learning_rate=2e-3, final_learning_rate=2e-4, tau=0.05)
    policy = train(agent, data, config, spec=world.spec, progress=False).policies[0]
    generator = torch.Generator().manual_seed(1)
    starts, goals = world.sample_states(100, generator), world.sample_states(100, generator)
    success = evaluate([policy], world, starts, goals, progress=False).success
    mixed_up = evaluate([lambda s, g: policy(s, g.roll(17, 0))], world, starts, goals, progress=False).success
    assert success >= enough
    assert mixed_up < success - 0.2
