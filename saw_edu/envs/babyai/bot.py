"""Demonstrations by BabyAI's own bot, with what it was about at every step."""

from __future__ import annotations

from typing import Any

from tqdm.auto import tqdm

from saw_edu.envs.babyai.demonstrations import Demonstrations, Episode, joined
from saw_edu.envs.babyai.worlds import make_level, quietly, view_of

BOT_FAILS = ("PutNextS5N2Carrying", "PutNextS6N3Carrying", "PutNextS7N4Carrying", "KeyInBox")  # says its docstring


def record(level: str, episodes: int, seed: int = 0, progress: bool = False) -> Demonstrations:
    """Let BabyAI's bot solve a level, and keep the episodes that it solved (reward above 0).

    The bot keeps its plan on a stack. Read after `replan` and before the step, the top of it is the subgoal that the
    action serves: the step's label.

    Args:
        level: such as "GoToLocal", see `level_names`.
        episodes: how many.
        seed: episodes are those of the environment's seeds `seed`, `seed + 1`, ..., without those that it failed.
        progress: show a bar.

    Raises:
        ValueError: an unknown level, one that the bot cannot solve, or less than one episode.
        RuntimeError: the bot fails too often.
    """
    if episodes < 1:
        raise ValueError(f"need at least one episode, got {episodes}")
    if level in BOT_FAILS:
        raise ValueError(f"BabyAI's bot cannot solve {level}, by its own account: take another level")
    env, tried = make_level(level), 0
    kept: list[Episode] = []
    with tqdm(total=episodes, disable=not progress, unit=" episodes") as bar:
        while len(kept) < episodes:
            episode = _episode(env, seed + tried)
            tried += 1
            if episode is not None:
                kept.append(episode)
                bar.update()
            if tried >= 20 and len(kept) < tried / 2:
                raise RuntimeError(f"the bot solved {len(kept)} of {tried} episodes of {level}: take another level")
    return joined(level, kept)


def _episode(env: Any, seed: int) -> Episode | None:
    """One episode; None where the bot does not solve it."""
    from minigrid.utils.baby_ai_bot import BabyAIBot, DisappearedBoxError

    with quietly():
        found, _ = env.reset(seed=seed)
    bot, action = BabyAIBot(env), None
    views, directions = [view_of(found)], [int(found["direction"])]
    actions: list[int] = []
    labels: list[str] = []
    while True:
        try:
            action = bot.replan(action)
        except (DisappearedBoxError, AssertionError):
            return None
        labels.append(phrase(env.unwrapped, bot.stack[-1] if bot.stack else None))
        found, reward, terminated, truncated, _ = env.step(action)
        actions.append(int(action))
        views.append(view_of(found))
        directions.append(int(found["direction"]))
        if terminated or truncated:
            solved = Episode(seed, env.unwrapped.mission, views, directions, actions, labels)
            return solved if reward > 0 else None


def phrase(world: Any, subgoal: Any) -> str:
    """A subgoal of the bot in words, such as "go to the red ball", "pick up the key", "explore"."""
    kind = "finish" if subgoal is None else type(subgoal).__name__.removesuffix("Subgoal")
    ahead = world.grid.get(*world.front_pos)
    if kind in ("Pickup", "Open", "Close"):
        verb = {"Pickup": "pick up", "Open": "open", "Close": "close"}[kind]
        return f"{verb} {_name(ahead)}"
    if kind == "Drop":
        return f"drop {_name(world.carrying)}"
    if kind == "GoNextTo":
        if subgoal.reason == "Explore":
            return "explore"
        place = "next to " if subgoal.reason == "PutNext" else "to "
        return f"go {place}{_name(subgoal.datum)}"
    return kind.lower()


def _name(thing: Any) -> str:
    """An object, its description, or a place, as words."""
    if thing is None:
        return "nothing"
    if not hasattr(thing, "type"):
        return "a free cell"
    return " ".join(word for word in ("the", thing.color, thing.type or "object") if word)
