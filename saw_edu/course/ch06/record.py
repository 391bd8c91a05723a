"""Chapter 6's recorded results, in assets/ch06: `saw-edu record ch06` makes them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from saw_edu.course.ch06 import latent, rooms
from saw_edu.course.ch06.rooms import Pair, Rows
from saw_edu.course.recording import Recorder
from saw_edu.envs.packing.language import COARSE
from saw_edu.hierarchy.imitation import Classifier

SEEDS = 5
HOLD = (1, 2, 4, 8)


def _nets(pair: Pair) -> dict[str, Any]:
    return {"high": pair.high.net.state_dict(), "low": pair.low.net.state_dict()}


def remedies(seed: int, work: Path) -> None:
    """Trained apart; either adapted to the other, with controls; in alternation, from either side."""
    rows: list[dict[str, Any]] = []
    counted: list[pd.DataFrame] = []

    def keep(how: str, policy: Pair | Classifier, share: float = float("nan")) -> None:
        scores = {f"success {t}": rooms.success_rate(policy, seed, t) for t in (1.0, 0.0)}
        fine = float("nan")
        if isinstance(policy, Pair):
            own, _ = rooms.roll_out(policy, 50 + seed)
            fine = float((own.words >= len(COARSE)).double().mean())
        rows.append({"how": how, "seed": seed, "share": share, "fine": fine, **scores})

    def count(what: str, some: Rows) -> None:
        numbers = torch.bincount(rooms.kinds(some.observations, some.words), minlength=rooms.KINDS)
        table = {"what": what, "seed": seed, "kind": range(rooms.KINDS), "number": numbers.numpy()}
        counted.append(pd.DataFrame(table))

    data = rooms.demonstrations(seed)
    demos = Rows(data.observations, data.goals, data.subgoals, data.actions)
    base, whole = rooms.labelled(data), rooms.labelled(data, within_a_room=False)
    high = rooms.train_high(demos, seed)
    apart = Pair(high, rooms.train_low(base, seed))
    keep("trained apart", apart)
    torch.save(_nets(apart), work / "apart.pt")
    keep("low: labels of both rooms", Pair(high, rooms.train_low(whole, seed)))
    low_first, emitted = rooms.adapt_low(apart, base, seed)
    keep("low adapted", low_first)
    count("labelled", base)
    count("emitted", emitted)
    count("demonstrated", demos)
    seen, again = emitted, low_first
    for turn in range(2):
        seen = seen.and_also(rooms.roll_out(again, 200 + 10 * turn + seed)[0])
        again = Pair(high, rooms.train_low(base, seed, seen))
    keep("low adapted, three rounds", again)
    more = rooms.labelled(rooms.demonstrations(40 + seed, 2 * rooms.DEMONSTRATIONS))
    keep("low: more labels of one room", Pair(high, rooms.train_low(base, seed, more)))
    keep("low: same places, the plan's words", Pair(high, rooms.train_low(base, seed, rooms.planned(emitted))))
    high_first, adapted = rooms.adapt_high(apart, demos, seed)
    keep("high adapted", high_first)
    keep("flat, the adapted high's places", latent.train_flat(adapted, seed))
    places = demos.and_also(emitted)
    keep("high: more places, the plan's words", Pair(rooms.train_high(rooms.planned(places), seed), apart.low))
    keep("high: fine words by lot", Pair(rooms.train_high(rooms.relabel_by_lot(adapted, seed), seed), apart.low))
    for share in (0.1, 0.25, 0.75, 1.0):
        keep("mixture", Pair(high, rooms.train_low(base, seed, emitted, share)), share)
    for name, pair, turn in (("low first", low_first, 1), ("high first", high_first, 0)):
        for half in range(2, 5):
            pair = (rooms.adapt_low(pair, base, seed) if turn == 0 else rooms.adapt_high(pair, demos, seed))[0]
            turn = 1 - turn
            keep(f"{name} {half}", pair)
    pd.DataFrame(rows).to_csv(work / "remedies.csv", index=False)
    pd.concat(counted).to_csv(work / "goals.csv", index=False)


def end_to_end(seed: int, work: Path) -> None:
    """A latent, a flat policy and words, renewed every n steps; and probes of the latent."""
    data, fresh = rooms.demonstrations(seed), rooms.demonstrations(80 + seed, 100)
    demos = Rows(data.observations, data.goals, data.subgoals, data.actions)
    unseen = Rows(fresh.observations, fresh.goals, fresh.subgoals, fresh.actions)
    net = latent.train_end_to_end(demos, seed)
    rows = [{"how": "flat", "seed": seed, "n": 1, "success": rooms.success_rate(latent.train_flat(demos, seed), seed)}]
    words = Pair(rooms.train_high(demos, seed), rooms.train_low(rooms.labelled(data, within_a_room=False), seed))
    for n in HOLD:
        draws = torch.Generator().manual_seed(seed)
        found = latent.held(net.latents, latent.Drawn(net, draws), n, seed)
        rows.append({"how": "latent", "seed": seed, "n": n, "success": found})
        pair = words.drawing(torch.Generator().manual_seed(seed))
        found = latent.held(pair.high, pair.low, n, seed)
        rows.append({"how": "words", "seed": seed, "n": n, "success": found})
    pd.DataFrame(rows).to_csv(work / "latent.csv", index=False)
    found_by = latent.probes(net, seed, demos, unseen)
    table = pd.DataFrame({"features": list(found_by), "accuracy": list(found_by.values())}).assign(seed=seed)
    table.to_csv(work / "probes.csv", index=False)


def _make(part: str, work: Path) -> None:
    name, seed = part.rsplit("-", 1)
    (work / part).mkdir(parents=True, exist_ok=True)
    (remedies if name == "remedies" else end_to_end)(int(seed), work / part)


def _gather(work: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    files = {"remedies": ("remedies", "goals"), "latent": ("latent", "probes")}
    for name, tables in files.items():
        for table in tables:
            parts = [pd.read_csv(work / f"{name}-{seed}" / f"{table}.csv") for seed in range(SEEDS)]
            pd.concat(parts).round(4).to_csv(folder / f"{table}.csv", index=False)
    torch.save(torch.load(work / "remedies-0" / "apart.pt"), folder / "apart.pt")
    return {
        "seeds": list(range(SEEDS)),
        "demonstrations": rooms.DEMONSTRATIONS,
        "steps": rooms.STEPS,
        "own episodes": rooms.OWN_EPISODES,
        "files": "remedies.csv: success (180 errands) at temperature 1 and 0, and the share of fine words; goals.csv: "
        "kinds of goals counted; latent.csv: success where goals are renewed every n steps; probes.csv: accuracy of "
        "linear probes; apart.pt: both levels of seed 0, trained apart",
    }


RECORDER = Recorder(
    "two levels trained apart, adapted to one another, or end to end",
    "ch06",
    tuple(f"{name}-{seed}" for seed in range(SEEDS) for name in ("remedies", "latent")),
    _make,
    _gather,
)
