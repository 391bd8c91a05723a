"""Chapter 8's experiment: what recordings hold, who is filmed, and who looks into the future."""

import pandas as pd
import pytest
import torch

from saw_edu.course.ch08 import figures, scenes
from saw_edu.envs.packing import film, rules
from saw_edu.hierarchy import Cloning, EveryN, TwoLevels
from saw_edu.hierarchy.imagine import Imagining, learn_to_imagine, load_video
from saw_edu.place import asset
from saw_edu.viz import click_explorer


def test_a_demonstration_ends_with_the_object_in_the_bag() -> None:
    recording = scenes.record(7, seed=3)
    last = recording["last"].nonzero().squeeze(1)
    assert len(last) == 7
    final = film.read(recording["frames"][last])[:, rules.FIRST_THING + 1 :]
    packed = (final == rules.IN_BAG).float()
    assert torch.equal(packed.argmax(1), torch.arange(7) % 3)
    assert bool((packed.sum(1) == 1).all())
    asked = recording["told"][last].view(7, 3, 3)
    assert torch.equal(asked[:, :, 0], packed)
    assert bool(film.possible(recording["frames"]).all())
    assert torch.equal(recording["actions"] == -1, recording["last"])
    states = film.read(recording["frames"])
    before = (~recording["last"]).nonzero().squeeze(1)
    moved = rules.move_table()[states[before, 1], states[before, 2], states[before, 0], recording["actions"][before]]
    assert torch.equal(moved, states[before + 1, 0]), "each action leads to the next frame's place"


def test_videos_have_no_actions_and_show_whom_they_film() -> None:
    robot, person, fast = (shoot(5, 2) for shoot in (scenes.film_robot, scenes.film_person, scenes.film_fast))
    assert all("actions" not in video for video in (robot, person, fast))
    assert torch.equal(film.read(robot["frames"]), film.read(person["frames"]))
    assert bool((film.brightest(person["frames"])[:, film.ROBOT] == rules.NOWHERE).all())
    assert torch.equal(robot["frames"], scenes.record(5, 2)["frames"])
    slow, quick = load_video([robot]), load_video([fast])
    begin = 0
    for end, quick_end in zip(slow.episode_ends.tolist(), quick.episode_ends.tolist(), strict=True):
        rows = [*range(begin, end, 2)]
        rows += [end - 1] if rows[-1] != end - 1 else []
        assert torch.equal(slow.frames[rows], quick.frames[quick_end - len(rows) : quick_end])
        begin = end


def test_final_frames_come_off_and_on_again() -> None:
    whole = scenes.record(4, 1)
    cut = scenes.without_final_frames(whole)
    before, after, ends = scenes.before_and_after(whole)
    assert torch.equal(before, cut["frames"])
    assert torch.equal(ends, cut["last"].nonzero().squeeze(1) + 1)
    assert len(cut["frames"]) == len(whole["frames"]) - 4
    assert bool((cut["actions"] >= 0).all())
    assert int((film.read(cut["frames"])[:, rules.FIRST_THING + 1 :] >= rules.IN_BAG).sum()) == 0, "nobody ever packs"
    frames, moved = scenes.with_final_frames(before, after, ends)
    assert torch.equal(frames, whole["frames"])
    assert torch.equal(moved, whole["last"].nonzero().squeeze(1) + 1)


def test_the_oracle_shows_what_the_expert_does() -> None:
    world, generator = scenes.make_world(), torch.Generator().manual_seed(0)
    starts = world.sample_states(30, generator)
    goals = world.world.goal_states(scenes.missions(30))
    shown = scenes.Oracle(generator)(world.observe(starts), world.observe(goals))
    assert bool(film.possible(shown).all())
    nearer = world.world.distances(starts, goals) - world.world.distances(film.read(shown), goals)
    assert 4 < float(nearer.mean()) < 10, "6 to 10 steps, some of which fail"


