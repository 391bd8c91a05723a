"""TinyPacking: fetch a key, open a door, and pack the named objects in order, for many worlds at once."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from saw_edu.data import Spec
from saw_edu.envs.packing import expert, language, rules
from saw_edu.envs.packing.render import picture
from saw_edu.envs.packing.rules import CELLS, FIRST_THING, HELD, IN_BAG, NOWHERE, OBJECTS, WIDTH


class TinyPacking:
    """A long errand in a small flat.

    - Mission: pack one, two or three named objects, in the order named ("pack the ball, then the cup").
    - World: 9 x 7 cells. A wall in column 4 leaves two rooms; a locked door, in a row that differs from episode to
      episode, joins them. The agent, the key and the bag start in the left room; ball, box and cup in the right one.
    - Actions: (B,) int64: 0 up, 1 down, 2 left, 3 right, 4 pick, 5 put, 6 open. A move into a wall or the closed door
      changes nothing. *pick* takes the thing that lies in the agent's cell, and leaves there what was in the hand; in
      the bag's cell an empty hand takes out what was packed last. *put* packs the object in the hand where the bag is,
      and lays a thing on a bare floor elsewhere; the key is not packed. *open*, beside the door with the key in the
      hand, opens it for good; the key stays in the lock. What makes no sense changes nothing.
    - Chance: *pick* fails with probability `pick_fails`. At the end of a step that began with something in the hand,
      it slips from the hand with probability `slip`, and lies where the agent stands, if the floor there is bare.
    - States: (B, 8) int64: the agent's cell, the door's row, whether it is open, the bag's cell, and where key, ball,
      box and cup are: a cell (row * 9 + column, row 0 at the bottom), in the hand, in the lock, or first, second, third
      in the bag (see `rules`). At most one thing lies in a cell, and none in the bag's.
    - Observations: (B, 75) float, relative to the agent. For each of key, ball, box, cup, bag and door nine numbers
      (`rules.TOKENS`): whether it lies somewhere, whether here, whether no wall is between; left, right, down, up;
      columns and rows away, scaled to [-1, 1]. For each thing four: in the hand, packed first, second, third. Whether
      the door is open. Which of the four moves are free.
    - Goals: states of which only the bag counts; everything else in them stands in one fixed place. So a goal's
      observation is the mission.
    - Success: the bag holds exactly the named objects, in the order named. An episode is cut off after `max_steps`.
      As an environment (`saw_edu.envs.MazeEnv`, "saw_edu/TinyPacking-v0"): reward 1 and termination on success, else 0.

    Args:
        slip: probability in [0, 1] that a held thing falls, each step.
        pick_fails: probability in [0, 1] that a pick does nothing.
        max_steps: actions after which an episode counts as failed.
        device: where the tables live and states are expected.

    Raises:
        ValueError: for a probability outside [0, 1], or no step at all.
    """

    def __init__(
        self,
        slip: float = 0.05,
        pick_fails: float = 0.2,
        max_steps: int = 160,
        device: str | torch.device = "cpu",
    ) -> None:
        for name, value in {"slip": slip, "pick_fails": pick_fails}.items():
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is a probability between 0 and 1, got {value}")
        if max_steps < 1:
            raise ValueError(f"an episode has at least 1 step, got max_steps={max_steps}")
        self.slip, self.pick_fails, self.max_steps = slip, pick_fails, max_steps
        self.device = torch.device(device)
        self.spec = Spec(rules.OBSERVATION_DIM, len(rules.ACTIONS), discrete=True)
        self._offsets = rules.offset_table().to(device)
        self._flags = rules.flag_table().to(device)
        self._moves = rules.move_table().to(device)
        self._free = (self._moves[..., :4] != self._moves[..., rules.OPEN :]).float()  # (7, 2, CELLS, 4)
        self._distance = rules.distance_table().to(device)
        low = torch.zeros(rules.OBSERVATION_DIM, device=device)
        low[: rules.PLACES_END].view(-1, len(rules.TOKENS))[:, -2:] = -1.0
        self.observation_bounds = (low, torch.ones_like(low))

    def observe(self, states: Tensor) -> Tensor:
        """States (B, 8) -> observations (B, 75), float."""
        agent, door_row, opened, bag = states[:, :FIRST_THING].unbind(1)
        things = states[:, FIRST_THING:]
        door = door_row * WIDTH + rules.WALL_COLUMN
        places = torch.cat([things, bag[:, None], door[:, None]], 1)  # (B, 6)
        tokens = self._offsets[agent[:, None], places].flatten(1)
        flags = self._flags[things].flatten(1)
        return torch.cat([tokens, flags, opened[:, None].float(), self._free[door_row, opened, agent]], 1)

    def step(self, states: Tensor, actions: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Next states (B, 8). Raises ValueError when chance plays a part and no generator is given."""
        luck = None
        if self.slip > 0 or self.pick_fails > 0:
            if generator is None:
                raise ValueError("things slip and picks fail here: give step() a torch.Generator")
            luck = torch.rand(2, len(states), generator=generator, device=self.device)
        agent, door_row, opened, bag = states[:, :FIRST_THING].unbind(1)
        things = states[:, FIRST_THING:]  # (B, 4)
        agent = self._moves[door_row, opened, agent, actions]
        held = things == HELD  # (B, 4)
        here = things == agent[:, None]
        full, at_bag, bare = held.any(1), agent == bag, ~here.any(1)
        last = IN_BAG - 1 + (things >= IN_BAG).sum(1)  # the code of what was packed last; NOWHERE where nothing was

        picks = actions == rules.PICK
        if luck is not None:
            picks &= luck[0] >= self.pick_fails
        packed_last = (things == last[:, None]) & ((last >= IN_BAG) & at_bag & ~full)[:, None]
        taken = (here | packed_last) & picks[:, None]  # (B, 4)
        laid = held & taken.any(1, keepdim=True)  # exchanged for what lay here

        puts = actions == rules.PUT
        packed = held & (puts & at_bag)[:, None]
        packed[:, rules.KEY] = False
        laid = laid | (held & (puts & bare & ~at_bag)[:, None])

        beside = (agent - (door_row * WIDTH + rules.WALL_COLUMN)).abs() == 1
        unlocks = (actions == rules.OPEN) & beside & held[:, rules.KEY]
        if luck is not None:
            laid = laid | (held & ~unlocks[:, None] & (bare & ~at_bag & (luck[1] < self.slip))[:, None])

        things = torch.where(laid, agent[:, None], things)
        things = torch.where(packed, last[:, None] + 1, things)
        things = things.masked_fill(taken, HELD)
        things[:, rules.KEY].masked_fill_(unlocks, NOWHERE)
        return torch.cat([torch.stack([agent, door_row, opened | unlocks, bag], 1), things], 1)

    def reached(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Whether the bag holds what the mission names, in its order, and nothing else: (B,) bool."""
        first = FIRST_THING + 1
        return (states[:, first:].clamp(min=NOWHERE) == goal_states[:, first:].clamp(min=NOWHERE)).all(1)

    def sample_states(self, num: int, generator: torch.Generator) -> Tensor:
        """States (num, 8) at the start of an episode: all cells of a room are equally likely, no two things in one."""
        _, column = rules.rows_and_columns()
        left, right = (side.nonzero().squeeze(1).to(self.device) for side in (column < 4, column > 4))

        def cells(room: Tensor, count: int) -> Tensor:
            order = torch.rand(num, len(room), generator=generator, device=self.device).argsort(1)
            return room[order[:, :count]]  # (num, count)

        agent_bag_key, objects = cells(left, 3), cells(right, len(OBJECTS))
        door_row = torch.randint(rules.HEIGHT, (num, 1), generator=generator, device=self.device)
        agent, bag, key = agent_bag_key.split(1, 1)
        return torch.cat([agent, door_row, torch.zeros_like(agent), bag, key, objects], 1)

    def goal_states(self, missions: Tensor) -> Tensor:
        """Missions (B, 3) -> goals (B, 8).

        Args:
            missions: numbers of the objects in the order to pack them (0 ball, 1 box, 2 cup), then -1 for no more.

        Raises:
            ValueError: an object named twice, or one that does not exist, or none.
        """
        order = torch.arange(len(OBJECTS), device=self.device)
        named = missions[..., None] == order  # (B, place, object)
        count = (missions >= 0).sum(1)
        gaps = (missions >= 0) != (order < count[:, None])
        if (named.sum(1) > 1).any() or (named.sum((1, 2)) != count).any() or (count == 0).any() or gaps.any():
            raise ValueError(
                f"a mission names 1 to 3 different objects of 0, 1, 2 and ends in -1s, got {missions.tolist()}"
            )
        codes = torch.where(named.any(1), IN_BAG + named.int().argmax(1), NOWHERE)  # (B, 3)
        fixed = torch.tensor([[0, 0, 1, 0, NOWHERE]], device=self.device).expand(len(missions), -1)
        return torch.cat([fixed, codes], 1)

    def sample_goals(self, num: int, objects: int, generator: torch.Generator) -> Tensor:
        """Goals (num, 8) that name so many objects (1 to 3), in a random order."""
        if not 1 <= objects <= len(OBJECTS):
            raise ValueError(f"a mission names 1 to {len(OBJECTS)} objects, got {objects}")
        missions = torch.rand(num, len(OBJECTS), generator=generator, device=self.device).argsort(1)
        missions[:, objects:] = -1
        return self.goal_states(missions)

    def task_states(self, repeats: int = 1, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, goals (3 * repeats, 8) and how many objects each mission names: first 1, then 2, then 3."""
        generator = generator or torch.Generator(self.device).manual_seed(0)
        starts = self.sample_states(len(OBJECTS) * repeats, generator)
        goals = [self.sample_goals(repeats, objects, generator) for objects in (1, 2, 3)]
        return starts, torch.cat(goals), torch.arange(1, 4, device=self.device).repeat_interleave(repeats)

    def sample_actions(self, num: int, generator: torch.Generator) -> Tensor:
        """Uniformly random actions (num,)."""
        return torch.randint(len(rules.ACTIONS), (num,), generator=generator, device=self.device)

    def oracle(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Actions (B,) of the expert: see `expert`. It takes the objects in order, by a shortest path each."""
        return expert.policy(self.observe(states), self.observe(goal_states))

    def subgoals(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """The expert's coarse subgoal (B,), a number of `language.PHRASES`, at each state."""
        return expert.high(self.observe(states), self.observe(goal_states))

    def perturb(self, actions: Tensor, noise: float, generator: torch.Generator) -> Tensor:
        """With probability `noise` a uniformly random action instead."""
        swap = torch.rand(actions.shape, generator=generator, device=self.device) < noise
        return torch.where(swap, self.sample_actions(len(actions), generator), actions)

    def distances(self, states: Tensor, goal_states: Tensor) -> Tensor:
        """Steps (B,) of the expert where nothing slips or fails, float; infinite with a wrong object in the bag."""
        agent, door_row, opened, bag = states[:, :FIRST_THING].unbind(1)
        things = states[:, FIRST_THING:].clone()
        goal = goal_states[:, FIRST_THING:]
        bagged = things >= IN_BAG
        wrong = (bagged & (things != goal)).any(1)

        def far(start: Tensor, end: Tensor) -> Tensor:
            return self._distance[door_row, start.clamp(max=CELLS - 1), end.clamp(max=CELLS - 1)]

        key, has_key = things[:, 0], things[:, 0] == HELD
        steps = torch.where(has_key, 0, far(agent, key) + 1)
        beside = door_row * WIDTH + rules.WALL_COLUMN - 1
        steps = torch.where(opened == 1, 0, steps + far(torch.where(has_key, agent, key), beside) + 1)
        here = torch.where(opened == 1, agent, beside)
        for place in range(len(OBJECTS)):
            wanted = (goal == IN_BAG + place) & ~bagged  # (B, 4), at most one
            at = torch.where(wanted, things, 0).sum(1)
            fetch = torch.where(at == HELD, far(here, bag) + 1, far(here, at) + far(at, bag) + 2)
            steps = steps + torch.where(wanted.any(1), fetch, 0)
            swapped = (things == HELD) & wanted.any(1, keepdim=True) & (at != HELD)[:, None]
            things = torch.where(swapped, at[:, None], things)  # it is left where the wanted one lay
            here = torch.where(wanted.any(1), bag, here)
        return torch.where(wrong, torch.inf, steps.float())

    def mission(self, goal_state: Tensor) -> str:
        """A goal (8,) in words."""
        return language.mission_words([int(code) for code in goal_state[FIRST_THING + 1 :]])

    def picture(self, state: Tensor, goal_state: Tensor | None = None, cell_pixels: int = 24) -> NDArray[Any]:
        """One world from above: (H, W, 3) uint8."""
        return picture(state, cell_pixels)

    def __repr__(self) -> str:
        return f"TinyPacking(slip={self.slip}, pick_fails={self.pick_fails}, max_steps={self.max_steps})"
