"""Image subgoals: a generator imagines a picture of what is to be seen in a while, a low level goes there.

The generator learns from video, which has no actions: the frame `delta` steps later is the subgoal. It is a small flow
matching model. Between noise x_0 ~ N(0, 1) and a picture x_1 lies x_t = (1 - t) x_0 + t x_1, and the picture that a
net expects behind x_t is where the flow leads: dx/dt = (E[x_1 | x_t] - x_t) / (1 - t). Pictures are planes with one lit
cell each, so the net gives each plane a distribution over its cells and learns by cross-entropy.

At t = 0 the noise says nothing, and the net can but expect the *mean* of all pictures that may follow. A sample comes
out after some steps, each of which follows the net a little and asks again.

Source: Lipman et al. 2023, "Flow Matching for Generative Modeling"; with cross-entropy as in Eijkelboom et al. 2024,
"Variational Flow Matching for Graph Generation". For robots: Black et al. 2024, "SuSIE".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from saw_edu.hierarchy.imitation import Cloning, fit
from saw_edu.nn import MLP

SCALE = 4.0  # brightness of a lit cell for the flow: enough for it to stand out of noise N(0, 1)


@dataclass(frozen=True)
class Video:
    """Pictures of many episodes, one after the other. There are no actions in it.

    Raises:
        ValueError: not as many missions as frames, or bounds that do not end at the last frame.
    """

    frames: Tensor  # (N, planes, rows, columns) uint8, 0 or 1
    told: Tensor  # (N, words) float, what each episode is about
    episode_ends: Tensor  # (E,) the frame after each episode's last one

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.told):
            raise ValueError(f"each frame needs its mission, got {len(self.frames)} frames, {len(self.told)} missions")
        if len(self.episode_ends) == 0 or int(self.episode_ends[-1]) != len(self.frames):
            raise ValueError(
                f"the last episode must end at frame {len(self.frames)}, got {self.episode_ends.tolist()[-1:]}"
            )

    def __len__(self) -> int:
        return len(self.frames)

    def first(self, episodes: int) -> Video:
        """The first so many episodes. Raises ValueError where there are not so many, or for none."""
        if not 1 <= episodes <= len(self.episode_ends):
            raise ValueError(f"there are {len(self.episode_ends)} episodes, asked for {episodes}")
        end = int(self.episode_ends[episodes - 1])
        return Video(self.frames[:end], self.told[:end], self.episode_ends[:episodes])

    def and_also(self, more: Video) -> Video:
        """These episodes and more of them."""
        ends = torch.cat([self.episode_ends, more.episode_ends + len(self)])
        return Video(torch.cat([self.frames, more.frames]), torch.cat([self.told, more.told]), ends)


def load_video(recordings: Sequence[Mapping[str, Tensor]]) -> Video:
    """Recordings, joined. Nothing of them is read but `frames`, `told` and `last`.

    Args:
        recordings: each with frames (N, planes, rows, columns), told (N, words), and last (N,) bool: whether a frame is
            its episode's last one. A recording that was cut off ends with its last frame all the same.

    Raises:
        ValueError: no recordings, or one without frames.
    """
    if len(recordings) == 0:
        raise ValueError("there is nothing to load: give at least one recording")
    found: Video | None = None
    for recording in recordings:
        frames, last = recording["frames"], recording["last"].clone()
        if len(frames) == 0:
            raise ValueError("a recording has no frames: leave it out")
        last[-1] = True
        video = Video(frames.to(torch.uint8), recording["told"].float(), last.nonzero().squeeze(1) + 1)
        found = video if found is None else found.and_also(video)
    assert found is not None
    return found


def subgoal_pairs(episode_ends: Tensor, delta: int) -> Tensor:
    """For each frame, the frame that is its subgoal: `delta` later, or the last one of its own episode: (N,) rows.

    Args:
        episode_ends: (E,) the row after each episode's last frame.
        delta: frames ahead, at least 1.

    Raises:
        ValueError: a delta below 1.
    """
    if delta < 1:
        raise ValueError(f"a subgoal lies at least 1 frame ahead, got delta={delta}")
    rows = torch.arange(int(episode_ends[-1]))
    ends = episode_ends[torch.searchsorted(episode_ends, rows, right=True)]  # (N,)
    return torch.minimum(rows + delta, ends - 1)


@dataclass(frozen=True)
class Imagining:
    """Hyperparameters of a generator."""

    hidden_dims: tuple[int, ...] = (256, 256)
    training_steps: int = 2000  # gradient steps
    batch_size: int = 128  # pairs a step, drawn with replacement
    learning_rate: float = 1e-3  # of Adam; falls to 0 along half a cosine
    deltas: tuple[int, int] = (6, 10)  # frames ahead, both ends included; drawn for each pair
    flow_steps: int = 8  # from noise to picture


class FlowNet(nn.Module):
    """A net that sees the present picture, the mission and x_t, and expects a picture: logits of each plane's cell."""

    def __init__(
        self, picture: tuple[int, int, int], words: int, hidden_dims: Sequence[int], generator: torch.Generator
    ) -> None:
        super().__init__()
        planes, rows, columns = self.picture = picture
        numbers = planes * rows * columns
        self.net = MLP(2 * numbers + words + 1, [*hidden_dims, numbers], generator)

    def forward(self, now: Tensor, told: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """(B, P, H, W), (B, words), (B, P, H, W), (B,) -> (B, P, H * W)."""
        inputs = torch.cat([now.flatten(1), told, x.flatten(1), t[:, None]], 1)
        return self.net(inputs).view(len(now), self.picture[0], -1)


Expects = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""What a `FlowNet` does: (now, told, x, t) -> logits (B, P, H * W)."""


def flow_loss(net: Expects, now: Tensor, told: Tensor, future: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Cross-entropy of the lit cells, given a mixture of noise and picture: summed over planes, mean over the batch.

    Args:
        net: what is trained.
        now, future, noise: (B, P, H, W); the future's planes have one lit cell each.
        told: (B, words).
        t: (B,) in [0, 1]; 0 is pure noise, 1 the picture.
    """
    share = t[:, None, None, None]
    x = (1 - share) * noise + share * SCALE * future  # (B, P, H, W)
    logits = net(now, told, x, t)  # (B, P, H * W)
    lit = future.flatten(2).argmax(-1)  # (B, P)
    return F.cross_entropy(logits.flatten(0, 1), lit.flatten(), reduction="sum") / len(now)


@torch.no_grad()
def imagine(net: Expects, now: Tensor, told: Tensor, noise: Tensor, flow_steps: int) -> Tensor:
    """Pictures (B, P, H, W) of what may follow, by so many Euler steps from noise. One step gives the mean.

    Raises:
        ValueError: less than one step.
    """
    if flow_steps < 1:
        raise ValueError(f"it takes at least 1 step from noise to a picture, got {flow_steps}")
    x = noise
    for step in range(flow_steps):
        t = torch.full((len(now),), step / flow_steps)
        expected = SCALE * net(now, told, x, t).softmax(-1).view_as(x)  # E[x_1 | x_t]
        x = x + (expected - x) / (flow_steps - step)
    return x / SCALE


Loss = Callable[[Expects, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def learn_to_imagine(
    video: Video,
    config: Imagining,
    generator: torch.Generator,
    loss: Loss = flow_loss,
    pairs: Callable[[Tensor, int], Tensor] = subgoal_pairs,
    progress: bool = False,
) -> tuple[FlowNet, list[float]]:
    """Train a generator on video.

    Args:
        video: what it learns from.
        config: how.
        generator: source of weights, pairs, noise and times.
        loss, pairs: other ones, with the arguments of `flow_loss` and `subgoal_pairs`.
        progress: show a bar with the loss.

    Returns:
        The net and its loss at each step.
    """
    low, high = config.deltas
    futures = torch.stack([pairs(video.episode_ends, delta) for delta in range(low, high + 1)])  # (D, N)
    shape = (video.frames.shape[1], video.frames.shape[2], video.frames.shape[3])
    net = FlowNet(shape, video.told.shape[1], config.hidden_dims, generator)
    optimizer = torch.optim.Adam(net.parameters(), config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.training_steps)
    losses = []
    with tqdm(range(config.training_steps), disable=not progress, unit=" steps", mininterval=0.5) as bar:
        for step in bar:
            rows = torch.randint(len(video), (config.batch_size,), generator=generator)
            later = futures[torch.randint(len(futures), (config.batch_size,), generator=generator), rows]
            now, future = video.frames[rows].float(), video.frames[later].float()
            noise, t = torch.randn(now.shape, generator=generator), torch.rand(len(now), generator=generator)
            found = loss(net, now, video.told[rows], future, noise, t)
            optimizer.zero_grad()
            found.backward()
            optimizer.step()
            schedule.step()
            losses.append(found.item())
            if progress and step % 100 == 0:
                bar.set_postfix(loss=f"{losses[-1]:.2f}", refresh=False)
    return net.requires_grad_(False), losses


@dataclass(frozen=True)
class Imagination:
    """A high level: it tells the low level by a picture, drawn from the generator.

    Attributes:
        net: the generator.
        told: goals' observations (B, obs) -> the mission (B, words).
        generator: source of noise.
        flow_steps: from noise to picture; 1 gives the mean of all pictures that may follow.
        draw: turns noise into pictures, with the arguments of `imagine`.
    """

    net: FlowNet
    told: Callable[[Tensor], Tensor]
    generator: torch.Generator
    flow_steps: int = 8
    draw: Callable[..., Tensor] = imagine

    def __call__(self, observations: Tensor, goals: Tensor) -> Tensor:
        """Flattened pictures (B, obs) and goals (B, obs) -> pictures (B, P, H, W)."""
        now = observations.view(-1, *self.net.picture)
        noise = torch.randn(now.shape, generator=self.generator)
        return self.draw(self.net, now, self.told(goals), noise, self.flow_steps)


@dataclass(frozen=True)
class Reacher:
    """A low level that goes where a picture shows. Actions are drawn, or the likeliest at temperature 0."""

    net: MLP
    see: Callable[[Tensor, Tensor], Tensor]  # (now, goal pictures) -> what the net is told (B, in)
    generator: torch.Generator
    temperature: float = 1.0

    @torch.no_grad()
    def __call__(self, observations: Tensor, subgoals: Tensor) -> Tensor:
        """Observations (B, obs), pictures (B, P, H, W) -> actions (B,)."""
        logits = self.net(self.see(observations, subgoals))
        if self.temperature == 0:
            return logits.argmax(-1)
        return torch.multinomial((logits / self.temperature).softmax(-1), 1, generator=self.generator).squeeze(-1)


def clone_reacher(
    video: Video,
    rows: Tensor,
    actions: Tensor,
    classes: int,
    farthest: int,
    see: Callable[[Tensor, Tensor], Tensor],
    config: Cloning,
    generator: torch.Generator,
) -> Reacher:
    """A low level from demonstrations: what was done, given a frame that came 1 to `farthest` frames later.

    Args:
        video: the demonstrations' frames.
        rows: (A,) the frame before each action; an episode's last frame has none.
        actions: (A,).
        classes: how many actions there are.
        farthest: goals are all frames up to so many ahead, in the same episode.
        see: turns two pictures into what the net is told.
        config: of the training.
        generator: source of weights, batches and, later, actions.
    """
    told = [
        see(video.frames[rows].float(), video.frames[subgoal_pairs(video.episode_ends, delta)[rows]].float())
        for delta in range(1, farthest + 1)
    ]
    net = fit(torch.cat(told), actions.repeat(farthest), classes, config, generator)
    return Reacher(net, see, generator)


def overlap_of_change(now: Tensor, proposed: Tensor, future: Tensor) -> Tensor:
    """How well pictures foretell what *changes*: (B, P, H, W) three times, lit cells 1, others 0 -> (B,) in [0, 1].

    Of the cells that differ from now in the proposal or in the future, the share that differs in both; 1 if nothing
    changes in either. To propose the present picture again gets 0, even if nearly all of it is right.
    """
    foretold, changed = proposed != now, future != now
    both = (foretold & changed).flatten(1).sum(1)
    either = (foretold | changed).flatten(1).sum(1)
    return torch.where(either == 0, 1.0, both / either.clamp(min=1))
