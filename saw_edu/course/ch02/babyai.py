"""Chapter 2's second world: goal-conditioned imitation where the goal is a sentence, in BabyAI's GoToLocal.

python -m saw_edu.course.ch02.babyai        # records assets/ch02/babyai.csv: about six minutes on one core
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.distributions import Categorical
from tqdm.auto import tqdm

from saw_edu import datasets
from saw_edu.course.recording import Recorder
from saw_edu.data import Vocabulary
from saw_edu.envs.babyai import ACTIONS, FEATURES, BabyAIVectorEnv, Demonstrations, features, reader
from saw_edu.nn import MLP, WordGoals, draw, goal_encoder
from saw_edu.rollouts import evaluate_env

LEVEL = "GoToLocal"
SEEDS = 5
DEMONSTRATIONS = (100, 500, 2000)
TOLD = ("its own mission", "another's mission", "nothing")  # at the test; "nothing": random actions
Loss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]  # (policy, observations, actions, goals) -> ()


@dataclass(frozen=True)
class Settings:
    """Of training and test."""

    steps: int = 1500
    batch_size: int = 128
    learning_rate: float = 1e-3
    width: int = 128  # of the layers
    words: int = 32  # features of a mission
    word_parameters: int = 10_000  # of the mission's encoder
    episodes: int = 200  # of a test; their seeds are far from those of the demonstrations
    first_seed: int = 1_000_000


class WordPolicy(nn.Module):
    """π(a | view, mission): features of both, and their products, through two layers: (B, 980), (B, L) -> actions."""

    def __init__(self, vocabulary: Vocabulary, settings: Settings, generator: torch.Generator) -> None:
        super().__init__()
        goals = WordGoals(vocabulary.size, vocabulary.length)
        self.words = goal_encoder(goals, settings.words, settings.word_parameters, generator)
        self.view = MLP(FEATURES, [settings.width] * 2, generator, activate_final=True)
        self.gate = MLP(settings.words, [settings.width], generator)
        self.out = MLP(2 * settings.width, [settings.width, len(ACTIONS)], generator)

    def forward(self, observations: Tensor, goals: Tensor) -> Categorical:
        """The distribution of actions."""
        seen = self.view(observations)
        asked = seen * self.gate(self.words(goals))  # what of the view the mission is about
        return Categorical(logits=self.out(torch.cat([seen, asked], dim=-1)), validate_args=False)


def negative_log_likelihood(policy: nn.Module, observations: Tensor, actions: Tensor, goals: Tensor) -> Tensor:
    """GCBC's loss, as in the chapter's exercise."""
    return -policy(observations, goals).log_prob(actions).mean()


def vocabulary_of(demonstrations: Demonstrations) -> Vocabulary:
    """All words of the level: the missions of all demonstrations."""
    return Vocabulary.of(demonstrations.missions)


def imitate(
    demonstrations: Demonstrations,
    vocabulary: Vocabulary,
    seed: int,
    loss: Loss = negative_log_likelihood,
    settings: Settings | None = None,
    progress: bool = True,
) -> WordPolicy:
    """A policy trained on demonstrations with that loss; the goal of every row is its episode's mission."""
    settings = settings or Settings()
    generator = torch.Generator().manual_seed(seed)
    policy = WordPolicy(vocabulary, settings, generator)
    optimizer = torch.optim.Adam(policy.parameters(), settings.learning_rate)
    views, actions = demonstrations.views, demonstrations.actions.long()
    goals = vocabulary.encode(demonstrations.missions)[demonstrations.episode_of_row]
    rows = demonstrations.start_rows
    for _ in tqdm(range(settings.steps), disable=not progress, unit=" steps", desc="imitation", mininterval=0.5):
        batch = rows[torch.randint(len(rows), (settings.batch_size,), generator=generator)]
        found = loss(policy, features(views[batch]), actions[batch], goals[batch])
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
    return policy


def success_of(
    policy: WordPolicy | None,
    env: BabyAIVectorEnv,
    vocabulary: Vocabulary,
    temperature: float = 1.0,
    told: str = TOLD[0],
    settings: Settings | None = None,
    progress: bool = True,
) -> float:
    """Share of fresh episodes with a reward. Every policy meets the same ones.

    Args:
        policy: None for random actions.
        env: as many episodes as it has worlds.
        vocabulary: of the missions.
        temperature: 1 draws actions from the policy, 0 takes the most likely.
        told: with "another's mission" each episode's policy is told the mission of the next episode.
        settings: see there.
        progress: show a bar.
    """
    settings = settings or Settings()
    generator = torch.Generator().manual_seed(1)

    def act(observations: Tensor, goals: Tensor) -> Tensor:
        if policy is None:
            return torch.randint(len(ACTIONS), (len(observations),), generator=generator)
        told_goals = goals.roll(1, 0) if told == TOLD[1] else goals
        return draw(policy(observations, told_goals), temperature, generator)

    first, read = settings.first_seed, reader(vocabulary)
    return evaluate_env([act], env, env.num_envs, seed=first, read=read, progress=progress).success


def _make(part: str, work: Path) -> None:
    """Success of every seed after so many demonstrations, by manner of acting and control."""
    settings, rows = Settings(), []
    demonstrations = datasets.demonstrations(f"{datasets.BABYAI}{LEVEL}")
    vocabulary = vocabulary_of(demonstrations)
    env = BabyAIVectorEnv(LEVEL, settings.episodes)
    for seed in tqdm(range(SEEDS), desc=f"{part} demonstrations", unit=" seeds"):
        policy = imitate(demonstrations.first(int(part)), vocabulary, seed, progress=False)
        for temperature, told in ((1, TOLD[0]), (0, TOLD[0]), (1, TOLD[1])):
            success = success_of(policy, env, vocabulary, temperature, told, progress=False)
            rows.append((seed, int(part), temperature, told, success))
    success = success_of(None, env, vocabulary, told=TOLD[2], progress=False)
    rows.append((0, int(part), 1, TOLD[2], success))
    (work / part).mkdir(parents=True, exist_ok=True)
    columns = ["seed", "demonstrations", "temperature", "told", "success"]
    pd.DataFrame(rows, columns=columns).to_csv(work / part / "success.csv", index=False)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.concat(pd.read_csv(work / part / "success.csv") for part in RECORDER.parts)
    table.to_csv(folder / "success.csv", index=False)
    return {
        "level": LEVEL,
        "seeds": list(range(SEEDS)),
        "settings": dataclasses.asdict(Settings()),
        "files": "success.csv: share of 200 fresh missions done",
    }


RECORDER = Recorder(
    "imitation with sentences for goals in BabyAI", "ch02/babyai", tuple(map(str, DEMONSTRATIONS)), _make, _gather
)