def test_a_small_hierarchy_and_a_flat_policy_run_and_are_tested_alike() -> None:
    few = scenes.demonstrations_of(0, number=3)
    low = scenes.clone_low(few, torch.Generator().manual_seed(1), Cloning(steps=3))
    net, _ = learn_to_imagine(load_video([few]), Imagining((8,), training_steps=2), torch.Generator().manual_seed(1))
    for policy in (
        scenes.hierarchy(net, low, seed=0),
        TwoLevels(scenes.Oracle(torch.Generator().manual_seed(2)), low, EveryN(4)),
        scenes.clone_flat(few, torch.Generator().manual_seed(1), Cloning(steps=3)),
    ):
        found = scenes.success(policy, seed=0, episodes=3)
        assert set(found) == set(rules.OBJECTS)
        assert all(0 <= rate <= 1 for rate in found.values())
    assert 0 <= scenes.quality(net, 0, episodes=2).overlap <= 1


def test_every_source_gives_video_of_its_length() -> None:
    few = scenes.demonstrations_of(0, number=2)
    shots = {name: (shoot, min(number, 3), config) for name, (shoot, number, config) in scenes.SOURCES.items()}
    original = dict(scenes.SOURCES)
    scenes.SOURCES.update(shots)
    try:
        for name, (shoot, number, config) in shots.items():
            video, how = scenes.video_of(name, few, 0)
            assert len(video.episode_ends) == 2 + (number if shoot else 0)
            assert how == config
    finally:
        scenes.SOURCES.update(original)


def test_the_widget_puts_the_robot_where_one_clicks_and_tells_what_came() -> None:
    few = scenes.demonstrations_of(0, number=3)
    low = scenes.clone_low(few, torch.Generator().manual_seed(1), Cloning(steps=3))
    net, _ = learn_to_imagine(load_video([few]), Imagining((8,), training_steps=2), torch.Generator().manual_seed(1))
    bench = figures.Bench({"none": net}, low)
    assert bench.nearest((4.0, 2.2)) in ((3.0, 2.0), (5.0, 2.0)), "nobody stands in the wall"
    options = {"fetch": "cup", "door": "open", "learned_from": "none", "pictures": "sampled", "number": 3, "steps": 6}
    explorer = click_explorer(
        bench.draw,
        point=(1, 1),
        nearest=bench.nearest,
        alt=bench.alt,
        fetch=["cup"],
        door=["open"],
        learned_from=["none"],
        pictures=["sampled", "mean"],
        number=(0, 9),
        steps=(4, 12),
    )
    explorer.choose((6.3, 4.9))
    assert explorer.point == (6.0, 5.0)
    now, proposal, states = bench.run((6.0, 5.0), **options)
    assert int(film.read(now)[0, rules.AGENT]) == 5 * rules.WIDTH + 6
    assert states.shape == (7, 8)
    assert all(
        torch.equal(a, b) for a, b in zip(bench.run((6.0, 5.0), **options), (now, proposal, states), strict=True)
    )
    assert "column 6, row 5" in bench.alt((6.0, 5.0), **options)
    assert "After 6 steps" in bench.alt((6.0, 5.0), **options)


def test_figures_are_drawn() -> None:
    assert len(figures.futures(runs=20).axes) == 4
    few = scenes.demonstrations_of(0, number=2)
    net, _ = learn_to_imagine(load_video([few]), Imagining((8,), training_steps=2), torch.Generator().manual_seed(1))
    assert len(figures.proposals({"a": net, "b": net}, few["frames"][0].float(), few["told"][0]).axes) == 10


def test_recorded_results_are_complete_and_told() -> None:
    recorded, measured = (pd.read_csv(asset(f"ch08/{name}.csv")) for name in ("success", "quality"))
    assert set(recorded["seed"]) == set(range(scenes.SEEDS)) == set(measured["seed"])
    assert len(recorded.drop(columns="success").drop_duplicates()) == len(recorded)
    assert set(scenes.SOURCES) < set(measured["source"])
    assert len(figures.bars(recorded).axes) == 1
    assert figures.films(recorded).loc["1,000 films of a robot", "errands done"].startswith("0.45")
    limits = figures.limits(recorded)
    assert limits.loc["20 without cup, films: cup", "true future"].startswith("0.00 [0.00, 0.0")
    with pytest.raises(ValueError, match="nothing was recorded for mean, dog"):
        figures.by_seed(recorded, "mean", "dog")
    robot, none = (figures.by_seed(recorded, "sampled", source) for source in ("robot", "none"))
    assert figures.lead(robot, none).startswith("+0.26")
