"""HAL: what is relabelled, by hand; a low level that learns; a high level with a known answer; resuming to the bit."""

from dataclasses import replace

import pytest
import torch

from saw_edu.envs.objects import STATEMENTS, TWIN, Objects, statement
from saw_edu.hierarchy.hal import HALConfig, HighLevel, LowLevel, encode, hindsight, newly_true

WORLD = Objects(size=4)
SMALL = HALConfig(hidden=32, worlds=8, updates=3, batch_size=32, capacity=2_000)
FEW = tuple(number for number in range(48) if number not in (0, TWIN[0]))  # all but one and its twin


def _truths(*rows: str) -> torch.Tensor:
    """(T + 1, 1, S) from rows of 0 and 1."""
    return torch.tensor([[[mark == "1" for mark in row]] for row in rows])


def test_newly_true_is_false_before_and_true_after() -> None:
    before, after = torch.tensor([0, 0, 1, 1]).bool(), torch.tensor([0, 1, 0, 1]).bool()
    assert newly_true(before, after).tolist() == [False, True, False, False]


def test_what_is_stored_and_with_which_return_by_hand() -> None:
    # statement 0 comes true at the second push, 1 is always true, 2 never, 3 is true, then false, then true again
    truths = _truths("0101", "0100", "1100", "1101")
    chosen, returns = hindsight(truths, HALConfig(immediate=4, later=4), torch.Generator().manual_seed(0))
    assert chosen[:, 0].int().tolist() == [[1, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 1]]
    assert returns[chosen].tolist() == [0.5, 1.0, 0.5, 1.0]
    every = HALConfig(immediate=4, later=0, relabel="true")
    chosen, returns = hindsight(truths, every, torch.Generator().manual_seed(0))
    assert torch.equal(chosen, truths[1:])
    assert (returns[chosen] == 1).all()
    assert not hindsight(truths, HALConfig(relabel="none"), torch.Generator().manual_seed(0))[0].any()


def test_at_most_as_many_as_asked_are_stored_and_each_has_its_turn() -> None:
    truths = torch.cat([torch.zeros(1, 300, 6), torch.ones(1, 300, 6)]).bool()
    chosen, _ = hindsight(truths, HALConfig(immediate=2), torch.Generator().manual_seed(0))
    assert (chosen.sum(-1) == 2).all()
    assert (chosen.float().mean((0, 1)) - 1 / 3).abs().max() < 0.12


def test_encodings_tell_statements_apart_and_shuffled_words_are_those_of_others() -> None:
    for encoding in ("words", "one-hot", "shuffled"):
        assert len(encode(encoding).unique(dim=0)) == len(STATEMENTS)
    meant, shuffled = encode("words"), encode("shuffled")
    assert torch.equal(meant.unique(dim=0), shuffled.unique(dim=0))
    assert (meant != shuffled).any(1).float().mean() > 0.9


def test_stored_rows_say_what_happened_and_never_name_a_held_out_statement() -> None:
    held_out = (3, 17, TWIN[3], TWIN[17])
    low = LowLevel(WORLD, replace(SMALL, worlds=64), seed=0, held_out=held_out)
    low.collect()
    rows = {name: column[: len(low.replay)] for name, column in low.replay.columns.items()}
    assert torch.equal(rows["next_states"], WORLD.step(rows["states"], rows["actions"]))
    assert not torch.isin(rows["told"], torch.tensor(held_out)).any()
    true = WORLD.truths(rows["next_states"]).gather(1, rows["told"][:, None])[:, 0]
    assert not WORLD.truths(rows["states"]).gather(1, rows["told"][:, None]).any(), "all were false before"
    assert torch.equal(rows["rewards"] == 1, true)
    assert rows["ends"][rows["rewards"] > 0].all()


def test_other_relabellings_store_what_they_say() -> None:
    kept = {}
    for relabel in ("true", "diluted"):
        low = LowLevel(WORLD, replace(SMALL, worlds=64, later=0, relabel=relabel), seed=0)
        low.collect()
        rows = {name: column[640 : len(low.replay)] for name, column in low.replay.columns.items()}
        already = WORLD.truths(rows["states"]).gather(1, rows["told"][:, None])[:, 0]
        kept[relabel] = len(low.replay), float(already.float().mean()), float(rows["rewards"].mean())
    assert kept["true"][0] == kept["diluted"][0], "as many rows"
    assert kept["true"][1] > 0.2 > kept["diluted"][1] == 0
    assert kept["true"][2] == 1 > kept["diluted"][2]
    low = LowLevel(WORLD, replace(SMALL, worlds=64, reward_relabelled=False), seed=0)
    low.collect()
    assert low.replay.columns["rewards"][640:].mean() < 0.2


