"""Hidden tests and mutants of chapter 16."""

from functools import cache

import torch

from saw_edu.agents import SAW
from saw_edu.agents.objectives import awr_weights
from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course import giant
from saw_edu.course.ch16.flat_checks import loss_and_gradients
from saw_edu.course.ch16.own_saw import AgentClass, SamplerClass, after_training, on_networks
from saw_edu.data import HindsightGoals, HindsightSampler, Trajectories
from saw_edu.envs import navigate
from saw_edu.nn import Networks


def _random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


bootstrapping_loss = Check(
    "bootstrapping_loss",
    [
        Case("five action dimensions", _random(0, 64, 5), _random(1, 64, 5), _random(2, 64).exp()),
        Case("one state", _random(3, 1, 2), _random(4, 1, 2), torch.tensor([3.0])),
    ],
    reference=lambda means, sub, weights: (weights * (means - sub).square().sum(-1)).mean(),
)

saw_objective = Check(
    "saw_objective",
    [
        Case("many transitions", *(_random(i, 128) for i in range(5)), 1.5, 0.7),
        Case("clipped weights", *(10 * _random(i, 32) for i in range(5)), 3.0, 3.0),
    ],
    reference=lambda lp, kl, v, n, w, alpha, beta: (
        -(awr_weights(n - v, alpha) * lp).mean() + (awr_weights(w - v, beta) * kl).mean()
    ),
)


flat_policy_loss = Check(
    "flat_policy_loss",
    [
        Case("other inverse temperatures", run=loss_and_gradients(5, alpha=1.0, beta=5.0), rtol=1e-9),
        Case("a shared representation", run=loss_and_gradients(6, share_goal_rep=True), rtol=1e-9),
    ],
    reference=SAW.flat_policy_loss,
)


def _some_rows(seed: int, batch: int, steps: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, int]:
    """Rows of trajectories of 40, with goals of which a third are random."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(400, (batch,), generator=generator)
    last_rows = rows // 40 * 40 + 39
    later = rows + (torch.rand(batch, generator=generator) * (last_rows - rows + 1)).long()
    is_random = torch.rand(batch, generator=generator) < 1 / 3
    anywhere = torch.randint(400, (batch,), generator=generator)
    return rows, torch.where(is_random, anywhere, later), last_rows, is_random, steps


def _waypoint_rows(rows, goal_rows, last_rows, is_random, steps):
    ahead = torch.minimum(rows + steps, last_rows)
    return ahead, torch.where(is_random, ahead, torch.minimum(ahead, goal_rows))


waypoint_rows = Check(
    "waypoint_rows",
    [
        Case("many rows", *_some_rows(0, 500, 8)),
        Case("one step", *_some_rows(1, 200, 1)),
        Case("k beyond every end", *_some_rows(2, 200, 90)),
    ],
    reference=_waypoint_rows,
)


@cache
def _trained() -> tuple[Networks, Trajectories]:
    """The recorded SAW of the giant maze, seed 0, with its value function, and a few trajectories; in double precision."""
    world = giant.make_world()
    networks = giant.load("saw", world.spec).networks[0]
    networks.value.load_state_dict(giant.load("value", world.spec).networks[0].value.state_dict())
    found = navigate(world, 8, 60, 0.5, torch.Generator().manual_seed(8))
    data = Trajectories(found.observations.double(), found.actions.double(), found.episode_ends)
    return networks.double(), data


def on_trained_networks(goals: HindsightGoals, seed: int):
    """For a case: losses and gradients of networks that have been trained, on a batch of the agent's own sampler."""

    def run(my_saw: AgentClass, my_sampler: SamplerClass) -> dict[str, float]:
        settings = vars(giant.make_agents()["saw"]) | {"goals": goals}
        return on_networks(*_trained(), settings, seed)(my_saw, my_sampler)

    return run


my_saw = Check(
    "my_saw",
    [
        Case("trained networks", run=on_trained_networks(HindsightGoals(), 0), rtol=1e-6),
        Case(
            "trained networks, random goals",
            run=on_trained_networks(HindsightGoals(policy_goals=(0, 0.5, 0.5)), 1),
            rtol=1e-6,
        ),
        Case("a representation", run=after_training(3, rep_dim=4, share_goal_rep=True, beta=1.0), rtol=1e-6),
    ],
    reference=(SAW, HindsightSampler),
)

