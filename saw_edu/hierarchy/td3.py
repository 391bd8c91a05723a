"""TD3: a deterministic actor and two critics, in one file with its own loop (Fujimoto et al., 2018, arXiv:1802.09477).

Each critic learns the target r + γ min(Q1, Q2), where the smaller of two target critics judges the target actor's
action with a little clipped noise on it; the actor climbs the first critic, once in two updates. As in the published
code, the target actor's noise is N(0, 0.2) cut at 0.5, for actions in [-1, 1].

`TD3` is that rule for vectors; `GoalTD3` is the flat agent that reaches goals with it. HIRO uses `TD3` at both levels.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from saw_edu.data.replay import Replay
from saw_edu.envs import PointMaze
from saw_edu.nn.mlp import MLP
from saw_edu.place import whole_file

Target = Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]
Goals = Callable[[int, torch.Generator], Tensor]  # how many, drawn by what -> goal states (B, 2)


@dataclass(frozen=True)
class TD3Config:
    """Settings of the rule. In brackets: those of the published code of TD3."""

    discount: float = 0.99  # γ [0.99]
    learning_rate: float = 1e-3  # of actor and critics [3e-4]
    tau: float = 0.01  # by which target nets follow, at each actor's update [0.005]
    actor_every: int = 2  # updates of the critics for one of the actor [2]
    smoothing: float = 0.2  # noise on the target actor's actions [0.2] ...
    smoothing_clip: float = 0.5  # ... and where it is cut [0.5]
    hidden: tuple[int, ...] = (64, 64)  # [256, 256]
    batch_size: int = 128  # [256]

    def __post_init__(self) -> None:
        if not 0 <= self.discount < 1 or not 0 < self.tau <= 1 or min(self.actor_every, self.batch_size) < 1:
            raise ValueError("TD3 needs 0 <= discount < 1, 0 < tau <= 1, actor_every and batch_size of at least 1")


def td3_target(rewards: Tensor, ends: Tensor, q1: Tensor, q2: Tensor, discount: float) -> Tensor:
    """What both critics should say: (B,) rewards, ends (bool: nothing follows), target critics' values -> (B,)."""
    return rewards + discount * (~ends) * torch.minimum(q1, q2)


