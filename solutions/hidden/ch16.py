"""Hidden tests and mutants of chapter 16."""

import torch

from saw_edu.agents import SAW
from saw_edu.agents.objectives import awr_weights
from saw_edu.checks import Case, Check
from saw_edu.checks.ch16 import loss_and_gradients
from saw_edu.classroom import Mutant


def _random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


waypoint_weights = Check(
    "waypoint_weights",
    [
        Case("many waypoints", 5 * _random(0, 256), 5 * _random(1, 256), 2.0),
        Case("β of zero", _random(0, 4), _random(1, 4), 0.0),
        Case("one waypoint", torch.tensor([-3.0]), torch.tensor([-7.0]), 0.25),
    ],
    reference=lambda vw, v, beta: awr_weights(vw - v, beta),
)

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
        Case("other inverse temperatures", run=loss_and_gradients(5, awr_alpha=1.0, kl_alpha=5.0), rtol=1e-6),
        Case("a shared representation", run=loss_and_gradients(6, share_goal_rep=True), rtol=1e-6),
    ],
    reference=SAW.flat_policy_loss,
)

SWAPPED = """
def flat_policy_loss(agent, networks, batch):
    s, w, g = batch.observations, batch.waypoints, batch.actor_goals
    v, v_next, v_way = values_of(networks, [s, batch.next_observations, w], g, networks.goal_rep)
    policy, teacher = agent.flat_policy(networks, s, g), networks.low_actor(s, w).mean.detach()
    one = awr_weights(v_next - v, agent.kl_alpha) * policy.log_prob(batch.actions)
    two = awr_weights(v_way - v, agent.awr_alpha) * (policy.mean - teacher).square().sum(-1)
    return (two - one).mean(), {}
"""

