"""Ways to extract a policy from a value function, on a small maze where every expectation can be enumerated.

No nets, no samples: each method's policy is the exact minimiser of its loss, given V. So what separates two methods
here is their objective alone. Cells are numbered as in `Maze.free_cells`; there are F of them, and A actions.

Index order is always s, a, w, g: state, action, waypoint, goal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from saw_edu.agents.objectives import ADVANTAGE_WEIGHT_CLIP
from saw_edu.envs import ACTIONS, GridMaze

METHODS = ("gcivl", "hiql", "hiql_drawn", "gcwae", "ris", "ris_weighed", "saw")


@dataclass(frozen=True, eq=False)
class Play:
    """Play in a maze: walks to one random cell or another, with all their probabilities.

    Each walk has a random destination, starts anywhere and follows a shortest path; with probability `noise` an
    action is replaced by a random one (as `envs.navigate` does). Goals of the far-reaching policies are cells drawn
    independently of the walk, so the data do not show the way to them: only V does. Subgoals and waypoints are the
    cells `subgoal_steps` actions later on the walk.

    Args:
        world: a grid maze that does not slip and whose cells can all reach one another.
        discount: γ.
        subgoal_steps: k.
        noise: probability of a random action.

    Raises:
        ValueError: a world that slips or falls apart, or numbers out of range.
    """

    world: GridMaze
    discount: float = 0.9
    subgoal_steps: int = 8
    noise: float = 0.5

    def __post_init__(self) -> None:
        if self.world.slip > 0:
            raise ValueError(f"values are exact only without slip: use GridMaze(slip=0), got slip={self.world.slip}")
        if len(self.world.maze.main_cells) < len(self.world.maze.free_cells):
            raise ValueError(f"the cells of {self.world.maze} cannot all reach one another: use another layout")
        if not 0 < self.discount < 1 or self.subgoal_steps < 1 or not 0 < self.noise <= 1:
            raise ValueError(
                "discount must lie between 0 and 1, subgoal_steps be at least 1, and noise lie above 0 and at most 1 "
                f"(every action must occur), got {self.discount}, {self.subgoal_steps}, {self.noise}"
            )

    @cached_property
    def distances(self) -> Tensor:
        """d(s, g): (F, F) cells on a shortest path."""
        return self.world.maze.tables()["all_pairs"].double()

    @cached_property
    def values(self) -> Tensor:
        """V(s, g) = -(1 - γ^d) / (1 - γ): (F, F), exact for a reward of -1 a step until the goal is reached."""
        return -(1 - self.discount**self.distances) / (1 - self.discount)

    @cached_property
    def after(self) -> Tensor:
        """The cell after an action: (F, A)."""
        return self.world.transitions().argmax(-1)

    @cached_property
    def right(self) -> Tensor:
        """Whether an action leads closer to the goal: (F, A, F) bool."""
        return self.distances[self.after] < self.distances[:, None]

    @cached_property
    def _policies(self) -> Tensor:
        """What a walk to each destination does: (C, F, A)."""
        cells = len(self.after)
        every = self.world.maze.tables()["free_cells"]
        towards = self.world.oracle(every.repeat(cells, 1), every.repeat_interleave(cells, 0)).reshape(cells, cells)
        oracle = F.one_hot(towards, len(ACTIONS)).double()  # destination, cell, action
        return (1 - self.noise) * oracle + self.noise / len(ACTIONS)

    @cached_property
    def _steps(self) -> Tensor:
        """Where one action of a walk to each destination leads: (C, F, F)."""
        moves = F.one_hot(self.after, len(self.after)).double()  # (F, A, F)
        return torch.einsum("csa,sat->cst", self._policies, moves)

    @cached_property
    def _joint(self) -> Tensor:
        """P(a, w | s): (F, A, F), the first action of a walk and its cell k actions later; destinations summed out."""
        onward = torch.linalg.matrix_power(self._steps, self.subgoal_steps - 1)  # (C, F, F)
        return torch.einsum("csa,csaw->saw", self._policies, onward[:, self.after]) / len(self.after)

    @cached_property
    def action_prior(self) -> Tensor:
        """μ(a | s): (F, A), what the walks do at a cell."""
        return self._joint.sum(-1)

    @cached_property
    def waypoint_prior(self) -> Tensor:
        """p(w | s): (F, F), where the walks are k actions later."""
        return self._joint.sum(1)

    @cached_property
    def subgoal_action_prior(self) -> Tensor:
        """μ(a | s, w): (F, A, F), what those walks did that were at w k actions later; μ(a | s) where none were."""
        reached = self.waypoint_prior[:, None]
        return torch.where(reached > 0, self._joint / reached, self.action_prior[..., None])

    def hindsight_prior(self) -> Tensor:
        """p(w | s, g) where g lies on the walk too: (F, F, F), index order s, w, g; zero where no walk from s meets g.

        The goal is a state at or after w, so many steps later as a geometric number with mean γ / (1 - γ) says.
        """
        cells = len(self.after)
        later = (1 - self.discount) * torch.linalg.inv(torch.eye(cells).double() - self.discount * self._steps)
        ahead = torch.linalg.matrix_power(self._steps, self.subgoal_steps)
        joint = torch.einsum("csw,cwg->swg", ahead, later)
        return joint / joint.sum(1, keepdim=True).clamp(min=1e-300)


def noisy_values(play: Play, size: float, reach: float, seeds: int, generator: torch.Generator) -> Tensor:
    """V plus normal errors of standard deviation `size`, for several seeds: (S, F, F).

    Errors for different goals are independent. Those at two cells are too if `reach` is 0. Else each is a sum of
    independent ones over the maze, weighed by e^{-d / reach}, so that neighbours err alike, as in a net.

    Raises:
        ValueError: a negative size or reach, or no seed.
    """
    if size < 0 or reach < 0 or seeds < 1:
        raise ValueError(f"size and reach must be at least 0 and seeds at least 1, got {size}, {reach}, {seeds}")
    errors = torch.randn((seeds, *play.values.shape), generator=generator, dtype=torch.float64)
    if reach > 0:
        spread = (-play.distances / reach).exp()
        errors = spread / spread.norm(dim=1, keepdim=True) @ errors
    return play.values + size * errors


def subgoal_policy(play: Play, values: Tensor, alpha: float = 3.0) -> Tensor:
    """π_sub(a | s, w) ∝ μ(a | s, w) e^{α A(s, a, w)}: (S, F, F), the values, -> (S, F, A, F)."""
    advantages = values[:, play.after] - values[:, :, None]
    return _normalised(play.subgoal_action_prior * _weights(advantages, alpha), dim=2)


def extract(
    play: Play, values: Tensor, alpha: float = 3.0, beta: float = 3.0, prior_weight: float = 3.0
) -> dict[str, Tensor]:
    """The exact policy of each of `METHODS` for given values. Weights are clipped at 100, as in the agents.

    With u_a = μ(a|s) e^{α A(s,a,g)}, u_w = p(w|s) e^{β A(s,w,g)} and ŵ the waypoint of the largest u_w (a generator's
    best guess), π(a | s, g) is proportional to

    - gcivl: u_a, the minimiser of advantage-weighted regression;
    - hiql: π_sub(a | s, ŵ);
    - hiql_drawn: Σ_w u_w π_sub(a | s, w), what two levels do whose upper one draws w from its weights;
    - gcwae: μ(a|s) e^{α A(s,a,ŵ)};
    - ris: u_a + prior_weight π_sub(a | s, ŵ);
    - ris_weighed: u_a + e^{β A(s,ŵ,g)} π_sub(a | s, ŵ), as the released code has it for whole states as subgoals;
    - saw: u_a + Σ_w u_w π_sub(a | s, w).

    The last three minimise -Σ_a u_a log π(a) + Σ_w c_w KL(π_sub(· | s, w) ‖ π), the direction of SAW's released code
    (c_w = u_w; for RIS its factor at ŵ). Where its gradient vanishes, π is the mixture of all that it imitates.

    Args:
        play: the maze and its data.
        values: V(s, g) of every seed, (S, F, F).
        alpha: inverse temperature of actions, also of π_sub.
        beta: inverse temperature of waypoints (HIQL's beta, SAW's prior_weight).
        prior_weight: the factor of RIS's divergence (of "ris" alone).

    Returns:
        For each method π(a | s, g): (S, F, A, F).

    Raises:
        ValueError: values of another shape.
    """
    if values.ndim != 3 or values.shape[1:] != play.values.shape:
        raise ValueError(f"values must be (seeds, {len(play.after)}, {len(play.after)}), got {tuple(values.shape)}")
    teacher = subgoal_policy(play, values, alpha)  # (S, F, A, F)
    rows: dict[str, list[Tensor]] = {name: [] for name in METHODS}
    for s in range(len(play.after)):  # one at a time: together they would fill the memory
        near = play.waypoint_prior[s].nonzero().squeeze(1)  # (W,) the waypoints that occur
        action_weights = _weights(values[:, play.after[s]] - values[:, s, None], alpha)  # (S, A, F)
        u_a = play.action_prior[s][:, None] * action_weights  # (S, A, F)
        importance = _weights(values[:, near] - values[:, s, None], beta)  # (S, W, F)
        u_w = play.waypoint_prior[s, near, None] * importance
        sub = teacher[:, s][..., near]  # (S, A, W)
        best = u_w.argmax(1, keepdim=True)  # (S, 1, F)
        factor, best = importance.gather(1, best), best.expand_as(u_a)
        hiql, drawn = sub.gather(2, best), sub @ u_w
        rows["gcivl"].append(u_a)
        rows["hiql"].append(hiql)
        rows["gcwae"].append(play.action_prior[s][:, None] * action_weights.gather(2, near[best]))
        rows["ris"].append(u_a + prior_weight * hiql)
        rows["ris_weighed"].append(u_a + factor * hiql)
        rows["hiql_drawn"].append(drawn)
        rows["saw"].append(u_a + drawn)
    return {name: _normalised(torch.stack(found, 1), dim=2) for name, found in rows.items()}


def right_by_distance(play: Play, policy: Tensor) -> Tensor:
    """How often the likeliest action leads closer to the goal: (S, F, A, F) -> (S, D), for distances 1 ... D cells."""
    chosen = policy.argmax(2, keepdim=True)  # (S, F, 1, F)
    right = play.right.expand_as(policy).gather(2, chosen).squeeze(2).double()  # (S, F, F)
    far = range(1, play.world.maze.diameter + 1)
    return torch.stack([right[:, play.distances == d].mean(1) for d in far], 1)


def _weights(advantages: Tensor, temperature: float) -> Tensor:
    return (temperature * advantages).exp().clamp(max=ADVANTAGE_WEIGHT_CLIP)


def _normalised(weights: Tensor, dim: int) -> Tensor:
    return weights / weights.sum(dim, keepdim=True)
