"""HAL: language between two levels, in one file with its own loop (Jiang et al., 2019, arXiv:1906.07343).

The low level is told a statement ("the red ball is directly left of the red box") and makes it true. That seldom
happens by chance, but a push often makes another statement true: in hindsight it is stored as if that one had been
asked for. Only newly true statements count, false before the push and true after it; those that come true some steps
later count too, with a discounted return. The high level's actions are statements.

Both levels are double deep Q-learning, as in the published code; as there, 2 statements are taken of those made true
at once and 3 of those made true later, with a return of 0.5^dt.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from saw_edu.data.replay import Replay
from saw_edu.envs.objects import STATEMENTS, WORDS, Objects, words
from saw_edu.nn.told import ToldNet
from saw_edu.place import did_you_mean, whole_file

ENCODINGS = ("words", "one-hot", "shuffled")
RELABELS = ("new", "true", "diluted", "none")


@dataclass(frozen=True)
class HALConfig:
    """Settings of both levels. In brackets: those of the published code, for a simulated robot and pictures."""

    encoding: str = "words"  # of statements; "shuffled": every statement has the words of another one
    relabel: str = "new"  # "true": also what was true already; "diluted": those rows stored as they were; "none"
    immediate: int = 2  # statements relabelled of those that a push makes true [2]
    later: int = 3  # of those that come true later [3]
    later_discount: float = 0.5  # their return is this to the power of the steps between [0.5]
    mask_ends: bool = True  # no value is looked up behind an end
    reward_relabelled: bool = True  # a relabelled row has the reward of its new statement
    steps: int = 10  # pushes that a statement is given, of either level
    discount: float = 0.5  # γ; with another than `later_discount`, rows contradict each other
    learning_rate: float = 2e-3  # [1e-4]
    tau: float = 0.05  # by which the target net follows [0.05]
    hidden: int = 256  # units of each layer
    worlds: int = 64  # stepped together
    updates: int = 40  # of the net after each round of `steps` pushes in every world
    batch_size: int = 256  # [128]
    capacity: int = 100_000  # rows of the replay buffer [1e6]
    epsilon: float = 0.1  # the last share of random actions [0.1]; it begins at 1
    epsilon_decay: float = 0.95  # each round [0.95]

    def __post_init__(self) -> None:
        for given, known in ((self.encoding, ENCODINGS), (self.relabel, RELABELS)):
            if given not in known:
                raise ValueError(f"{given!r} is none of {', '.join(known)}{did_you_mean(given, known)}")
        if min(self.steps, self.worlds, self.updates, self.batch_size) < 1 or min(self.immediate, self.later) < 0:
            raise ValueError("HAL needs steps, worlds, updates and batch_size of at least 1, immediate and later of 0")
        if not 0 <= self.discount < 1 or not 0 <= self.epsilon <= 1:
            raise ValueError("HAL needs a discount from 0 to below 1, and an epsilon from 0 to 1")


def encode(encoding: str) -> Tensor:
    """(48, n) float: what a net is told of each statement. "words": which word stands in each of five places."""
    number = len(STATEMENTS)
    if encoding == "one-hot":
        return torch.eye(number)
    table = F.one_hot(words(), len(WORDS)).float().flatten(1)  # (48, 40)
    if encoding == "shuffled":
        table = table[torch.randperm(number, generator=torch.Generator().manual_seed(12))]
    return table


def newly_true(before: Tensor, after: Tensor) -> Tensor:
    """What a push made true: truths before and after it, (..., S) bool each -> (..., S) bool."""
    return after & ~before


def pick(allowed: Tensor, number: int, generator: torch.Generator) -> Tensor:
    """At most `number` of the allowed (..., S) in each row, drawn: (..., S) bool."""
    if number == 0:
        return torch.zeros_like(allowed)
    scores = torch.rand(allowed.shape, generator=generator) * allowed
    return allowed & (scores >= scores.topk(min(number, scores.shape[-1]), -1).values[..., -1:])


def hindsight(truths: Tensor, config: HALConfig, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which rows to store anew, and the return of each.

    Args:
        truths: (T + 1, B, S) bool, what is true along B trajectories; never true for statements that are held out.
        config: `relabel`, `immediate`, `later`, `later_discount`.
        generator: chooses where more came true than are stored.

    Returns:
        (T, B, S) bool, the pushes and the statements with which they are stored; (T, B, S) float, 1 for a statement
        that the push makes true, `later_discount`^dt for one that first comes true dt pushes later.
    """
    before, after = truths[:-1], truths[1:]
    new = newly_true(before, after)
    waits, rows = torch.full(new.shape, torch.inf), len(new)
    for t in reversed(range(rows)):
        waits[t] = torch.where(new[t], 0, waits[t + 1] + 1 if t + 1 < rows else torch.inf)
    later = ~before & (waits > 0) & waits.isfinite()
    returns = torch.where(later, config.later_discount**waits, 0.0)
    returns[new] = 1.0
    now = new
    if config.relabel in ("true", "diluted"):
        now, returns = after, torch.where(after, 1.0, returns)
    chosen = pick(now, config.immediate, generator) | pick(later, config.later, generator)
    return chosen & (config.relabel != "none"), returns