MUTANTS = {
    "waypoint-weights": [
        Mutant("V(w, g) and V(s, g) swapped", replace=("v_waypoint - v", "v - v_waypoint")),
        Mutant("gradient into V", replace=(".detach()", "")),
        Mutant("unclipped exponent", replace=(".clamp(max=100.0)", "")),
        Mutant("a lower bound for an upper one", replace=("clamp(max=100.0)", "clamp(100.0)")),
        Mutant("divided by β", replace=("beta * advantages", "advantages / beta")),
        Mutant("β forgotten", replace=("(beta * advantages)", "advantages")),
        Mutant(
            "normalised over the batch",
            source="def waypoint_weights(v_waypoint, v, beta):\n    return torch.softmax(beta * (v_waypoint - v), 0).detach()",
        ),
    ],
    "bootstrapping-loss": [
        Mutant(
            "importance weight outside the mean",
            replace=("(weights.detach() * distance).mean()", "weights.detach().mean() * distance.mean()"),
        ),
        Mutant("mean over the action dimensions", replace=(".sum(dim=-1)", ".mean(dim=-1)")),
        Mutant("half the squared distance", replace=(".square()", ".square().mul(0.5)")),
        Mutant(
            "weights normalised",
            replace=(
                "(weights.detach() * distance).mean()",
                "(weights.detach() * distance).sum() / weights.detach().sum()",
            ),
        ),
        Mutant("gradient into π_sub", replace=("subgoal_means.detach()", "subgoal_means")),
        Mutant("gradient into the weights", replace=("weights.detach()", "weights")),
        Mutant(
            "π does not learn",
            replace=("(means - subgoal_means.detach())", "(means.detach() - subgoal_means.detach())"),
        ),
        Mutant(
            "weights along the wrong axis",
            source="def bootstrapping_loss(means, subgoal_means, weights):\n    return (weights.detach() * (means - subgoal_means.detach()) ** 2).sum(-1).mean()",
        ),
        Mutant("not squared", replace=(".square().sum(dim=-1)", ".norm(dim=-1)")),
        Mutant("weights forgotten", replace=("(weights.detach() * distance)", "distance")),
        Mutant("sum over the batch", replace=("distance).mean()", "distance).sum()")),
    ],
    "saw-objective": [
        Mutant(
            "the objective instead of the loss",
            replace=(
                "-(action_weights * log_probs).mean() + (importance * divergence).mean()",
                "(action_weights * log_probs).mean() - (importance * divergence).mean()",
            ),
        ),
        Mutant("the divergence has the wrong sign", replace=(".mean() + (importance", ".mean() - (importance")),
        Mutant(
            "α and β swapped",
            source="def saw_objective(log_probs, divergence, v, v_next, v_waypoint, alpha, beta):\n    a = (beta * (v_next - v)).exp().clamp(max=100).detach()\n    b = (alpha * (v_waypoint - v)).exp().clamp(max=100).detach()\n    return (b * divergence - a * log_probs).mean()",
        ),
        Mutant(
            "the waypoint's advantage on the action",
            source="def saw_objective(log_probs, divergence, v, v_next, v_waypoint, alpha, beta):\n    a = (alpha * (v_waypoint - v)).exp().clamp(max=100).detach()\n    b = (beta * (v_next - v)).exp().clamp(max=100).detach()\n    return (b * divergence - a * log_probs).mean()",
        ),
        Mutant(
            "unclipped weights",
            replace=("(beta * (v_waypoint - v)).exp().clamp(max=100.0)", "(beta * (v_waypoint - v)).exp()"),
        ),
        Mutant("the log-probability has the wrong sign", replace=("return -(", "return (")),
        Mutant(
            "both advantages reversed",
            source="def saw_objective(log_probs, divergence, v, v_next, v_waypoint, alpha, beta):\n    a = (alpha * (v - v_next)).exp().clamp(max=100).detach()\n    b = (beta * (v - v_waypoint)).exp().clamp(max=100).detach()\n    return (b * divergence - a * log_probs).mean()",
        ),
        Mutant("one weight for both terms", replace=("(importance * divergence)", "(action_weights * divergence)")),
        Mutant("no bootstrapping", replace=(" + (importance * divergence).mean()", "")),
        Mutant(
            "sum over the batch",
            source="def saw_objective(log_probs, divergence, v, v_next, v_waypoint, alpha, beta):\n    a = (alpha * (v_next - v)).exp().clamp(max=100).detach()\n    b = (beta * (v_waypoint - v)).exp().clamp(max=100).detach()\n    return (b * divergence - a * log_probs).sum()",
        ),
        Mutant("the waypoint's advantage from s'", replace=("(v_waypoint - v)", "(v_waypoint - v_next)")),
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
        Mutant("another loss", replace=("batch.waypoints, batch.actor_goals", "batch.subgoals, batch.value_goals")),
        Mutant("α and β swapped", source=SWAPPED),
        Mutant("the subgoal policy's temperature", replace=("agent.awr_alpha", "agent.low_alpha")),
        Mutant("the divergence has the wrong sign", replace=("one_step + bootstrap", "one_step - bootstrap")),
        Mutant("half the squared distance", replace=("one_step + bootstrap", "one_step + 0.5 * bootstrap")),
        Mutant("mean over the action dimensions", replace=(".sum(dim=-1)", ".mean(dim=-1)")),
        Mutant("other goals", replace=("batch.actor_goals", "batch.value_goals")),
        Mutant("subgoals for waypoints", replace=("batch.waypoints", "batch.subgoals")),
        Mutant(
            "values in another order",
            replace=("v, v_next, v_waypoint = values_of", "v, v_waypoint, v_next = values_of"),
        ),
        Mutant("TypeError", replace=(', {"waypoint/kld": distance.detach().mean()}', "")),
        Mutant(
            "gradient into V",
            source="""
def flat_policy_loss(agent, networks, batch):
    s, s_next, a = batch.observations, batch.next_observations, batch.actions
    w, g = batch.waypoints, batch.actor_goals
    v, v_next, v_way = (networks.value(x, networks.goal_rep(x, g)).mean(0) for x in (s, s_next, w))
    policy = agent.flat_policy(networks, s, g)
    distance = (policy.mean - networks.low_actor(s, w).mean.detach()).square().sum(-1)
    one = (agent.awr_alpha * (v_next - v)).exp().clamp(max=100)
    two = (agent.kl_alpha * (v_way - v)).exp().clamp(max=100)
    return (two * distance - one * policy.log_prob(a)).mean(), {}
""",
        ),
    ],
}

ALTERNATIVES = {
    "waypoint-weights": [
        "@torch.no_grad()\ndef waypoint_weights(v_waypoint, v, beta):\n    return torch.minimum(torch.exp(beta * (v_waypoint - v)), torch.tensor(100.0))",
    ],
    "bootstrapping-loss": [
        "def bootstrapping_loss(means, subgoal_means, weights):\n    d = means - subgoal_means.detach()\n    return torch.einsum('b,ba,ba->', weights.detach(), d, d) / len(d)",
    ],
    "saw-objective": [
        "def saw_objective(log_probs, divergence, v, v_next, v_waypoint, alpha, beta):\n    def weight(x, t):\n        return torch.exp(torch.clamp(t * (x - v), max=math.log(100.0))).detach()\n    import math\n    return torch.mean(weight(v_waypoint, beta) * divergence - weight(v_next, alpha) * log_probs)",
    ],
    "flat-policy-loss": [
        """
def flat_policy_loss(agent, networks, batch):
    s, g = batch.observations, batch.actor_goals
    with torch.no_grad():
        now, after, way = (networks.value(x, networks.goal_rep(x, g)).mean(0) for x in (s, batch.next_observations, batch.waypoints))
        teacher = networks.low_actor(s, batch.waypoints).mean
        one = ((after - now) * agent.awr_alpha).exp().clamp(max=100)
        two = ((way - now) * agent.kl_alpha).exp().clamp(max=100)
    pi = agent.flat_policy(networks, s, g)
    return (two * ((pi.mean - teacher) ** 2).sum(1) - one * pi.log_prob(batch.actions)).mean(), {}
""",
    ],
}
