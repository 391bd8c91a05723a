"""TinyPacking: its rules case by case, its expert against breadth-first search, its words, its numbers."""

import warnings

import gymnasium
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from saw_edu.envs import Expert, TinyPacking, World
from saw_edu.envs.gym import MazeVectorEnv
from saw_edu.envs.packing import expert, language, rules
from saw_edu.envs.packing.rules import CELLS, HELD, IN_BAG, NOWHERE, OPEN, PICK, PUT, RIGHT, UP, WIDTH

CERTAIN = TinyPacking(slip=0.0, pick_fails=0.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cell(row: int, column: int) -> int:
    return row * WIDTH + column


def state(agent=0, door=3, opened=1, bag=2, key=NOWHERE, ball=5, box=6, cup=7) -> torch.Tensor:
    return torch.tensor([[agent, door, opened, bag, key, ball, box, cup]])


def after(before: torch.Tensor, *actions: int, world: TinyPacking = CERTAIN) -> list[int]:
    for action in actions:
        before = world.step(before, torch.tensor([action]), generator())
    return before[0].tolist()


def moved(before: torch.Tensor, **changes: int) -> list[int]:
    names = ("agent", "door", "opened", "bag", "key", "ball", "box", "cup")
    return [changes.get(name, int(value)) for name, value in zip(names, before[0], strict=True)]


def test_it_is_a_world_with_an_expert() -> None:
    assert isinstance(CERTAIN, World)
    assert isinstance(CERTAIN, Expert)


RULES = {
    "a move": (state(), [UP], {"agent": cell(1, 0)}),
    "into the wall": (state(agent=cell(2, 3)), [RIGHT], {}),
    "through the open door": (state(agent=cell(3, 3)), [RIGHT, RIGHT], {"agent": cell(3, 5)}),
    "into the shut door": (state(agent=cell(3, 3), opened=0, key=1), [RIGHT], {}),
    "no way up in the doorway": (state(agent=cell(3, 4)), [UP], {}),
    "pick": (state(agent=5), [PICK], {"ball": HELD}),
    "nothing to pick": (state(agent=8), [PICK], {}),
    "exchange": (state(agent=5, box=HELD), [PICK], {"ball": HELD, "box": 5}),
    "put on the floor": (state(agent=8, box=HELD), [PUT], {"box": 8}),
    "no room on the floor": (state(agent=5, box=HELD), [PUT], {}),
    "nothing to put": (state(agent=8), [PUT], {}),
    "pack": (state(agent=2, box=HELD), [PUT], {"box": IN_BAG}),
    "pack second": (state(agent=2, box=HELD, cup=IN_BAG), [PUT], {"box": IN_BAG + 1}),
    "take out the last": (state(agent=2, box=IN_BAG, ball=IN_BAG + 1), [PICK], {"ball": HELD}),
    "no taking out with full hands": (state(agent=2, box=IN_BAG, ball=HELD), [PICK], {}),
    "the key is not packed": (state(agent=2, opened=0, key=HELD), [PUT], {}),
    "open": (state(agent=cell(3, 3), opened=0, key=HELD), [OPEN], {"opened": 1, "key": NOWHERE}),
    "open without the key": (state(agent=cell(3, 3), opened=0, key=1), [OPEN], {}),
    "open from afar": (state(agent=cell(3, 2), opened=0, key=HELD), [OPEN], {}),
}


@pytest.mark.parametrize(("before", "actions", "changes"), RULES.values(), ids=RULES)
def test_rules(before: torch.Tensor, actions: list[int], changes: dict[str, int]) -> None:
    assert after(before, *actions) == moved(before, **changes)


def test_chance() -> None:
    always_slips, never_picks = TinyPacking(slip=1.0, pick_fails=0.0), TinyPacking(slip=0.0, pick_fails=1.0)
    carrying = state(agent=cell(2, 0), ball=HELD)
    assert after(carrying, UP, world=always_slips) == moved(carrying, agent=cell(3, 0), ball=cell(3, 0))
    over = state(agent=cell(2, 0), ball=HELD, box=cell(3, 0))
    assert after(over, UP, world=always_slips) == moved(over, agent=cell(3, 0)), "nothing falls on another thing"
    onto_bag = state(agent=1, ball=HELD)
    assert after(onto_bag, RIGHT, world=always_slips) == moved(onto_bag, agent=2), "nor on the bag"
    assert after(state(agent=5), PICK, world=always_slips) == moved(state(agent=5), ball=HELD), "not when just picked"
    assert after(state(agent=5), PICK, world=never_picks) == moved(state(agent=5))

    world, many = TinyPacking(), 20_000
    fell = world.step(carrying.expand(many, -1), torch.full((many,), UP), generator())[:, 5] != HELD
    picked = world.step(state(agent=5).expand(many, -1), torch.full((many,), PICK), generator())[:, 5] == HELD
    assert float(fell.double().mean()) == pytest.approx(0.05, abs=0.008)
    assert float(picked.double().mean()) == pytest.approx(0.8, abs=0.015)
    with pytest.raises(ValueError, match=r"give step\(\) a torch.Generator"):
        world.step(carrying, torch.tensor([UP]))


def test_every_state_stays_lawful_and_within_bounds() -> None:
    """Random actions and expert ones in turn, in a world that slips much: the laws that the docstring states."""
    world, g = TinyPacking(slip=0.3), generator(1)
    states = world.sample_states(500, g)
    low, high = world.observation_bounds
    goals = world.sample_goals(500, 3, g)
    for _ in range(200):
        things, cells = states[:, 4:], states[:, 4:].clone()
        assert ((things == HELD).sum(1) <= 1).all()
        cells[things >= CELLS] = -torch.arange(1, 5).expand(500, -1)[things >= CELLS]
        lying = torch.cat([cells, states[:, 3:4]], 1).sort(1).values
        assert (lying.diff(dim=1) != 0).all(), "two things in one cell"
        packed = (things >= IN_BAG).sum(1)
        assert ((things - IN_BAG + 1).clamp(min=0).amax(1) == packed).all(), "a gap in the bag"
        seen = world.observe(states)
        assert seen.shape == (500, world.spec.observation_dim)
        assert ((seen >= low) & (seen <= high)).all()
        states = world.step(states, world.sample_actions(500, g), g)
        expert_moves = world.oracle(states, goals)
        states = torch.where(torch.rand(500, 1, generator=g) < 0.8, world.step(states, expert_moves, g), states)
    assert (states[:, 2] == 1).any()
    assert (states[:, 5:] > IN_BAG).any()


def test_reproducible_under_a_seed() -> None:
    def run(seed: int) -> list[torch.Tensor]:
        world, g = TinyPacking(), generator(seed)
        starts, goals, tasks = world.task_states(10, g)
        states, seen = starts, [goals, tasks]
        for _ in range(50):
            states = world.step(states, world.oracle(states, goals), g)
            seen += [states, world.observe(states)]
        return seen

    assert all(torch.equal(a, b) for a, b in zip(run(0), run(0), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(run(0), run(1), strict=True))


def test_success_is_the_bag_in_the_missions_order() -> None:
    goal = CERTAIN.goal_states(torch.tensor([[2, 0, -1]]))
    assert CERTAIN.mission(goal[0]) == "pack the cup, then the ball"
    cases = {
        (IN_BAG + 1, 6, IN_BAG): True,
        (IN_BAG + 1, HELD, IN_BAG): True,
        (IN_BAG, 6, IN_BAG + 1): False,
        (HELD, 6, IN_BAG): False,
        (IN_BAG + 1, IN_BAG + 2, IN_BAG): False,
    }
    for (ball, box, cup), success in cases.items():
        assert bool(CERTAIN.reached(state(ball=ball, box=box, cup=cup), goal)) is success
    for wrong in ([0, 0, -1], [3, -1, -1], [-1, -1, -1], [0, -1, 1]):
        with pytest.raises(ValueError, match="a mission names 1 to 3 different objects"):
            CERTAIN.goal_states(torch.tensor([wrong]))


def breadth_first(start: torch.Tensor, goal: torch.Tensor, limit: int = 60) -> int:
    """The least number of actions from a state to a goal, by trying all of them from every state met."""
    frontier, seen = start, set()
    actions = torch.arange(7)
    for depth in range(limit):
        if bool(CERTAIN.reached(frontier, goal.expand(len(frontier), -1)).any()):
            return depth
        tried = CERTAIN.step(frontier.repeat_interleave(7, 0), actions.repeat(len(frontier)))
        code = (tried * torch.tensor([1, 0, 64, 0, 128, 2**14, 2**21, 2**28])).sum(1)
        new = {int(c): i for i, c in enumerate(code.tolist()) if c not in seen}
        seen |= new.keys()
        frontier = tried[list(new.values())]
    raise AssertionError(f"no way within {limit} steps")


def steps_of_the_expert(start: torch.Tensor, goal: torch.Tensor, limit: int = 200) -> torch.Tensor:
    states, steps = start, torch.full((len(start),), -1)
    for step in range(limit):
        steps = torch.where(CERTAIN.reached(states, goal) & (steps < 0), step, steps)
        states = CERTAIN.step(states, CERTAIN.oracle(states, goal))
    return steps


def test_the_expert_is_as_short_as_breadth_first_search() -> None:
    """One object to pack: from fresh starts, with the thing fallen anywhere, and with a wrong one in the hand."""
    g = generator(2)
    starts = CERTAIN.sample_states(8, g)
    starts[:, 7] = NOWHERE  # no cup: a smaller search
    starts[4:, 2], starts[4:, 4] = 1, NOWHERE  # the door is open
    starts[4, 5], starts[5, 6] = cell(6, 0), HELD  # the ball fell left; the box is in the hand
    starts[6, 5], starts[6, 3] = HELD, cell(0, 0)
    starts[7, 0], starts[7, 6] = starts[7, 5], HELD  # beside the ball already, hand full
    goals = CERTAIN.goal_states(torch.tensor([[0, -1, -1]])).expand(8, -1)
    exact = [breadth_first(start[None], goal[None]) for start, goal in zip(starts, goals, strict=True)]
    assert steps_of_the_expert(starts, goals).tolist() == exact
    assert CERTAIN.distances(starts, goals).tolist() == exact


def test_the_distance_is_what_the_expert_takes() -> None:
    g = generator(3)
    starts, goals, tasks = CERTAIN.task_states(200, g)
    on_the_way = starts
    for _ in range(30):  # with detours: things dropped, wrong things picked
        actions = CERTAIN.perturb(CERTAIN.oracle(on_the_way, goals), 0.3, g)
        on_the_way = CERTAIN.step(on_the_way, actions)
    right = CERTAIN.distances(on_the_way, goals) < torch.inf
    assert right.double().mean() > 0.9
    for states, who in ((starts, right | True), (on_the_way, right)):
        steps = steps_of_the_expert(states[who], goals[who])
        assert torch.equal(steps.float(), CERTAIN.distances(states[who], goals[who]))
    lengths = [float(CERTAIN.distances(starts, goals)[tasks == k].mean()) for k in (1, 2, 3)]
    assert lengths == pytest.approx([27, 48, 69], abs=3)


def test_the_expert_recovers_from_every_bag() -> None:
    """Any content of the bag and of the hand: it takes out what is wrong, and the mission succeeds."""
    cases = []
    for ball in (IN_BAG, IN_BAG + 1, HELD, cell(3, 6)):
        for box in (IN_BAG, IN_BAG + 1, IN_BAG + 2, HELD, cell(3, 3)):
            for cup in (IN_BAG, IN_BAG + 1, IN_BAG + 2, HELD, cell(0, 1)):
                packed = sorted(x for x in (ball, box, cup) if x >= IN_BAG)
                if packed == list(range(IN_BAG, IN_BAG + len(packed))) and [ball, box, cup].count(HELD) < 2:
                    cases += [state(agent=agent, ball=ball, box=box, cup=cup) for agent in (2, cell(3, 3))]
    starts = torch.cat(cases)
    for mission in ([0, -1, -1], [2, 0, -1], [1, 2, 0]):
        goals = CERTAIN.goal_states(torch.tensor([mission])).expand(len(starts), -1)
        assert (steps_of_the_expert(starts, goals) >= 0).all()


def test_the_expert_succeeds_under_chance() -> None:
    world, g = TinyPacking(), generator(4)
    states, goals, _ = world.task_states(200, g)
    succeeded = torch.zeros(600, dtype=torch.bool)
    for _ in range(world.max_steps):
        states = world.step(states, world.oracle(states, goals), g)
        succeeded |= world.reached(states, goals)
    assert succeeded.double().mean() > 0.99


def test_two_levels_of_words() -> None:
    """The plan's coarse subgoals come in order, each until accomplished; after a fall it is to get the thing again."""
    world, g = CERTAIN, generator(5)
    states, goal = world.sample_states(1, g), world.goal_states(torch.tensor([[1, 0, -1]]))
    said = []
    while not bool(world.reached(states, goal)):
        phrase = int(world.subgoals(states, goal))
        assert not bool(expert.accomplished(world.observe(states), torch.tensor([phrase])))
        if not said or said[-1] != phrase:
            if said:
                assert bool(expert.accomplished(world.observe(states), torch.tensor([said[-1]])))
            said.append(phrase)
        states = world.step(states, world.oracle(states, goal))
    words = [language.PHRASES[phrase] for phrase in said]
    expected = ["get the key", "open the door", "get the box", "pack the box", "get the ball", "pack the ball"]
    assert words == expected
    fallen = state(agent=cell(3, 2), box=cell(3, 3))
    assert language.PHRASES[int(world.subgoals(fallen, goal))] == "get the box"
    literal = expert.low(world.observe(fallen), torch.tensor([language.PHRASES.index("pack the box")]))
    assert literal.item() == rules.DOWN, "to the bag in row 0, with empty hands"


def test_vocabulary() -> None:
    assert [language.PHRASES[i] for i in language.fine_phrases(torch.arange(7))] == list(language.FINE)
    bags, tokens = language.bag_of_words(), language.tokens()
    assert bags.shape == (15, len(language.WORDS))
    assert len(bags.unique(dim=0)) == len(language.PHRASES), "two phrases look alike"
    for phrase, row in zip(language.PHRASES, tokens, strict=True):
        assert " ".join(language.WORDS[i] for i in row if i != language.PADDING) == phrase


def test_gymnasiums_own_checker() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make("saw_edu/TinyPacking-v0", render_mode="rgb_array", slip=0.1)
        check_env(env.unwrapped)
    many = gymnasium.make_vec("saw_edu/TinyPacking-v0", num_envs=3)
    assert isinstance(many.unwrapped, MazeVectorEnv)
    many.reset(seed=0, options={"task_id": 3})
    _, rewards, terminated, truncated, infos = many.step(many.action_space.sample())
    assert rewards.shape == terminated.shape == truncated.shape == infos["distance"].shape == (3,)
    start, goal = state(agent=2, ball=HELD)[0], CERTAIN.goal_states(torch.tensor([[0, -1, -1]]))[0]
    env.reset(options={"start": start, "goal": goal})
    assert env.step(PUT)[1:4] == (1.0, True, False)


def test_pictures() -> None:
    image = CERTAIN.picture(state(ball=HELD, box=IN_BAG)[0])
    assert image.shape == (9 * 24, 11 * 24, 3)
    assert (image != CERTAIN.picture(state(ball=HELD)[0])).any()


def test_wrong_settings() -> None:
    with pytest.raises(ValueError, match="slip is a probability"):
        TinyPacking(slip=1.5)
    with pytest.raises(ValueError, match="at least 1 step"):
        TinyPacking(max_steps=0)
    with pytest.raises(ValueError, match="names 1 to 3 objects"):
        CERTAIN.sample_goals(1, 4, generator())
