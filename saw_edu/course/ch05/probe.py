"""What can be told: a low level for each way of telling an errand, and how often it brings the errand about."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from saw_edu.course.ch05.play import (
    PHRASES,
    PIXELS,
    WORDS,
    WORDS_AND_PLACES,
    Play,
    done,
    make_world,
    player,
    record_play,
    tell,
)
from saw_edu.envs.packing import rules
from saw_edu.nn import MLP, ImageGoals, StateGoals, WordGoals, goal_encoder

WAYS: dict[str, WordGoals | StateGoals | ImageGoals] = {
    "words": WordGoals(WORDS.size, WORDS.length),
    "words and places": WordGoals(WORDS_AND_PLACES.size, WORDS_AND_PLACES.length),
    "state": StateGoals(rules.OBSERVATION_DIM),
    "image": ImageGoals((rules.HEIGHT + 2) * PIXELS, (rules.WIDTH + 2) * PIXELS, 3, patch=PIXELS),
}
SEEDS = 5


@dataclass(frozen=True)
class Settings:
    """Of play, training and probing."""

    episodes: int = 400  # of play
    length: int = 80  # actions in each
    noise: float = 0.1  # share of random moves in play
    steps: int = 2000  # of training
    batch_size: int = 256
    learning_rate: float = 1e-3  # falls to zero along a cosine
    width: int = 128
    features: int = 32  # of a goal
    parameters: int = 25_000  # of a goal's encoder
    probes: int = 30  # errands a phrase at the test
    slack: int = 4  # a probe may take half as long again as the player, and so many steps more


class LowLevel(nn.Module):
    """π(a | o, g): the observation and the goal's features through two layers: (B, 75), (B, ...) -> logits (B, 7)."""

    def __init__(self, how: str, settings: Settings, generator: torch.Generator) -> None:
        super().__init__()
        self.goals = goal_encoder(WAYS[how], settings.features, settings.parameters, generator)
        sizes = [settings.width, settings.width, len(rules.ACTIONS)]
        self.mlp = MLP(rules.OBSERVATION_DIM + settings.features, sizes, generator)

    def forward(self, observations: Tensor, goals: Tensor) -> Tensor:
        """Logits of actions."""
        return self.mlp(torch.cat([observations, self.goals(goals)], dim=-1))


def the_play(settings: Settings | None = None) -> Play:
    """The play that every low level learns from."""
    s = settings or Settings()
    return record_play(s.episodes, s.length, s.noise, torch.Generator().manual_seed(0))


def imitate(
    play: Play,
    goals: Tensor,
    how: str,
    seed: int,
    settings: Settings | None = None,
    progress: bool = True,
    frozen: bool = False,
) -> LowLevel:
    """A low level trained on play: in each row the action that was taken, told the goal of the row's errand.

    Args:
        play: the data.
        goals: (S, ...) of its errands, see `tell`.
        how: they are told.
        seed: of weights and batches.
        settings: see there.
        progress: show a bar.
        frozen: leave the goal's encoder as it was made (what the chapter's silent bug does).
    """
    s = settings or Settings()
    generator = torch.Generator().manual_seed(seed)
    low = LowLevel(how, s, generator)
    optimizer = torch.optim.Adam(low.parameters(), s.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, s.steps)
    observations = make_world().observe(play.states)
    fixed = torch.cat([low.goals(some) for some in goals.split(256)]).detach() if frozen else None
    with tqdm(range(s.steps), disable=not progress, unit=" steps", desc=f"told by {how}", mininterval=0.5) as bar:
        for step in bar:
            rows = torch.randint(len(play.states), (s.batch_size,), generator=generator)
            errands = play.segments[rows]
            if fixed is None:
                logits = low(observations[rows], goals[errands])
            else:
                logits = low.mlp(torch.cat([observations[rows], fixed[errands]], dim=-1))
            loss = F.cross_entropy(logits, play.actions[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if step % 100 == 0:
                bar.set_postfix(loss=f"{loss.item():.2f}", refresh=False)
    return low


@dataclass(frozen=True)
class Probes:
    """Errands that were not in the data, with the steps that a probe may take: starts (N, 8), and so on."""

    starts: Tensor
    phrases: Tensor
    cells: Tensor
    ends: Tensor
    patience: Tensor


def draw_probes(settings: Settings | None = None, seed: int = 1) -> Probes:
    """As many errands of each phrase, of fresh play without random moves."""
    s = settings or Settings()
    fresh = record_play(2 * s.episodes, s.length, 0.0, torch.Generator().manual_seed(seed))
    lengths = torch.bincount(fresh.segments, minlength=len(fresh.phrases))
    chosen = torch.cat([(fresh.phrases == p).nonzero().squeeze(1)[: s.probes] for p in range(len(PHRASES))])
    patience = (1.5 * lengths[chosen]).long() + s.slack
    return Probes(fresh.first[chosen], fresh.phrases[chosen], fresh.cells[chosen], fresh.ends[chosen], patience)


@torch.no_grad()
def run_probes(
    low: LowLevel | None, probes: Probes, goals: Tensor, generator: torch.Generator, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Whether each errand came about in time (N,), and the states on the way (N, T + 1, 8).

    Args:
        low: told the goals; None for the player itself.
        probes: where from, and what is to come about.
        goals: (N, ...) what the low level is told.
        generator: draws actions.
        temperature: 1 draws them as the low level says, 0 takes the likeliest.
    """
    world, states = make_world(), probes.starts
    came = done(states, probes.phrases, probes.cells)
    path = [states]
    features = None if low is None else low.goals(goals)
    for step in range(int(probes.patience.max())):
        if low is None or features is None:
            actions = player(states, probes.phrases, probes.cells)
        else:
            logits = low.mlp(torch.cat([world.observe(states), features], dim=-1))
            drawn = torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(1)
            actions = drawn if temperature else logits.argmax(-1)
        active = ~came & (step < probes.patience)
        states = torch.where(active[:, None], world.step(states, actions), states)
        came = came | (active & done(states, probes.phrases, probes.cells))
        path.append(states)
    return came, torch.stack(path, 1)


def measure_table(low: LowLevel, how: str, seed: int, probes: Probes) -> pd.DataFrame:
    """Success of a low level on every probe: told its goal, drawn and likeliest, and told another's."""
    goals = tell(how, probes.phrases, probes.cells, probes.ends)
    other = goals[torch.randperm(len(goals), generator=torch.Generator().manual_seed(2))]
    found = []
    for told, those, temperature in (("its own", goals, 1), ("its own", goals, 0), ("another's", other, 1)):
        came, _ = run_probes(low, probes, those, torch.Generator().manual_seed(seed), temperature)
        columns = {"phrase": probes.phrases.numpy(), "success": came.int().numpy()}
        found.append(pd.DataFrame({"how": how, "seed": seed, "told": told, "temperature": temperature, **columns}))
    return pd.concat(found)


def probe_table(how: str, seed: int, settings: Settings | None = None) -> tuple[LowLevel, pd.DataFrame]:
    """One low level, trained on play, and its test."""
    play, probes = the_play(settings), draw_probes(settings)
    low = imitate(play, tell(how, play.phrases, play.cells, play.ends), how, seed, settings, progress=False)
    return low, measure_table(low, how, seed, probes)
