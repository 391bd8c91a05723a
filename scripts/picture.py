"""Draw the course's picture, assets/course.png, from recorded results: `python scripts/picture.py`.

Left: the value of seed 0 for one far goal, and what two policies extracted from it do. The episode is the first of the
farthest bin in which SAW arrives and GCIVL does not. Right: how often each arrives, over all seeds and episodes. All
act with the walkers' hand, N(0, .5) on each action.
"""

import json
import platform
import subprocess
from datetime import date
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import torch

from saw_edu.course import giant
from saw_edu.evaluation import success_by_distance
from saw_edu.rollouts import Evaluation, Shaken, evaluate
from saw_edu.viz import plot_success_by_distance, plot_values, style

ASSETS = Path(__file__).parent.parent / "assets"
SHOWN = ("saw", "gcivl")


def main() -> None:
    """Write assets/course.png and, beside it, where it comes from."""
    torch.set_num_threads(1)
    style.use()
    world = giant.make_world()
    starts, goals = giant.make_episodes(world)
    farthest = world.distances(starts, goals) >= giant.EDGES[-2]
    starts, goals = starts[farthest], goals[farthest]
    runs = {}
    for name in SHOWN:
        generator = torch.Generator().manual_seed(2)
        policy = Shaken(giant.load(name, world.spec).policies[0], world, giant.NOISE, generator)
        runs[name] = evaluate([policy], world, starts, goals, keep_paths=True, progress=False)
    arrived = {name: run.episodes["success"].to_numpy() == 1 for name, run in runs.items()}
    telling = (arrived["saw"] & ~arrived["gcivl"]).nonzero()[0]
    if len(telling) == 0:
        raise SystemExit("In no episode does SAW arrive and GCIVL not: this picture would tell an untruth.")
    episode = int(telling[0])

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.9), width_ratios=(1.45, 1))
    value = giant.load("value", world.spec).policies[0].value
    plot_values(left, world, value, goals[episode], label="value V(s, g)")
    for name in reversed(SHOWN):
        paths = runs[name].paths
        assert paths is not None
        x, y = paths[0, episode].T
        look = style.METHODS[name]
        left.plot(x, y, color="white", lw=4.5, zorder=4)
        left.plot(x, y, color=look.color, lw=2.6, zorder=5, label=look.label)
    left.plot(*starts[episode], "o", ms=10, color="white", mec=style.DARK, mew=1.8, zorder=8)
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2, frameon=False)
    left.set(title="One value, two policies, one far goal", xlabel="", ylabel="", xticks=[], yticks=[])

    episodes = pd.read_csv(ASSETS / "results/nine/episodes.csv")
    episodes = episodes[episodes["temperature"] == giant.NOISE]
    for name in giant.make_agents():
        table = success_by_distance(Evaluation(episodes[episodes["agent"] == name]), giant.EDGES)
        plot_success_by_distance(right, table, name)
    right.set_title(f"Success by distance, {episodes['seed'].nunique()} seeds")
    right.legend(ncols=2, loc="upper right")

    path = ASSETS / "course.png"
    figure.savefig(path, dpi=120)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ASSETS, capture_output=True, text=True, check=True
    )
    provenance = {
        "command": "python scripts/picture.py",
        "made from": "assets/giant and assets/results/nine (their own provenance.json say how)",
        "commit": commit.stdout.strip(),
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, Python {platform.python_version()}",
        "episode shown": {"seed": 0, "bin": "farthest", "number in the bin": episode, "such episodes": len(telling)},
    }
    path.with_suffix(".json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} kB; such episodes: {len(telling)} of {len(starts)}")


if __name__ == "__main__":
    main()