class TD3:
    """An actor (B, inputs) -> (B, actions) in [-1, 1], its two critics, their targets and optimisers.

    Args:
        inputs: numbers in an observation, goal included.
        actions: numbers in an action.
        config: settings.
        generator: of the first weights and the smoothing noise.
        target: how the critics' target is computed; another one than `td3_target` for experiments.
    """

    NETWORKS = ("actor", "critics", "target_actor", "target_critics")

    def __init__(
        self, inputs: int, actions: int, config: TD3Config, generator: torch.Generator, target: Target = td3_target
    ) -> None:
        self.config, self.generator, self.target = config, generator, target
        self.actor = MLP(inputs, [*config.hidden, actions], generator)
        self.critics = MLP(inputs + actions, [*config.hidden, 1], generator, ensemble=2)
        self.target_actor = copy.deepcopy(self.actor).requires_grad_(False)
        self.target_critics = copy.deepcopy(self.critics).requires_grad_(False)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=config.learning_rate)
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(), lr=config.learning_rate)
        self.updates = 0

    def act(self, inputs: Tensor) -> Tensor:
        """The actor's actions, without noise."""
        return self.actor(inputs).tanh()

    def value(self, inputs: Tensor, actions: Tensor) -> Tensor:
        """Both critics: (2, B)."""
        values: Tensor = self.critics(torch.cat([inputs, actions], -1))[..., 0]
        return values

    def update(self, inputs: Tensor, actions: Tensor, rewards: Tensor, next_inputs: Tensor, ends: Tensor) -> float:
        """One step of Adam for the critics, and once in `actor_every` one for the actor. Returns the critics' loss.

        Args:
            inputs: (B, inputs).
            actions: (B, actions) in [-1, 1].
            rewards: (B,).
            next_inputs: (B, inputs).
            ends: (B,) bool, where nothing follows. An episode that only ran out of time does not end in this sense.
        """
        config = self.config
        with torch.no_grad():
            noise = torch.randn(actions.shape, generator=self.generator) * config.smoothing
            noise = noise.clamp(-config.smoothing_clip, config.smoothing_clip)
            ahead = (self.target_actor(next_inputs).tanh() + noise).clamp(-1, 1)
            q1, q2 = self.target_critics(torch.cat([next_inputs, ahead], -1))[..., 0]
            targets = self.target(rewards, ends, q1, q2, config.discount)  # (B,)
        loss = F.mse_loss(self.value(inputs, actions), targets.expand(2, -1))
        self.critic_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic_optimizer.step()
        self.updates += 1
        if self.updates % config.actor_every == 0:
            self._improve_actor(inputs)
        return float(loss.detach())

    def _improve_actor(self, inputs: Tensor) -> None:
        gain = self.value(inputs, self.act(inputs))[0].mean()
        self.actor_optimizer.zero_grad()
        (-gain).backward()  # type: ignore[no-untyped-call]
        self.actor_optimizer.step()
        with torch.no_grad():
            for slow, fast in ((self.target_actor, self.actor), (self.target_critics, self.critics)):
                for behind, ahead in zip(slow.parameters(), fast.parameters(), strict=True):
                    behind.lerp_(ahead, self.config.tau)

    def state_dict(self) -> dict[str, Any]:
        """Networks, optimisers and the count of updates; the generator belongs to the agent."""
        return {
            "networks": {name: getattr(self, name).state_dict() for name in self.NETWORKS},
            "optimizers": [self.actor_optimizer.state_dict(), self.critic_optimizer.state_dict()],
            "updates": self.updates,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; it is copied."""
        state = copy.deepcopy(state)
        for name in self.NETWORKS:
            getattr(self, name).load_state_dict(state["networks"][name])
        for optimizer, saved in zip((self.actor_optimizer, self.critic_optimizer), state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.updates = state["updates"]


@dataclass(frozen=True)
class ReachConfig:
    """How an agent plays: shared by the flat agent and HIRO."""

    worlds: int = 32  # stepped together
    horizon: int = 50  # steps after which an episode is cut off
    random_steps: int = 500  # in each world, before the actor is asked [TD3: 25,000 in one world]
    capacity: int = 200_000  # rows of a replay buffer [HIRO: 200,000]
    noise: float = 1.0  # standard deviation of exploration, for actions in [-1, 1] [HIRO: 1.0, in its action's units]
    hold: int = 1  # decisions for which the flat agent's noise is kept
    repeat: int = 1  # steps for which a decision of the flat agent is carried out

    def __post_init__(self) -> None:
        if min(self.worlds, self.horizon, self.capacity, self.hold, self.repeat) < 1 or self.noise < 0:
            raise ValueError("worlds, horizon, capacity, hold and repeat must be at least 1, and noise at least 0")


class Reacher:
    """What the flat agent and HIRO share: worlds, goals, episodes, checkpoints. `train` goes on from where it stands.

    The reward is sparse: 1 in the step that reaches the goal, where the episode ends, and 0 otherwise.

    Args:
        world: a point maze without teleports.
        starts: draws where episodes begin.
        goals: draws what they should reach.
        config: settings of the rule.
        play: settings of the play.
        seed: of the one generator from which all is drawn.
    """

    def __init__(
        self, world: PointMaze, starts: Goals, goals: Goals, config: TD3Config, play: ReachConfig, *, seed: int
    ) -> None:
        self.world, self.starts, self.goals, self.config, self.play = world, starts, goals, config, play
        self.generator = torch.Generator().manual_seed(seed)
        self.states = starts(play.worlds, self.generator)
        self.targets = goals(play.worlds, self.generator)
        self.ages = torch.zeros(play.worlds, dtype=torch.int64)
        self.rounds = 0
        self.arrivals: list[float] = []  # in each round, how many episodes reached their goal, for each world

    def round(self) -> Tensor:
        """Steps in all worlds, then updates. Which worlds arrived: (worlds,) bool."""
        raise NotImplementedError

    def roll_out(self, starts: Tensor, goals: Tensor, steps: int) -> Tensor:
        """The agent without noise from starts (B, 2): states (B, steps + 1, 2); whoever has arrived stands still."""
        raise NotImplementedError

    def train(self, rounds: int, progress: bool = True) -> list[float]:
        """Play and learn for so many rounds more. Returns the arrivals of all rounds so far. Can be interrupted."""
        with tqdm(total=rounds, desc=type(self).__name__, disable=not progress) as bar:
            for _ in range(rounds):
                self.arrivals.append(float(self.round().float().mean()))
                self.rounds += 1
                bar.update()
        return self.arrivals

    def success(self, starts: Tensor, goals: Tensor, steps: int) -> Tensor:
        """Whether goals (B, 2) are reached within `steps`, without noise: (B,) bool."""
        return self.world.reached(self.roll_out(starts, goals, steps)[:, -1], goals)

    def begin_anew(self, over: Tensor) -> None:
        """Fresh episodes where the old ones are over (worlds,) bool."""
        fresh = self.starts(len(over), self.generator), self.goals(len(over), self.generator)
        self.states = torch.where(over[:, None], fresh[0], self.states)
        self.targets = torch.where(over[:, None], fresh[1], self.targets)
        self.ages = torch.where(over, 0, self.ages)

    def parts(self) -> dict[str, TD3 | Replay]:
        """Everything that learns or remembers, by name."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Everything that `load_state_dict` needs to go on to the bit as if nothing had happened."""
        return {
            "settings": [asdict(self.config), asdict(self.play)],
            "parts": {name: part.state_dict() for name, part in self.parts().items()},
            "worlds": {"states": self.states, "targets": self.targets, "ages": self.ages},
            "generator": self.generator.get_state(),
            "rounds": self.rounds,
            "arrivals": list(self.arrivals),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state. Raises ValueError if it is one of other settings."""
        if state["settings"] != (mine := [asdict(self.config), asdict(self.play)]):
            raise ValueError(f"this checkpoint was made with {state['settings']}, not with {mine}")
        for name, part in self.parts().items():
            part.load_state_dict(state["parts"][name])
        self.states, self.targets, self.ages = (state["worlds"][name] for name in ("states", "targets", "ages"))
        self.generator.set_state(state["generator"])
        self.rounds, self.arrivals = state["rounds"], list(state["arrivals"])

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        with whole_file(path) as file:
            torch.save(self.state_dict(), file)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint that `save` wrote."""
        self.load_state_dict(torch.load(path, weights_only=True))


class GoalTD3(Reacher):
    """Flat TD3 on observations and goals: one decision in every world each round, and as many updates as steps.

    `target` is the critics' target, for experiments; the other arguments are `Reacher`'s.
    """

    def __init__(
        self,
        world: PointMaze,
        starts: Goals,
        goals: Goals,
        config: TD3Config | None = None,
        play: ReachConfig | None = None,
        *,
        seed: int,
        target: Target = td3_target,
    ) -> None:
        super().__init__(world, starts, goals, config or TD3Config(), play or ReachConfig(), seed=seed)
        self.rule = TD3(2 * world.spec.observation_dim, 2, self.config, self.generator, target)
        self.replay = Replay(self.play.capacity)
        self.noise = torch.zeros(self.play.worlds, 2)

    def parts(self) -> dict[str, TD3 | Replay]:
        """The rule and its memory."""
        return {"rule": self.rule, "replay": self.replay}

    def inputs(self, states: Tensor, goals: Tensor) -> Tensor:
        """Observations of states and of goals, (B, 2 * observation)."""
        return torch.cat([self.world.observe(states), self.world.observe(goals)], -1)

    def round(self) -> Tensor:
        """One decision in every world, and updates."""
        play = self.play
        drawn = torch.randn(self.noise.shape, generator=self.generator) * play.noise
        self.noise = torch.where((self.ages // play.repeat % play.hold == 0)[:, None], drawn, self.noise)
        actions = (self.noise if self.at_random else self.act(self.states, self.targets) + self.noise).clamp(-1, 1)
        after = self.carry_out(self.states, self.targets, actions)
        arrived = self.world.reached(after, self.targets)
        self.replay.add(
            states=self.states, goals=self.targets, actions=actions, next_states=after, rewards=arrived.float()
        )
        self.states, self.ages = after, self.ages + play.repeat
        self.begin_anew(arrived | (self.ages >= play.horizon))
        for _ in range(play.repeat):
            self._update()
        return arrived

    @property
    def at_random(self) -> bool:
        """Whether the actor is not asked yet."""
        return self.rounds * self.play.repeat < self.play.random_steps

    @torch.no_grad()
    def act(self, states: Tensor, goals: Tensor) -> Tensor:
        """The actor's actions, without noise."""
        return self.rule.act(self.inputs(states, goals))

    def carry_out(self, states: Tensor, goals: Tensor, actions: Tensor) -> Tensor:
        """States (B, 2) after a decision's steps; whoever has arrived stands still."""
        for _ in range(self.play.repeat):
            arrived = self.world.reached(states, goals)[:, None]
            states = torch.where(arrived, states, self.world.step(states, actions))
        return states

    def _update(self) -> None:
        batch = self.replay.sample(self.config.batch_size, self.generator)
        self.rule.update(
            self.inputs(batch["states"], batch["goals"]),
            batch["actions"],
            batch["rewards"],
            self.inputs(batch["next_states"], batch["goals"]),
            batch["rewards"] > 0,
        )

    def state_dict(self) -> dict[str, Any]:
        """As `Reacher`'s, and the noise that is being held."""
        return {**super().state_dict(), "noise": self.noise}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As `Reacher`'s."""
        super().load_state_dict(state)
        self.noise = state["noise"]

    @torch.no_grad()
    def roll_out(self, starts: Tensor, goals: Tensor, steps: int) -> Tensor:
        """The actor from starts (B, 2): states (B, steps + 1, 2); whoever has arrived stands still."""
        path, actions = [starts], torch.zeros_like(starts)
        for step in range(steps):
            states = path[-1]
            if step % self.play.repeat == 0:
                actions = self.act(states, goals)
            arrived = self.world.reached(states, goals)[:, None]
            path.append(torch.where(arrived, states, self.world.step(states, actions)))
        return torch.stack(path, 1)
