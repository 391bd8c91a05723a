"""One net that thinks and acts, trained before the reader's eyes with whatever loss they hand in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from saw_edu.course.ch09 import packing
from saw_edu.hierarchy import thoughts
from saw_edu.hierarchy.demonstrations import Demonstrations
from saw_edu.hierarchy.thoughts import Mind, Thinking

Loss = Callable[[Callable[[Tensor], Tensor], Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
LABELS = len(packing.WORDS)


def leaking_loss(
    net: Any, observations: Tensor, goals: Tensor, thoughts: Tensor, actions: Tensor, phrases: Tensor
) -> Tensor:
    """Both answers from one question, which contains the thought that is asked for."""
    out = net(torch.cat([observations, goals, phrases[thoughts]], 1))
    return F.cross_entropy(out[:, : len(phrases)], thoughts) + F.cross_entropy(out[:, len(phrases) :], actions)


def train(loss: Loss, data: Demonstrations, seed: int, steps: int, words: str) -> tuple[Mind, list[float]]:
    """A chain of thought, trained with a loss(net, observations, goals, thoughts, actions, phrases); and its losses."""
    generator = torch.Generator().manual_seed(seed)
    width = data.observations.shape[1]
    mind = thoughts.new_mind("chain", packing.WORDS, width, packing.ACTIONS, packing.BUDGET, generator)
    net, losses = mind.nets[0], []
    optimizer = torch.optim.Adam(net.parameters(), packing.CLONING.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in tqdm(range(steps), unit=" steps", desc=words, mininterval=0.5):
        rows = torch.randint(len(data), (packing.CLONING.batch_size,), generator=generator)
        columns = (data.observations[rows], data.goals[rows], data.subgoals[rows], data.actions[rows])
        found = loss(net, *columns, packing.WORDS)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        schedule.step()
        losses.append(found.item())
    net.requires_grad_(False)
    return mind, losses


def milliseconds(mind: Mind, data: Demonstrations, silent: bool = False, seconds: float = 0.3) -> float:
    """Of one decision for one observation: thought, where there is one, and action."""
    policy = Thinking(mind, torch.Generator().manual_seed(0), silent=silent)
    seen, told = data.observations[:1], data.goals[:1]
    memory, count, start, elapsed = policy.begin(1), 0, time.perf_counter(), 0.0
    while count == 0 or elapsed < seconds:
        _, memory = policy.act(seen, told, memory)
        count, elapsed = count + 1, time.perf_counter() - start
    return 1e3 * elapsed / count
