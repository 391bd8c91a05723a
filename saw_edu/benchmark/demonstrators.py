"""Who acts in the suite's data where no trained expert is needed: one episode each, by the environment's own oracle.

As OGBench's scripts do it (data_gen_scripts, see `names`): in a maze straight towards the next cell of a shortest path,
with noise, to one goal after another; in manipulation by OGBench's planners, one target after another; in powderworld
by its painters. Everything random comes from a seed: OGBench draws from numpy's global state and from the environment's
own generator, so both are set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from saw_edu.benchmark.names import DataSet

Step = tuple[NDArray[Any], NDArray[Any], dict[str, Any]]  # observation, action, what the environment told
Demonstrator = Callable[[gymnasium.Env[Any, Any], DataSet], Iterator[Step]]

_STITCH = 4  # cells from the start to the goal
_EXPLORE = 10  # steps in one direction
_STACK = {"single": (0.0, 0.0), "double": (0.0, 0.25), "triple": (0.05, 0.35), "quadruple": (0.1, 0.5)}
_MIN_NORM, _SMOOTHING = 0.4, 0.5  # of OGBench's oracles
_PAINTERS = (1, 3, 3)  # how often each painter has its turn
_HELD = 3  # a powderworld action takes three steps: element, x, y


def episode(env: gymnasium.Env[Any, Any], data: DataSet, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """One episode: observations (rows, ...) and actions (rows, ...), `data.actions + 1` rows.

    The last action leads out of the data.
    A scene whose cube ended where no picture would show it is made again, with the next seed of its own.
    """
    act = _maze if data.locomotion else _powderworld if data.kind == "powderworld" else _manipulation
    for attempt in range(100):
        state = np.random.SeedSequence([seed, attempt]).generate_state(2)
        np.random.seed(state[0])
        env.reset(seed=int(state[1]))
        steps = list(act(env, data))
        if data.kind != "scene" or _every_cube_is_seen(steps):
            break
    else:
        raise RuntimeError(f"{data.name}: no good episode in 100 attempts")
    observations = np.stack([observation for observation, _, _ in steps])
    actions = np.stack([action for _, action, _ in steps])
    return observations, actions


def _maze(env: gymnasium.Env[Any, Any], data: DataSet) -> Iterator[Step]:
    inner: Any = env.unwrapped
    free = [tuple(cell) for cell in np.argwhere(inner.maze_map == 0)]
    corners = [cell for cell in free if not _in_a_corridor(inner.maze_map, cell)]
    start = free[np.random.randint(len(free))]
    goals = corners if data.how != "stitch" else _cells_at(inner.maze_map, start, _STITCH) or [start]
    goal = goals[np.random.randint(len(goals))]
    observation, _ = env.reset(options={"task_info": {"init_ij": start, "goal_ij": goal}})
    onward: dict[tuple[Any, Any], NDArray[Any]] = {}
    for count in range(data.actions + 1):
        here = inner.get_xy()
        if data.how == "explore":
            if count % _EXPLORE == 0:
                direction = np.random.randn(2)
        else:
            cells = (inner.xy_to_ij(here), inner.xy_to_ij(inner.cur_goal_xy))
            if cells not in onward:  # the oracle's search depends on the cells only
                onward[cells] = inner.get_oracle_subgoal(here, inner.cur_goal_xy)[0]
            direction = onward[cells] - here
        direction = direction / (np.linalg.norm(direction) + 1e-6)
        action = np.clip(direction + np.random.normal(0, data.noise, direction.shape), -1, 1)
        after, _, _, _, info = env.step(action)
        yield observation, action, info
        if info["success"] and data.how == "navigate":
            goal = corners[np.random.randint(len(corners))]
            inner.set_goal(goal_xy=inner.add_noise(inner.ij_to_xy(goal)))
        observation = after


def _in_a_corridor(walls: NDArray[Any], cell: tuple[int, ...]) -> bool:
    """Whether a cell has neighbours on two opposite sides only."""
    i, j = cell
    up, down, left, right = (bool(walls[n] == 0) for n in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)))
    return (up and down and not left and not right) or (left and right and not up and not down)


def _cells_at(walls: NDArray[Any], start: tuple[int, ...], steps: int) -> list[tuple[int, ...]]:
    """Cells that many steps away by a shortest path."""
    seen, ring = {start}, [start]
    for _ in range(steps):
        near = [(i + a, j + b) for i, j in ring for a, b in ((-1, 0), (0, -1), (1, 0), (0, 1))]
        ring = [cell for cell in dict.fromkeys(near) if walls[cell] == 0 and cell not in seen]
        seen |= set(ring)
    return ring


def _manipulation(env: gymnasium.Env[Any, Any], data: DataSet) -> Iterator[Step]:
    inner: Any = env.unwrapped
    play = data.how == "play"
    agents = _oracles(env, data)
    observation, info = env.reset()
    stacking = np.random.uniform(*_STACK.get(data.variant, (0.5, 0.5)))
    shaking = np.random.uniform(0, data.noise)
    agent = agents[info["privileged/target_task"]]
    agent.reset(observation, info)
    for _ in range(data.actions + 1):
        if np.random.rand() < data.random_actions:
            box: Any = env.action_space  # its own sample() cannot be seeded: the environment makes it anew
            action = np.random.uniform(box.low, box.high).astype(box.dtype)
        else:
            action = np.array(agent.select_action(observation, info))
            if not play:
                action = action + np.random.normal(0, shaking * np.array([1, 1, 1, 3, 10]), action.shape)
        action = np.clip(action, -1, 1)
        after, _, _, _, info = env.step(action)
        yield observation, action, info
        if agent.done:
            told, now = inner.set_new_target(p_stack=stacking)
            agent = agents[now["privileged/target_task"]]
            agent.reset(told, now)
        observation = after


def _oracles(env: gymnasium.Env[Any, Any], data: DataSet) -> dict[str, Any]:
    from ogbench.manipspace.oracles.markov import button_markov, cube_markov, drawer_markov, window_markov
    from ogbench.manipspace.oracles.plan import button_plan, cube_plan, drawer_plan, window_plan

    parts = {"cube": ("cube",), "puzzle": ("button",)}.get(data.kind, ("cube", "button", "drawer", "window"))
    closed = {"gripper_always_closed": True} if data.kind == "puzzle" else {}
    if data.how == "play":
        kinds = {
            "cube": cube_plan.CubePlanOracle,
            "button": button_plan.ButtonPlanOracle,
            "drawer": drawer_plan.DrawerPlanOracle,
            "window": window_plan.WindowPlanOracle,
        }
        return {part: kinds[part](env=env, noise=data.noise, noise_smoothing=_SMOOTHING, **closed) for part in parts}
    kinds = {
        "cube": cube_markov.CubeMarkovOracle,
        "button": button_markov.ButtonMarkovOracle,
        "drawer": drawer_markov.DrawerMarkovOracle,
        "window": window_markov.WindowMarkovOracle,
    }
    patience = {"max_step": 100} if data.kind == "scene" else {}
    return {
        part: kinds[part](env=env, min_norm=_MIN_NORM, **(patience if part == "cube" else {}), **closed)
        for part in parts
    }


def _every_cube_is_seen(steps: list[Step]) -> bool:
    """Whether the cube of a scene never lay where the camera misses it: far right, or far left outside the drawer."""
    places = np.stack([info["prev_qpos"][14:17] for _, _, info in steps])
    _, y, z = places.T
    return not ((y >= 0.29).any() or ((y <= -0.3) & ((z < 0.06) | (z > 0.08))).any())


def _powderworld(env: gymnasium.Env[Any, Any], data: DataSet) -> Iterator[Step]:
    from ogbench.powderworld.behaviors import FillBehavior, LineBehavior, SquareBehavior

    inner: Any = env.unwrapped
    painters = [kind(env=env) for kind in (FillBehavior, LineBehavior, SquareBehavior)]
    shares = np.array(_PAINTERS) / sum(_PAINTERS)

    def next_painter(observation: Any, info: Any) -> Any:
        painter = np.random.choice(np.array(painters, dtype=object), p=shares)
        painter.reset(observation, info)
        return painter

    observation, info = env.reset()
    painter = next_painter(observation, info)
    for count in range(data.actions + 1):
        if count % _HELD == 0:
            at_random = np.random.rand() < data.random_actions
            stroke = inner.sample_semantic_action() if at_random else painter.select_action(observation, info)
        action = np.asarray(inner.semantic_action_to_action(*stroke))
        after, _, _, _, info = env.step(action)
        yield observation, action, info
        if painter.done:
            painter = next_painter(observation, info)
        observation = after