SWAPPED = """
def flat_policy_loss(agent, networks, batch):
    s, w, g = batch.observations, batch.waypoints, batch.policy_goals
    v, v_next, v_way = values_of(networks, [s, batch.next_observations, w], g, networks.goal_rep)
    policy, teacher = agent.policy(networks, s, g), networks.subgoal_policy(s, w).mean.detach()
    one = awr_weights(v_next - v, agent.beta) * policy.log_prob(batch.actions)
    two = awr_weights(v_way - v, agent.alpha) * (policy.mean - teacher).square().sum(-1)
    return (two - one).mean(), {}
"""

INHERITED = """
class MySampler(HindsightSampler):
    pass


class MySAW(SAW):
    pass
"""

# The checks lock these while they ask; grading also notices where a cell keeps one for later.
LIBRARY = {
    "my-saw": [
        "saw_edu.agents.saw:SAW.subgoal_policy_loss",
        "saw_edu.agents.saw:SAW.flat_policy_loss",
    ],
}

MUTANTS = {
    "bootstrapping-loss": [
        Mutant("gradient into π_sub", replace=("subgoal_means.detach()", "subgoal_means")),
        Mutant(
            "teacher and student exchanged",
            replace=("(means - subgoal_means.detach())", "(means.detach() - subgoal_means)"),
        ),
        Mutant("gradient into the weights", replace=("weights.detach()", "weights")),
        Mutant(
            "π does not learn",
            replace=("(means - subgoal_means.detach())", "(means.detach() - subgoal_means.detach())"),
        ),
    ],
    "saw-objective": [
        Mutant(
            "unclipped weights",
            replace=("(beta * (v_waypoint - v)).exp().clamp(max=100.0)", "(beta * (v_waypoint - v)).exp()"),
        ),
        Mutant(
            "stop-gradient missing on the weight",
            source="def saw_objective(log_probs, divergence, v, v_next, v_waypoint, alpha, beta):\n    a = (alpha * (v_next - v)).exp().clamp(max=100)\n    b = (beta * (v_waypoint - v)).exp().clamp(max=100)\n    return (b * divergence - a * log_probs).mean()",
        ),
    ],
    "flat-policy-loss": [
        Mutant(
            "gradient into π_sub",
            replace=("    with torch.no_grad():\n        subgoal_policy", "    if True:\n        subgoal_policy"),
        ),
        Mutant(
            "the flat policy's gradient",
            replace=("(policy.mean - subgoal_policy.mean)", "(policy.mean.detach() - subgoal_policy.mean)"),
        ),
        Mutant("single precision", replace=("return loss, {", "return loss.float(), {")),
        Mutant(
            "means clamped",
            replace=("(policy.mean - subgoal_policy.mean)", "(policy.mean.clamp(-1, 1) - subgoal_policy.mean)"),
        ),
        Mutant("another loss", replace=("batch.waypoints, batch.policy_goals", "batch.subgoals, batch.value_goals")),
        Mutant("TypeError", replace=(', {"waypoint/kld": distance.mean().detach()}', "")),
        Mutant(
            "gradient into V",
            source="""
def flat_policy_loss(agent, networks, batch):
    s, s_next, a = batch.observations, batch.next_observations, batch.actions
    w, g = batch.waypoints, batch.policy_goals
    v, v_next, v_way = (networks.value(x, networks.goal_rep(x, g)).mean(0) for x in (s, s_next, w))
    policy = agent.policy(networks, s, g)
    distance = (policy.mean - networks.subgoal_policy(s, w).mean.detach()).square().sum(-1)
    one = (agent.alpha * (v_next - v)).exp().clamp(max=100)
    two = (agent.beta * (v_way - v)).exp().clamp(max=100)
    return (two * distance - one * policy.log_prob(a)).mean(), {}
""",
        ),
    ],
    "waypoint-rows": [
        Mutant(
            "waypoint outside the trajectory",
            source="def waypoint_rows(rows, goal_rows, last_rows, is_random, subgoal_steps):\n    ahead = torch.minimum(rows + subgoal_steps, last_rows)\n    return ahead, torch.where(is_random, rows + 2 * subgoal_steps, torch.minimum(ahead, goal_rows))",
        ),
    ],
    "my-saw": [
        Mutant(
            "gradient into V",
            source="""
class MySampler(HindsightSampler):
    def waypoint_rows(self, rows, policy_goals, is_random):
        return waypoint_rows(rows, policy_goals, self.trajectories.final_index[rows], is_random, self.subgoal_steps)


class MySAW(SAW):
    def policy_loss(self, networks, batch):
        s, w = batch.observations, batch.subgoals
        v, v_next = (networks.value(x, networks.goal_rep(x, w)).mean(0) for x in (s, batch.next_observations))
        weights = (self.subgoal_alpha * (v_next - v)).exp().clamp(max=100)
        flat, metrics = flat_policy_loss(self, networks, batch)
        return flat - (weights * networks.subgoal_policy(s, w).log_prob(batch.actions)).mean(), metrics
""",
        ),
        Mutant("the flat policy's part", replace=("teacher + flat", "teacher + 2 * flat")),
        Mutant("π_sub's part", replace=("log_probs).mean()", "log_probs).sum()")),
        Mutant(
            "other waypoints",
            replace=("rows, policy_goals, last_rows, is_random,", "rows, policy_goals, last_rows, ~is_random,"),
        ),
        Mutant("TypeError", replace=("return teacher + flat, metrics", "return teacher + flat")),
        Mutant("RuntimeError", source=INHERITED),
    ],
}