def see(world: Objects, states: Tensor) -> Tensor:
    """(B, 4) -> (B, 8 * size + 6 * (2 * size - 1)^2): the observation, and each pair's displacement, one-hot."""
    first, second = torch.combinations(torch.arange(states.shape[-1])).unbind(1)  # (6,) each
    places, wide = world.places(states), 2 * world.size - 1
    apart = places[:, first] - places[:, second] + world.size - 1  # (B, 6, 2), from 0 to wide - 1
    pairs = F.one_hot(apart[..., 0] * wide + apart[..., 1], wide**2).float().flatten(1)
    return torch.cat([world.observe(states), pairs], -1)


class Learner:
    """Double Q-learning from a replay buffer: what the two levels share. `train` goes on from wherever it stands."""

    def __init__(self, world: Objects, config: HALConfig, codes: Tensor, actions: int, seed: int) -> None:
        self.world, self.config, self.codes, self.actions = world, config, codes, actions
        self.generator = torch.Generator().manual_seed(seed)
        seen = see(world, world.sample_states(1, torch.Generator().manual_seed(0))).shape[1]
        self.q = ToldNet(seen, codes.shape[1], config.hidden, actions, self.generator)
        self.target = copy.deepcopy(self.q).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.q.parameters(), lr=config.learning_rate)
        self.replay = Replay(config.capacity)
        self.rounds, self.successes = 0, list[float]()  # of each round: the share of tries that succeeded

    def inputs(self, states: Tensor, told: Tensor) -> Tensor:
        """What Q is given: what is seen (B, seen), and the codes of what is told (B, n)."""
        return torch.cat([see(self.world, states), self.codes[told]], -1)

    def collect(self) -> float:
        """One round in every world, stored: the share of tries that succeeded."""
        raise NotImplementedError

    @property
    def epsilon(self) -> float:
        """The share of random actions in this round."""
        return max(self.config.epsilon, self.config.epsilon_decay**self.rounds)

    @torch.no_grad()
    def act(self, states: Tensor, told: Tensor, generator: torch.Generator, epsilon: float = 0.0) -> Tensor:
        """Actions (B,): the best, or with probability epsilon any."""
        best = self.q(self.inputs(states, told)).argmax(-1)
        if epsilon == 0:
            return best
        any_ = torch.randint(self.actions, best.shape, generator=generator)
        return torch.where(torch.rand(best.shape, generator=generator) < epsilon, any_, best)

    def train(self, rounds: int, progress: bool = True) -> list[float]:
        """Each of `rounds` times: pushes in every world, then updates. Returns the successes of all rounds so far."""
        with tqdm(total=rounds, desc=type(self).__name__, disable=not progress) as bar:
            for _ in range(rounds):
                self.successes.append(self.collect())
                for _ in range(self.config.updates):
                    self._update()
                self.rounds += 1
                bar.update()
                bar.set_postfix_str(f"success {self.successes[-1]:.2f}")
        return self.successes

    def targets(self, rewards: Tensor, ends: Tensor, value: Tensor) -> Tensor:
        """What Q should say: rewards, whether nothing follows, and the value of what follows, (B,) each -> (B,)."""
        goes_on = 1 - ends.float() if self.config.mask_ends else 1.0
        return rewards + self.config.discount * goes_on * value

    def _update(self) -> None:
        config, batch = self.config, self.replay.sample(self.config.batch_size, self.generator)
        with torch.no_grad():
            ahead = self.inputs(batch["next_states"], batch["told"])
            best = self.q(ahead).argmax(-1, keepdim=True)
            value = self.target(ahead).gather(1, best)[:, 0]  # (B,)
            targets = self.targets(batch["rewards"], batch["ends"], value)
        chosen = self.q(self.inputs(batch["states"], batch["told"])).gather(1, batch["actions"][:, None])[:, 0]
        loss = F.smooth_l1_loss(chosen, targets)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.q.parameters(), strict=True):
                slow.lerp_(fast, config.tau)

    def state_dict(self) -> dict[str, Any]:
        """Everything that `load_state_dict` needs to go on to the bit; no world is left in mid-round."""
        return {
            "config": asdict(self.config),
            "q": self.q.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "replay": self.replay.state_dict(),
            "generator": self.generator.get_state(),
            "rounds": self.rounds,
            "successes": list(self.successes),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state. Raises ValueError if it is one of other settings."""
        if state["config"] != asdict(self.config):
            raise ValueError(f"this checkpoint was made with {state['config']}, not with {asdict(self.config)}")
        state = copy.deepcopy(state)
        for name in ("q", "target", "optimizer", "replay"):
            getattr(self, name).load_state_dict(state[name])
        self.generator.set_state(state["generator"])
        self.rounds, self.successes = state["rounds"], state["successes"]

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        with whole_file(path) as file:
            torch.save(self.state_dict(), file)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint that `save` wrote."""
        self.load_state_dict(torch.load(path, weights_only=True))


class LowLevel(Learner):
    """Makes statements true: Q(s, statement, push). Those `held_out`, by number, are never asked for nor relabelled.

    Settings come from `config`, every random draw from one generator, seeded with `seed`.
    """

    def __init__(
        self, world: Objects, config: HALConfig | None = None, *, seed: int, held_out: tuple[int, ...] = ()
    ) -> None:
        config = config or HALConfig()
        self.known = torch.ones(len(STATEMENTS), dtype=torch.bool)
        self.known[list(held_out)] = False
        if not self.known.any():
            raise ValueError("every statement is held out: leave at least one to learn")
        super().__init__(world, config, encode(config.encoding), world.spec.action_dim, seed)

    def draw(self, states: Tensor) -> Tensor:
        """Statements (B,) to ask for: known, and false now."""
        false = (self.known & ~self.world.truths(states)).float()
        return torch.multinomial(false + 1e-9 * self.known, 1, generator=self.generator)[:, 0]

    def collect(self) -> float:
        """One round: `steps` pushes in every world from fresh states; a statement made true is followed by another."""
        config, world = self.config, self.world
        states = world.sample_states(config.worlds, self.generator)
        told, path = self.draw(states), [states]
        wishes, pushes, met = list[Tensor](), list[Tensor](), list[Tensor]()
        for _ in range(config.steps):
            actions = self.act(states, told, self.generator, self.epsilon)
            states = world.step(states, actions)
            done = world.truths(states).gather(1, told[:, None])[:, 0]
            for column, row in zip((path, wishes, pushes, met), (states, told, actions, done), strict=True):
                column.append(row)
            told = torch.where(done, self.draw(states), told)
        along, actions, reached, asked = map(torch.stack, (path, pushes, met, wishes))  # (T + 1, B, 4), (T, B) each
        t, b = torch.ones_like(reached).nonzero(as_tuple=True)  # every push, as it was asked for
        self._store(along, actions, t, b, asked.flatten(), reached.float().flatten(), reached.flatten())
        chosen, returns = self.relabelled(world.truths(along) & self.known)
        t, b, statement = chosen.nonzero(as_tuple=True)
        rewards, ends = returns[t, b, statement], torch.ones(len(t), dtype=torch.bool)
        if config.relabel == "diluted":  # as many rows as with "true", without what they teach
            idle = world.truths(along)[t, b, statement]
            statement = torch.where(idle, asked[t, b], statement)
            rewards, ends = torch.where(idle, reached[t, b].float(), rewards), torch.where(idle, reached[t, b], ends)
        if not config.reward_relabelled:
            rewards = reached[t, b].float()  # that of what was asked for
        if len(t):
            self._store(along, actions, t, b, statement, rewards, ends)
        return float(reached.any(0).float().mean())

    def relabelled(self, truths: Tensor) -> tuple[Tensor, Tensor]:
        """Which pushes are stored with which statements, and their returns: as `hindsight`."""
        return hindsight(truths, self.config, self.generator)

    def _store(
        self, along: Tensor, actions: Tensor, t: Tensor, b: Tensor, told: Tensor, rewards: Tensor, ends: Tensor
    ) -> None:
        rows = {"states": along[t, b], "actions": actions[t, b], "next_states": along[t + 1, b]}
        self.replay.add(**rows, told=told, rewards=rewards, ends=ends)

    def succeeds(self, states: Tensor, told: Tensor, generator: torch.Generator, epsilon: float = 0.0) -> Tensor:
        """Whether each statement (B,) comes true from its state (B, 4) within `steps` pushes: (B,) bool."""
        met = torch.zeros(len(states), dtype=torch.bool)
        for _ in range(self.config.steps):
            states = self.world.step(states, self.act(states, told, generator, epsilon))
            met |= self.world.truths(states).gather(1, told[:, None])[:, 0]
        return met


class HighLevel(Learner):
    """Reaches the goal of one of the world's tasks, 1 to 3, within `max_steps` pushes.

    Its actions are statements, which the low level, learning no more, is given for `steps` pushes at most; without a
    low level they are pushes: flat Q-learning.
    """

    def __init__(
        self, world: Objects, task: int, low: LowLevel | None, config: HALConfig | None = None, *, seed: int
    ) -> None:
        config = config or HALConfig(steps=5)
        if task not in (1, 2, 3):
            raise ValueError(f"the tasks are 1, 2 and 3, got {task}")
        self.low, self.task = low, task
        self.goal = world.task_states()[1][task - 1]
        actions = world.spec.action_dim if low is None else len(STATEMENTS)
        super().__init__(world, config, torch.ones(1, 1), actions, seed)  # it is told nothing: the task is always one

    def starts(self, number: int, generator: torch.Generator) -> Tensor:
        """Starts (number, 4) of the task's episodes."""
        return self.world.task_states(number, generator)[0][(self.task - 1) * number : self.task * number]

    def carry_out(self, states: Tensor, actions: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """What an action (B,) does: next states, whether the task's goal was met (there it stops), pushes made."""
        goals, running = self.goal.expand(len(states), -1), torch.ones(len(states), dtype=torch.bool)
        pushes = torch.zeros(len(states))
        for _ in range(1 if self.low is None else self.config.steps):
            push = actions if self.low is None else self.low.act(states, actions, generator)
            states = torch.where(running[:, None], self.world.step(states, push), states)
            pushes += running
            running &= ~self.world.reached(states, goals)
            if self.low is not None:
                running &= ~self.world.truths(states).gather(1, actions[:, None])[:, 0]
        return states, self.world.reached(states, goals), pushes

    def episode(self, number: int, generator: torch.Generator, epsilon: float, store: bool = False) -> Tensor:
        """Episodes of `max_steps` pushes: whether each reached the goal, (number,) bool. May store them."""
        states, told = self.starts(number, generator), torch.zeros(number, dtype=torch.int64)
        met, used = torch.zeros(number, dtype=torch.bool), torch.zeros(number)
        while (going := ~met & (used < self.world.max_steps)).any():
            actions = self.act(states, told, generator, epsilon)
            after, reached, pushes = self.carry_out(states, actions, generator)
            if store:
                rows = {"states": states, "told": told, "actions": actions, "next_states": after,
                        "rewards": reached.float(), "ends": reached}  # fmt: skip
                self.replay.add(**{name: row[going] for name, row in rows.items()})
            used = used + torch.where(going, pushes, 0)
            met = met | (going & reached & (used <= self.world.max_steps))
            states = torch.where(going[:, None], after, states)
        return met

    def collect(self) -> float:
        """One round: an episode in every world."""
        return float(self.episode(self.config.worlds, self.generator, self.epsilon, store=True).float().mean())
