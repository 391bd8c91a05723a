"""DIAYN: skills without rewards, in one file with its own loop (Eysenbach et al., 2019, arXiv:1802.06070).

A skill is a number z that a policy is told. A discriminator q(z | s) guesses z from the states that the policy visits,
and the policy's reward is how well it can be guessed: log q(z | s) - log p(z). On average over skills and states that
is a lower bound of the mutual information I(s; z) (section 3 there).

The paper trains the policy with soft actor-critic. Actions are few here, so the soft policy is known in closed form,
softmax(Q / α), and no actor is needed: soft Q-learning with V = α log Σ_a exp(Q / α) (Haarnoja et al., 2017).
As in the published code, p(z) is fixed and uniform, rewards are those of the present discriminator, and α = 0.1.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from saw_edu.data.replay import Replay
from saw_edu.envs import PointMaze
from saw_edu.nn.mlp import MLP
from saw_edu.place import whole_file

COMPASS = torch.tensor(
    [[0.0, 0.0], *([math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)] for k in range(8))]
)  # (9, 2): stand still, or go in one of eight directions
Reward = Callable[[Tensor, Tensor], Tensor]  # logits (B, Z) of q, skills (B,) -> rewards (B,)


@dataclass(frozen=True)
class DIAYNConfig:
    """Settings of DIAYN. In brackets: those of the published code, for robots of many joints."""

    skills: int = 16  # |Z| [50]
    horizon: int = 25  # steps of an episode, during which a skill is kept [1000]
    alpha: float = 0.1  # the weight of the policy's entropy [0.1]
    discount: float = 0.95  # γ [0.99]
    learning_rate: float = 1e-3  # of Q and of the discriminator [3e-4]
    tau: float = 0.02  # by which the target net follows, each update [0.01]
    hidden: tuple[int, ...] = (64, 64)  # [300, 300]
    worlds: int = 64  # stepped together [1]
    batch_size: int = 256  # transitions in an update [128]
    capacity: int = 50_000  # transitions in the replay buffer

    def __post_init__(self) -> None:
        if self.skills < 2 or self.horizon < 1 or self.worlds < 1 or self.batch_size < 1:
            raise ValueError("DIAYN needs at least two skills, and horizon, worlds and batch_size of at least 1")
        if self.alpha <= 0 or not 0 <= self.discount < 1 or self.capacity < self.worlds:
            raise ValueError("DIAYN needs alpha > 0, a discount from 0 to below 1, and a capacity of at least `worlds`")


def diversity_reward(logits: Tensor, skills: Tensor) -> Tensor:
    """log q(z | s) - log p(z) for uniform p(z): logits (B, Z), skills (B,) -> (B,), at most log Z (equation 3)."""
    return -F.cross_entropy(logits, skills, reduction="none") + math.log(logits.shape[-1])


class Skills:
    """Policies that share a net and are told apart by a number: softmax(Q(s, z, ·) / α).

    Args:
        world: where; a state's features are its observation, scaled to [-1, 1] if the world's features are "scaled".
        q: (B, observation + Z) -> (B, 9).
        number: Z.
        alpha: α; 0 takes the best action.
    """

    def __init__(self, world: PointMaze, q: nn.Module, number: int, alpha: float) -> None:
        self.world, self.q, self.number, self.alpha = world, q, number, alpha

    def inputs(self, states: Tensor, skills: Tensor) -> Tensor:
        """What Q is given: observations and one-hot skills, (B, observation + Z)."""
        return torch.cat([self.world.observe(states), F.one_hot(skills, self.number).float()], -1)

    @torch.no_grad()
    def act(self, states: Tensor, skills: Tensor, generator: torch.Generator) -> Tensor:
        """Indices (B,) of drawn actions, for states (B, 2) and skills (B,)."""
        values = self.q(self.inputs(states, skills))  # (B, 9)
        if self.alpha == 0:
            return values.argmax(-1)
        return torch.multinomial((values / self.alpha).softmax(-1), 1, generator=generator)[:, 0]

    def roll_out(self, starts: Tensor, skills: Tensor, steps: int, generator: torch.Generator) -> Tensor:
        """Let skills (B,) act from starts (B, 2): states (B, steps + 1, 2), the start included."""
        states = [starts]
        for _ in range(steps):
            states.append(self.world.step(states[-1], COMPASS[self.act(states[-1], skills, generator)]))
        return torch.stack(states, 1)


class DIAYN:
    """The agent, its replay buffer and its worlds. `train` goes on from wherever it stands.

    Args:
        world: a point maze without teleports.
        start: (2,) where every episode begins.
        config: settings.
        seed: of the one generator from which all is drawn.
        reward: what the policy is rewarded with; another one than DIAYN's for experiments.
    """

    def __init__(
        self,
        world: PointMaze,
        start: Tensor,
        config: DIAYNConfig | None = None,
        *,
        seed: int,
        reward: Reward = diversity_reward,
    ) -> None:
        self.config = config = config or DIAYNConfig()
        if start.shape != (2,):
            raise ValueError(f"start is one position, a tensor of shape (2,), got {tuple(start.shape)}")
        world.index(start[None])  # says so if it lies in a wall
        self.world, self.start, self.reward = world, start, reward
        self.generator = torch.Generator().manual_seed(seed)
        observation = world.spec.observation_dim
        self.q = MLP(observation + config.skills, [*config.hidden, len(COMPASS)], self.generator)
        self.target = copy.deepcopy(self.q).requires_grad_(False)
        self.discriminator = MLP(observation, [*config.hidden, config.skills], self.generator)
        networks = [*self.q.parameters(), *self.discriminator.parameters()]
        self.optimizer = torch.optim.Adam(networks, lr=config.learning_rate)  # they share no gradient
        self.replay = Replay(config.capacity)
        self.skills = Skills(world, self.q, config.skills, config.alpha)
        self.states = start.expand(config.worlds, 2).clone()
        self.zs = self._draw_skills()
        self.ages = torch.randint(config.horizon, (config.worlds,), generator=self.generator)  # so that ends spread out
        self.updates = 0
        self.rewards: list[float] = []  # the mean reward of each update's batch: the bound on I(s; z), in nats

    def _draw_skills(self) -> Tensor:
        return torch.randint(self.config.skills, (self.config.worlds,), generator=self.generator)

    def train(self, updates: int, progress: bool = True) -> list[float]:
        """Each of `updates` times: one step in every world, one update. Returns all mean rewards so far.

        Can be interrupted: what was learned stays, and another call goes on.
        """
        with tqdm(total=updates, desc="DIAYN", disable=not progress) as bar:
            for _ in range(updates):
                self._step_worlds()
                self.rewards.append(self._update())
                self.updates += 1
                bar.update()
                if self.updates % 50 == 0:
                    bar.set_postfix_str(f"log q - log p = {self.rewards[-1]:.2f} of {math.log(self.config.skills):.2f}")
        return self.rewards

    def _step_worlds(self) -> None:
        actions = self.skills.act(self.states, self.zs, self.generator)
        after = self.world.step(self.states, COMPASS[actions])
        self.ages += 1
        ends = self.ages >= self.config.horizon
        self.replay.add(states=self.states, skills=self.zs, actions=actions, next_states=after)
        self.states = torch.where(ends[:, None], self.start, after)
        self.zs = torch.where(ends, self._draw_skills(), self.zs)
        self.ages = torch.where(ends, 0, self.ages)

    def _update(self) -> float:
        """One step of Adam for Q and for the discriminator. An episode's end is a matter of time: Q looks beyond it."""
        config, batch = self.config, self.replay.sample(self.config.batch_size, self.generator)
        skills = batch["skills"]
        logits = self.discriminator(self.world.observe(batch["next_states"]))  # (B, Z)
        with torch.no_grad():
            rewards = self.reward(logits, skills)  # (B,)
            ahead = self.target(self.skills.inputs(batch["next_states"], skills))  # (B, 9)
            soft_value = config.alpha * (ahead / config.alpha).logsumexp(-1)  # (B,)
            targets = rewards + config.discount * soft_value
        values = self.q(self.skills.inputs(batch["states"], skills))
        chosen = values.gather(1, batch["actions"][:, None])[:, 0]  # (B,)
        loss = F.mse_loss(chosen, targets) + F.cross_entropy(logits, skills)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.q.parameters(), strict=True):
                slow.lerp_(fast, config.tau)
        return float(rewards.mean())

    def state_dict(self) -> dict[str, Any]:
        """Everything that `load_state_dict` needs to go on to the bit as if nothing had happened."""
        return {
            "config": asdict(self.config),
            "networks": {name: getattr(self, name).state_dict() for name in ("q", "target", "discriminator")},
            "optimizer": self.optimizer.state_dict(),
            "replay": self.replay.state_dict(),
            "generator": self.generator.get_state(),
            "worlds": {"states": self.states, "zs": self.zs, "ages": self.ages},
            "updates": self.updates,
            "rewards": list(self.rewards),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state. Raises ValueError if it is one of other settings."""
        if state["config"] != asdict(self.config):
            raise ValueError(f"this checkpoint was made with {state['config']}, not with {asdict(self.config)}")
        state = copy.deepcopy(state)
        for name, saved in state["networks"].items():
            getattr(self, name).load_state_dict(saved)
        self.optimizer.load_state_dict(state["optimizer"])
        self.replay.load_state_dict(state["replay"])
        self.generator.set_state(state["generator"])
        self.states, self.zs, self.ages = (state["worlds"][name] for name in ("states", "zs", "ages"))
        self.updates, self.rewards = state["updates"], state["rewards"]

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        with whole_file(path) as file:
            torch.save(self.state_dict(), file)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint that `save` wrote."""
        self.load_state_dict(torch.load(path, weights_only=True))


def information(
    world: PointMaze, states: Tensor, skills: Tensor, number: int, generator: torch.Generator, updates: int = 400
) -> float:
    """A lower bound of I(s; z) in nats, by a fresh discriminator: trained on one half of them, asked on the other.

    Args:
        world: whose observations it sees.
        states: (B, ..., 2) states, in which skills are to be told apart; rows in no order.
        skills: (B,) which skill made them, drawn uniformly.
        number: Z.
        generator: for the net and its batches.
        updates: of the discriminator, 256 states each.
    """
    observations = world.observe(states.reshape(-1, 2))
    labels = skills.repeat_interleave(len(observations) // len(skills))
    half = len(skills) // 2 * (len(observations) // len(skills))
    net = MLP(observations.shape[-1], [64, 64, number], generator)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(updates):
        rows = torch.randint(half, (256,), generator=generator)
        loss = F.cross_entropy(net(observations[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        return float(diversity_reward(net(observations[half:]), labels[half:]).mean())