ALTERNATIVES = {
    "bootstrapping-loss": [
        "def bootstrapping_loss(means, subgoal_means, weights):\n    d = means - subgoal_means.detach()\n    return torch.einsum('b,ba,ba->', weights.detach(), d, d) / len(d)",
    ],
    "saw-objective": [
        "def saw_objective(log_probs, divergence, v, v_next, v_waypoint, alpha, beta):\n    def weight(x, t):\n        return torch.exp(torch.clamp(t * (x - v), max=math.log(100.0))).detach()\n    import math\n    return torch.mean(weight(v_waypoint, beta) * divergence - weight(v_next, alpha) * log_probs)",
    ],
    "flat-policy-loss": [
        """
def flat_policy_loss(agent, networks, batch):
    s, g = batch.observations, batch.policy_goals
    with torch.no_grad():
        now, after, way = (networks.value(x, networks.goal_rep(x, g)).mean(0) for x in (s, batch.next_observations, batch.waypoints))
        teacher = networks.subgoal_policy(s, batch.waypoints).mean
        one = ((after - now) * agent.alpha).exp().clamp(max=100)
        two = ((way - now) * agent.beta).exp().clamp(max=100)
    pi = agent.policy(networks, s, g)
    return (two * ((pi.mean - teacher) ** 2).sum(1) - one * pi.log_prob(batch.actions)).mean(), {}
""",
    ],
    "waypoint-rows": [
        """
def waypoint_rows(rows, goal_rows, last_rows, is_random, subgoal_steps):
    subgoals = (rows + subgoal_steps).clamp(max=last_rows)
    passed = (goal_rows < subgoals) & ~is_random
    waypoints = subgoals.clone()
    waypoints[passed] = goal_rows[passed]
    return subgoals, waypoints
""",
    ],
    "my-saw": [
        """
class MySampler(HindsightSampler):
    def waypoint_rows(self, rows, policy_goals, is_random):
        return waypoint_rows(rows, policy_goals, self.trajectories.final_index[rows], is_random, self.subgoal_steps)


class MySAW(SAW):
    def subgoal_policy_loss(self, networks, batch):
        s, w = batch.observations, batch.subgoals
        with torch.no_grad():
            now, after = (networks.value(x, networks.goal_rep(x, w)).mean(0) for x in (s, batch.next_observations))
            weights = ((after - now) * self.subgoal_alpha).exp().clamp(max=100)
        return -torch.mean(weights * networks.subgoal_policy(s, w).log_prob(batch.actions)), {}

    def flat_policy_loss(self, networks, batch):
        return flat_policy_loss(self, networks, batch)
""",
    ],
}
