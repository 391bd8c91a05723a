"""Chapter 19's experiment: the same walks in every form, and what is cropped with what."""

import pytest
import torch

from saw_edu.course.ch19 import checks, views
from saw_edu.data.augment import PADDING


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_walks_are_the_same_however_they_are_seen() -> None:
    told, waves, seen = (views.make_data(way, 3, episodes=4) for way in ("states", "states, waves", "pixels"))
    assert torch.equal(told.actions, seen.actions)
    assert torch.equal(waves.actions, seen.actions)
    places = [views.make_world(way).states_of(data.observations) for way, data in (("states", told), ("pixels", seen))]
    assert (places[0] - places[1]).abs().max() < 0.05  # of a cell's 4 units
    assert views.flat(seen).observations.shape == (4 * 51, seen.observations[0].numel())
    assert views.flat(seen).observations.max() <= 1


def test_goals_are_cropped_apart_only_where_that_is_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    data, used = views.make_data("pixels", 0, episodes=4), []

    def noted(images: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        used.append(offsets)
        return images

    monkeypatch.setattr(views, "crop", noted)
    agent = views.make_agent("pixels")
    assert views.draw_for("pixels, crops", data, agent) is None
    draw = views.draw_for("pixels, crops apart", data, agent)
    assert draw is not None
    for seed in range(8):
        assert draw(16, generator(seed)).observations.dtype == torch.uint8
    assert 0 < len(used) < 16, "half of the batches are cropped"
    assert not any(torch.equal(one, other) for one, other in zip(used[::2], used[1::2], strict=True))
    assert {int(torch.stack(used).min()), int(torch.stack(used).max())} == {0, 2 * PADDING}


def test_the_chapters_crops_are_what_training_does() -> None:
    images = torch.randint(0, 256, (5, 7, 6, 3), generator=generator(), dtype=torch.uint8)
    offsets = torch.randint(0, 5, (5, 2), generator=generator(1))
    padded = torch.nn.functional.pad(images.permute(0, 3, 1, 2).float(), (2,) * 4, mode="replicate")
    windows = [p[:, i : i + 7, j : j + 6] for p, (i, j) in zip(padded, offsets.tolist(), strict=True)]
    expected = torch.stack(windows).permute(0, 2, 3, 1).to(torch.uint8)
    assert torch.equal(checks._library_crop(images, offsets, 2), expected)
