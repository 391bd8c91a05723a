"""Chapter 12's experiment: a reader's functions learn as the library does; the figures; the table that is clicked."""

import pandas as pd
import pytest
import torch

from saw_edu.course.ch12 import checks, figures, language
from saw_edu.hierarchy.hal import LowLevel
from saw_edu.place import asset
from saw_edu.viz import click_explorer


def test_right_answers_learn_to_the_bit_as_the_library_does() -> None:
    own = language.OwnLow(
        checks.relabel_language.reference,
        checks.hindsight_returns.reference,
        checks.instruction_target.reference,
        seed=3,
    )
    library = language.make_low("hal", 3)
    for low in (own, library):
        low.train(2, progress=False)
    assert len(own.replay) == len(library.replay)
    for ours, theirs in zip(own.q.parameters(), library.q.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_tries_ask_for_what_is_false_and_are_the_same_for_all_variants() -> None:
    world = language.make_world()
    states, told = language.tries(world, 0)
    assert not world.truths(states).gather(1, told[:, None]).any()
    assert all(torch.equal(a, b) for a, b in zip((states, told), language.tries(world, 0), strict=True))
    assert set(told.tolist()) == set(language.ASKED)


def test_an_unknown_variant_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="none"):
        language.make_low("nome", 0)


def test_a_curve_is_measured_block_by_block(monkeypatch) -> None:
    monkeypatch.setattr(language, "BLOCK", 1)
    rows = language.curve("none", 0, rounds=2)
    assert rows["round"].tolist() == [1, 2]
    assert rows["rows"].tolist() == [640, 1280]
    assert rows[["success", "greedy", "random"]].stack().between(0, 1).all()


def test_recorded_results_have_every_variant_and_seed_and_are_drawn() -> None:
    recorded = pd.read_csv(asset("ch12/curves.csv"))
    assert len(recorded) == len(language.VARIANTS) * language.SEEDS * language.ROUNDS // language.BLOCK
    assert set(recorded["variant"]) == set(language.VARIANTS)
    assert len(figures.curves(recorded, list(language.VARIANTS)).axes) == 1
    assert len(figures.paired(recorded, "hal", ("none", "any"))) == 2


def test_the_first_picture_shows_pushes_that_miss_what_was_asked() -> None:
    labels = [ax.get_xlabel() for ax in figures.asked_and_got().axes]
    assert sum(label.startswith("now true") for label in labels) == 2


def test_a_click_moves_the_red_ball_and_a_met_statement_needs_no_push() -> None:
    low: LowLevel = language.make_low("hal", 0)
    pushes = figures.PushTable(low)
    made, states, true = pushes.run((2.0, 2.0), figures.WORDINGS[0], 5)  # the red box is in column 2, row 1
    assert true
    assert made == []
    assert len(states) == 1
    assert pushes.nearest((2.1, 1.1)) != (2.0, 1.0), "a cell in which something stands is not offered"
    explorer = click_explorer(
        pushes.draw,
        point=pushes.start,
        nearest=pushes.nearest,
        alt=pushes.alt,
        wording=figures.WORDINGS,
        pushes=(0, 10),
    )
    explorer.choose((3.0, 3.0))
    assert "column 3, row 3" in pushes.alt((3.0, 3.0), figures.WORDINGS[0], 3)