def test_a_low_level_learns_one_fact_in_two_wordings() -> None:
    low = LowLevel(WORLD, HALConfig(hidden=96, updates=20, batch_size=128, epsilon_decay=0.9), seed=0, held_out=FEW)
    low.train(30, progress=False)
    generator = torch.Generator().manual_seed(1)
    states, told = WORLD.sample_states(600, generator), torch.tensor([0, TWIN[0]]).repeat(300)
    false = ~WORLD.truths(states).gather(1, told[:, None])[:, 0]
    states, told = states[false], told[false]
    learned = float(low.succeeds(states, told, generator, 0.1).float().mean())
    chance = float(low.succeeds(states, told, generator, 1.0).float().mean())
    assert chance < 0.2
    assert learned > chance + 0.4


def test_a_high_level_learns_which_statement_brings_the_goal() -> None:
    magic = statement("the red ball is directly left of the red box")
    low = LowLevel(WORLD, SMALL, seed=0)

    class Magic(HighLevel):
        def carry_out(self, states, actions, generator):
            met = actions == magic
            return torch.where(met[:, None], self.goal, states), met, torch.full((len(states),), 5.0)

    high = Magic(WORLD, 1, low, replace(SMALL, worlds=32, updates=20, hidden=64, discount=0.3), seed=0)
    high.train(30, progress=False)
    states = high.starts(100, torch.Generator().manual_seed(1))
    told = torch.zeros(100, dtype=torch.int64)
    assert (high.act(states, told, torch.Generator()) == magic).float().mean() > 0.9


def test_an_action_of_the_high_level_stops_where_its_statement_comes_true() -> None:
    low = LowLevel(WORLD, SMALL, seed=0)
    low.act = lambda states, told, generator: torch.full_like(told, 3)  # type: ignore[method-assign]  # red ball right
    high = HighLevel(WORLD, 1, low, replace(SMALL, steps=3), seed=0)
    left_of = statement("the red ball is directly left of the blue ball")
    never = statement("the red ball is directly above the blue box")
    states = torch.tensor([[8, 0, 10, 15], [8, 0, 11, 15], [4, 6, 11, 15]])
    after, reached, pushes = high.carry_out(states, torch.tensor([left_of, left_of, never]), torch.Generator())
    assert after[:, 0].tolist() == [9, 10, 5]
    assert pushes.tolist() == [1, 2, 1]
    assert reached.tolist() == [False, False, True]


@pytest.mark.parametrize("level", ["low", "high", "flat"])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(level, tmp_path) -> None:
    def agent(seed: int = 0):
        low = LowLevel(WORLD, SMALL, seed=seed if level == "low" else 5)
        return low if level == "low" else HighLevel(WORLD, 1, low if level == "high" else None, SMALL, seed=seed)

    whole, first, second = agent(), agent(), agent(9)
    whole.train(4, progress=False)
    first.train(3, progress=False)
    first.save(tmp_path / "part.pt")
    second.restore(tmp_path / "part.pt")
    second.train(1, progress=False)
    assert second.successes == whole.successes
    for mine, theirs in zip(second.q.parameters(), whole.q.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(second.generator.get_state(), whole.generator.get_state())


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(ValueError, match="did you mean 'words'"):
        HALConfig(encoding="word")
    with pytest.raises(ValueError, match="none of new, true, diluted, none"):
        HALConfig(relabel="old")
    with pytest.raises(ValueError, match="at least 1"):
        HALConfig(updates=0)
    with pytest.raises(ValueError, match="discount"):
        HALConfig(discount=1.0)
    with pytest.raises(ValueError, match="every statement is held out"):
        LowLevel(WORLD, SMALL, seed=0, held_out=tuple(range(48)))
    with pytest.raises(ValueError, match="1, 2 and 3"):
        HighLevel(WORLD, 4, None, SMALL, seed=0)
    with pytest.raises(ValueError, match="made with"):
        LowLevel(WORLD, SMALL, seed=0).load_state_dict(LowLevel(WORLD, HALConfig(), seed=0).state_dict())
