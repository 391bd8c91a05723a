"""Bad input to training is refused before work starts, and says what to do; unusual input that is right works."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from training_cases import AGENT, CONFIG, equal, small, stops_at, walks

from saw_edu.agents import GCBC
from saw_edu.data import Batch, Spec, Trajectories
from saw_edu.training import TrainingConfig, train

NAN = float("nan")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": [1, 1]}, r"different whole numbers from 0 on, got \[1, 1\]"),
        ({"seeds": 0}, "at least 1, .* got 0"),
        ({"seeds": []}, r"got \[\]"),
        ({"seeds": -2}, "got -2"),
        ({"seeds": [0, -1]}, r"got \[0, -1\]"),
        ({"seeds": "12"}, "got '12'"),
        ({"seeds": 1.5}, "got 1.5"),
        ({"parts": "valeu"}, "parts must be 'all' or 'value', got 'valeu', did you mean 'value'"),
        ({"parts": "policy"}, "parts must be 'all' or 'value', got 'policy'"),
        ({"evaluate_every": 0, "evaluate": lambda policy: {}}, "evaluate_every must be at least 1 step, got 0"),
        ({"trajectories": None}, "`draw` must give the batches and `spec` the sizes"),
        ({"trajectories": None, "spec": Spec(2, 2)}, "give both"),
        ({"spec": Spec(2, 2, discrete=True)}, "the data's actions are continuous, `spec` says discrete"),
        ({"trajectories": walks(True), "spec": Spec(2, 1, discrete=True)}, "has action 1, `spec` knows 0 to 0"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    given = {"trajectories": walks(), "config": CONFIG, "checkpoints": tmp_path / "c", "metrics": tmp_path / "m.csv"}
    with pytest.raises(ValueError, match=message):
        train(AGENT, **(given | arguments), progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": NAN}, "learning_rate must be a number above 0, got nan"),
        ({"learning_rate": -1e-3}, "learning_rate must be a number above 0, got -0.001"),
        ({"learning_rate": float("inf")}, "got inf"),
        ({"final_learning_rate": NAN}, "final_learning_rate must be a number from 0 on, or None, got nan"),
        ({"final_learning_rate": -1e-5}, "got -1e-05"),
        ({"tau": NAN}, r"tau must lie in \(0, 1\], got nan"),
        ({"steps": 2.5}, "steps must be at least 1 and whole, got 2.5"),
        ({"batch_size": NAN}, "batch_size must be at least 1 and whole, got nan"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**settings)


def test_seeds_may_be_numbers_of_another_kind() -> None:
    config = dataclasses.replace(CONFIG, steps=2)
    found = train(small("gcbc"), walks(), config, np.arange(1, 3), progress=False)
    assert equal(found, train(small("gcbc"), walks(), config, (1, 2), progress=False))
    assert found.seeds == [1, 2]
    assert len(train(small("gcbc"), walks(), config, np.int64(2), progress=False).seeds) == 2  # type: ignore[arg-type]


def changed(tensor: torch.Tensor, row: int, value: float) -> torch.Tensor:
    tensor = tensor.clone()
    tensor[row] = value
    return tensor


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {"observations": changed(d.observations, 5, NAN)}, "observations has a NaN or infinity, .* row 5"),
        (lambda d: {"observations": changed(d.observations, 5, -float("inf"))}, "observations has a NaN .* row 5"),
        (lambda d: {"actions": changed(d.actions, 7, NAN)}, r"\[-1, 1\], where policies act; row 7 has \[nan, nan\]"),
        (lambda d: {"actions": changed(d.actions, 7, 1.01)}, r"row 7 has \[1.0"),
        (lambda d: {"actions": 9 * d.actions}, "Divide them all by the largest"),
        (lambda d: {"next_observations": changed(d.observations, 3, NAN)}, "next_observations has a NaN"),
    ],
)
def test_data_that_no_policy_can_learn_from_is_refused(change: Callable[..., Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(walks(), **change(walks())).check_actions()


def test_discrete_actions_are_numbered_from_0() -> None:
    data = walks(True)
    with pytest.raises(ValueError, match="numbered from 0, row 7 has -1"):
        dataclasses.replace(data, actions=changed(data.actions, 7, -1)).check_actions()


def test_filler_and_rounding_are_let_through() -> None:
    data = walks()
    last = int(data.episode_ends[0]) - 1
    filled = dataclasses.replace(data, actions=changed(data.actions, last, NAN))
    assert equal(*(train(small("gcbc"), each, CONFIG, progress=False) for each in (data, filled)))
    dataclasses.replace(data, actions=changed(data.actions, 0, 1.00001)).check_actions()


class Late(NamedTuple):
    """A batch whose first field is not sampled."""

    words: torch.Tensor | None
    observations: torch.Tensor
    actions: torch.Tensor
    policy_goals: torch.Tensor


def test_a_batch_may_begin_with_what_was_not_sampled() -> None:
    draw = stops_at(None)

    def late(size: int, generator: torch.Generator) -> Late:
        batch = draw(size, generator)
        return Late(None, batch.observations, batch.actions, batch.policy_goals)

    agent = GCBC(policy_hidden_dims=(16,))
    usual = train(agent, walks(), CONFIG, 2, draw=draw, progress=False)
    assert equal(train(agent, walks(), CONFIG, 2, draw=late, progress=False), usual)
    train(agent, walks(), CONFIG, 2, draw=late, together=True, progress=False)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda batch: batch._asdict(), TypeError, "must give a NamedTuple of tensors.*, got dict"),
        (tuple, TypeError, "got tuple"),
        (lambda batch: batch._replace(actions=batch.actions.numpy()), TypeError, "its actions is ndarray"),
        (
            lambda batch: Late(None, batch[0], batch[1], batch.policy_goals),
            ValueError,
            "needs batches with a field `noise`",
        ),
    ],
)
def test_what_is_no_batch_is_refused(
    change: Callable[[Batch], Any], error: type[Exception], message: str, together: bool
) -> None:
    draw, agent = stops_at(None), dataclasses.replace(small("gciql"), const_std=False)
    with pytest.raises(error, match=message):
        train(
            agent,
            walks(),
            CONFIG,
            2,
            draw=lambda size, generator: change(draw(size, generator)),
            together=together,
            progress=False,
        )


def test_a_draw_function_needs_no_data(tmp_path: Path) -> None:
    data: Trajectories = walks()
    with_data = train(AGENT, data, CONFIG, progress=False)
    for _ in range(2):
        without = train(
            AGENT, None, CONFIG, draw=stops_at(None), spec=data.spec(), checkpoints=tmp_path, progress=False
        )
        assert equal(without, with_data)
