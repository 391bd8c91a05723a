"""HIRO: state subgoals between two levels of TD3, in one file (Nachum et al., 2018, arXiv:1805.08296).

Every c steps the high level gives a *relative* goal g: "be here plus g". The low level is paid for coming near it,
-||s + g - s'||, and knows nothing of the task. Between two decisions the goal moves with the state, h(s, g, s') =
s + g - s', so that the place that is asked for stays the same.

The high level learns from old experience, in which an older low level carried out its goals: "g led to s'" may be true
no longer. The off-policy correction replaces g by the one of ten candidates under which the *present* low level would
most likely have acted as the old one did: the old g, the change that was achieved, and 8 draws around that change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from saw_edu.data.replay import Replay
from saw_edu.envs import PointMaze
from saw_edu.hierarchy.td3 import TD3, Goals, ReachConfig, Reacher, Target, TD3Config, td3_target
from saw_edu.place import did_you_mean

CORRECTIONS = ("hiro", "achieved", "none")
Low = Callable[[Tensor, Tensor], Tensor]  # states (B, 2), relative goals (B, 2) -> actions (B, 2)


@dataclass(frozen=True)
class HIROConfig:
    """Settings of the hierarchy. In brackets: those of the published code, for a simulated ant."""

    every: int = 5  # c: steps between two decisions of the high level [10]
    reach: float = 10.0  # the farthest relative goal along x and along y, in maze units [10]
    goal_noise: float = 1.0  # exploration of the high level, as a share of `reach` [0.1: 1.0 of 10 units]
    low_updates: int = 2  # of the low level for one of the high level [10]
    correction: str = "hiro"  # "achieved": always the change that was achieved; "none": the goal as it was given
    candidates: int = 8  # draws around the achieved change [8]
    spread: float = 0.5  # their standard deviation, as a share of `reach` [0.5]

    def __post_init__(self) -> None:
        if self.correction not in CORRECTIONS:
            hint = did_you_mean(self.correction, CORRECTIONS)
            raise ValueError(f"correction is one of {', '.join(CORRECTIONS)}, got {self.correction!r}{hint}")
        if self.every < 1 or self.reach <= 0 or self.candidates < 0 or min(self.goal_noise, self.spread) < 0:
            raise ValueError("HIRO needs every >= 1, reach > 0, and candidates, goal_noise and spread of at least 0")


def move_goal(states: Tensor, goals: Tensor, next_states: Tensor) -> Tensor:
    """h(s, g, s') = s + g - s': the same place, seen from where one is now; all (..., 2)."""
    return states + goals - next_states


def goals_along(states: Tensor, goals: Tensor) -> Tensor:
    """What a first goal (..., 2) becomes along states (..., T, 2): (..., T, 2)."""
    return states[..., :1, :] + goals[..., None, :] - states


def draw_candidates(
    states: Tensor, goals: Tensor, ends: Tensor, config: HIROConfig, generator: torch.Generator
) -> Tensor:
    """Goals that may explain a stretch: the given one, the achieved change, and draws around that.

    Args:
        states: (B, 2) where it began.
        goals: (B, 2) what was asked for.
        ends: (B, 2) where it ended.
        config: how many draws, how wide, and where goals are cut.
        generator: of the draws.

    Returns:
        (B, 2 + candidates, 2), the given goal first, the achieved change second.
    """
    change = (ends - states)[:, None]  # (B, 1, 2)
    noise = torch.randn(len(states), config.candidates, 2, generator=generator) * (config.spread * config.reach)
    return torch.cat([goals[:, None], change, change + noise], 1).clamp(-config.reach, config.reach)


def likeliest(states: Tensor, actions: Tensor, candidates: Tensor, low: Low, valid: Tensor | None = None) -> Tensor:
    """Of candidate goals, the one under which the low level's actions come nearest to those that were taken.

    With equal noise in every direction, the log-probability of an action is -½ |a - μ|² and a constant, so the
    likeliest goal has the least sum of squared differences.

    Args:
        states: (B, T, 2) before each action.
        actions: (B, T, 2) taken.
        candidates: (B, K, 2) relative goals at the first state.
        low: the present low level, without noise.
        valid: (B, T) bool, which steps count; all where it is not given.

    Returns:
        (B, 2).
    """
    rows, number = candidates.shape[:2]
    along = states[:, None].expand(rows, number, *states.shape[1:])  # (B, K, T, 2)
    moved = goals_along(along, candidates)
    would = low(along.reshape(-1, 2), moved.reshape(-1, 2)).view(along.shape)
    misses = (actions[:, None] - would).square().sum(-1)  # (B, K, T)
    if valid is not None:
        misses = misses * valid[:, None]
    best = misses.sum(-1).argmin(-1)  # (B,)
    return candidates[torch.arange(rows), best]


class HIRO(Reacher):
    """Two levels of TD3. A round is one decision of the high level, c steps in every world, c updates of the low level
    and one of the high level, as in the published code. Arguments are `Reacher`'s; `hierarchy` are HIRO's own.
    """

    def __init__(
        self,
        world: PointMaze,
        starts: Goals,
        goals: Goals,
        hierarchy: HIROConfig | None = None,
        config: TD3Config | None = None,
        play: ReachConfig | None = None,
        *,
        seed: int,
        target: Target = td3_target,
    ) -> None:
        super().__init__(world, starts, goals, config or TD3Config(), play or ReachConfig(noise=0.3), seed=seed)
        self.hierarchy = hierarchy or HIROConfig()
        if self.play.horizon % self.hierarchy.every:
            raise ValueError(f"the horizon {self.play.horizon} must be a multiple of every={self.hierarchy.every}")
        observed = world.spec.observation_dim
        self.high = TD3(2 * observed, 2, self.config, self.generator, target)
        self.low = TD3(observed + 2, 2, self.config, self.generator, target)
        self.high_replay, self.low_replay = Replay(self.play.capacity), Replay(self.play.capacity)

    def parts(self) -> dict[str, TD3 | Replay]:
        """Both levels and their memories."""
        return {"high": self.high, "low": self.low, "high replay": self.high_replay, "low replay": self.low_replay}

    def high_inputs(self, states: Tensor, goals: Tensor) -> Tensor:
        """Observations of states and of the task's goals, (B, 2 * observation)."""
        return torch.cat([self.world.observe(states), self.world.observe(goals)], -1)

    def low_inputs(self, states: Tensor, goals: Tensor) -> Tensor:
        """Observations and relative goals, scaled by `reach`: (B, observation + 2)."""
        return torch.cat([self.world.observe(states), goals / self.hierarchy.reach], -1)

    @torch.no_grad()
    def carry_out(self, states: Tensor, goals: Tensor) -> Tensor:
        """The low level's actions without noise, for states and relative goals (B, 2)."""
        return self.low.act(self.low_inputs(states, goals))

    @torch.no_grad()
    def propose(self, states: Tensor, goals: Tensor) -> Tensor:
        """The high level's relative goals without noise, for states and the task's goals (B, 2)."""
        return self.high.act(self.high_inputs(states, goals)) * self.hierarchy.reach

    def round(self) -> Tensor:
        """One decision in every world, carried out and stored; then updates."""
        arrived = self._play()
        for step in range(self.hierarchy.every):
            self._update_low()
            if step % self.hierarchy.low_updates == 0:
                self._update_high()
        return arrived

    def _play(self) -> Tensor:
        hierarchy, play, generator = self.hierarchy, self.play, self.generator
        size = (play.worlds, 2)
        noise = torch.randn(size, generator=generator) * hierarchy.goal_noise
        if self.rounds * hierarchy.every >= play.random_steps:
            noise = noise + self.propose(self.states, self.targets) / hierarchy.reach
        given = noise.clamp(-1, 1) * hierarchy.reach
        goals, running = given, torch.ones(play.worlds, dtype=torch.bool)
        path, taken, counted = [self.states], list[Tensor](), list[Tensor]()
        for _ in range(hierarchy.every):
            states = path[-1]
            actions = (self.carry_out(states, goals) + torch.randn(size, generator=generator) * play.noise).clamp(-1, 1)
            after = torch.where(running[:, None], self.world.step(states, actions), states)
            moved = move_goal(states, goals, after)
            rows = {"states": states, "goals": goals, "actions": actions, "next_states": after, "next_goals": moved}
            self.low_replay.add(**{name: row[running] for name, row in rows.items()}) if running.any() else None
            path, taken, counted = [*path, after], [*taken, actions], [*counted, running]
            goals, running = moved, running & ~self.world.reached(after, self.targets)
        along = torch.stack(path, 1)  # (worlds, c + 1, 2)
        self.high_replay.add(
            paths=along, actions=torch.stack(taken, 1), counted=torch.stack(counted, 1), goals=self.targets,
            given=given, rewards=(~running).float(),
        )  # fmt: skip
        self.states, self.ages = path[-1], self.ages + hierarchy.every
        self.begin_anew(~running | (self.ages >= play.horizon))
        return ~running

    def _update_low(self) -> None:
        batch = self.low_replay.sample(self.config.batch_size, self.generator)
        rewards = -batch["next_goals"].norm(dim=-1) / self.hierarchy.reach  # -||s + g - s'||, in units of `reach`
        self.low.update(
            self.low_inputs(batch["states"], batch["goals"]),
            batch["actions"],
            rewards,
            self.low_inputs(batch["next_states"], batch["next_goals"]),
            torch.zeros_like(rewards, dtype=torch.bool),  # a goal's time is up, but nothing ends
        )

    def _update_high(self) -> None:
        batch = self.high_replay.sample(self.config.batch_size, self.generator)
        first, last = batch["paths"][:, 0], batch["paths"][:, -1]
        self.high.update(
            self.high_inputs(first, batch["goals"]),
            self.corrected(batch) / self.hierarchy.reach,
            batch["rewards"],
            self.high_inputs(last, batch["goals"]),
            batch["rewards"] > 0,
        )

    def corrected(self, batch: dict[str, Tensor]) -> Tensor:
        """The relative goals (B, 2) with which stretches of old experience are learned from."""
        paths, given = batch["paths"], batch["given"]
        if self.hierarchy.correction == "none":
            return given
        candidates = draw_candidates(paths[:, 0], given, paths[:, -1], self.hierarchy, self.generator)
        if self.hierarchy.correction == "achieved":
            return candidates[:, 1]
        return likeliest(paths[:, :-1], batch["actions"], candidates, self.carry_out, batch["counted"])

    @torch.no_grad()
    def roll_out(self, starts: Tensor, goals: Tensor, steps: int) -> Tensor:
        """Both actors from starts (B, 2): states (B, steps + 1, 2); whoever has arrived stands still."""
        path, asked = [starts], torch.zeros_like(starts)
        for step in range(steps):
            states = path[-1]
            if step % self.hierarchy.every == 0:
                asked = self.propose(states, goals)
            after = self.world.step(states, self.carry_out(states, asked))
            after = torch.where(self.world.reached(states, goals)[:, None], states, after)
            asked = move_goal(states, asked, after)
            path.append(after)
        return torch.stack(path, 1)

    def state_dict(self) -> dict[str, Any]:
        """As `Reacher`'s, with HIRO's settings."""
        state = super().state_dict()
        return {**state, "settings": [*state["settings"], vars(self.hierarchy)]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As `Reacher`'s."""
        if state["settings"][2] != vars(self.hierarchy):
            raise ValueError(f"this checkpoint was made with {state['settings'][2]}, not with {vars(self.hierarchy)}")
        super().load_state_dict({**state, "settings": state["settings"][:2]})
