"""Agents' hyperparameters: every number has a range, and what is outside it is told."""

import dataclasses
from typing import Any

import pytest

from saw_edu.agents import AGENTS, GCIVL, HIQL, QRL, SAW

NUMBERS = (int, float, int | None, tuple[int, ...])


@pytest.mark.parametrize("name", AGENTS)
def test_every_number_of_every_agent_has_a_range(name: str) -> None:
    agent = AGENTS[name]()
    numbers = [field for field in dataclasses.fields(agent) if field.type in NUMBERS]
    assert {field.name for field in numbers} >= {"discount", "policy_hidden_dims"}
    for field in numbers:
        wrong = (-1,) if field.type == tuple[int, ...] else -1
        with pytest.raises(ValueError, match=rf"^{field.name} must .*got .*-1"):
            dataclasses.replace(agent, **{field.name: wrong})


@pytest.mark.parametrize(
    ("kind", "field", "good", "bad", "allowed"),
    [
        (SAW, "discount", [1e-6, 0.999], [0, 1, 1.5, float("nan")], "between 0 and 1"),
        (GCIVL, "expectile", [0.5, 0.99], [0.0, 1.0], "between 0 and 1"),
        (SAW, "beta", [0.0, 30.0], [-0.1, float("inf"), float("nan")], "at least 0 and finite"),
        (GCIVL, "alpha", [0.0], [-3.0], "at least 0 and finite"),
        (HIQL, "subgoal_steps", [1], [0], "at least 1"),
        (HIQL, "rep_dim", [None, 1], [0], "at least 1, or None"),
        (QRL, "latent_dim", [8], [0], "at least 1"),
        (
            SAW,
            "subgoal_policy_hidden_dims",
            [(1,), (4, 2)],
            [(), (4, 0)],
            "at least one layer, each of at least 1 unit",
        ),
    ],
)
def test_ranges_end_where_they_should(kind: Any, field: str, good: list, bad: list, allowed: str) -> None:
    for value in good:
        assert getattr(kind(**{field: value}), field) == value
    for value in bad:
        with pytest.raises(ValueError, match=f"^{field} must .*{allowed}.*, got") as caught:
            kind(**{field: value})
        assert str(caught.value).endswith(f"got {value}")
