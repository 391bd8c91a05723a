"""Results of a benchmark as numbers with intervals and as a page, beside what is published.

The mean over tasks of a seed is one number; its interval is over seeds. Over many data sets the interquartile mean of
all (data set, seed) scores says more (Agarwal et al., NeurIPS 2021): the mean of the middle half, with a bootstrap over
seeds within each data set.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from saw_edu.evaluation import success_interval
from saw_edu.place import asset, write_text
from saw_edu.viz import style

PUBLISHED = "published/results.csv"  # in assets/
LABELS = {"gcbc": "GCBC", "gcivl": "GCIVL", "gciql": "GCIQL", "qrl": "QRL", "crl": "CRL", "hiql": "HIQL",
          "ris": "RIS_off", "gcwae": "GCWAE", "saw": "SAW"}  # fmt: skip
_RESAMPLES = 2000


def final_scores(results: pd.DataFrame) -> pd.DataFrame:
    """Each seed at its last evaluation: data, agent, seed, step, success (mean over tasks), episodes (of all tasks)."""
    last = results.groupby(["data", "agent", "seed"])["step"].transform("max") == results["step"]
    return _over_tasks(results[last])


def _over_tasks(results: pd.DataFrame) -> pd.DataFrame:
    kinds = ["data", "agent", "seed", "step"]
    return results.groupby(kinds, as_index=False).agg(success=("success", "mean"), episodes=("episodes", "sum"))


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each data set and agent: seeds, step, mean, low, high (95 %), best (the highest on the way)."""
    curves = _over_tasks(results).groupby(["data", "agent", "step"])["success"].mean()
    best = curves.groupby(["data", "agent"]).max().to_dict()
    rows = []
    for (data, agent), found in final_scores(results).groupby(["data", "agent"], sort=False):
        scores = found["success"].to_numpy()
        low, high = success_interval(scores, int(found["episodes"].sum()))
        rows.append(
            {
                "data": data,
                "agent": agent,
                "seeds": len(scores),
                "step": int(found["step"].max()),
                "mean": scores.mean(),
                "low": low,
                "high": high,
                "best": best[data, agent],
            }
        )
    return pd.DataFrame(rows)


def interquartile_mean(results: pd.DataFrame, agent: str, seed: int = 0) -> tuple[float, float, float]:
    """IQM of an agent's scores over data sets and seeds, with a 95 % interval by a bootstrap within each data set."""
    found = final_scores(results)
    groups = [g["success"].to_numpy() for _, g in found[found["agent"] == agent].groupby("data")]
    generator = np.random.default_rng(seed)
    drawn = [
        stats.trim_mean(np.concatenate([generator.choice(group, len(group)) for group in groups]), 0.25)
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(stats.trim_mean(np.concatenate(groups), 0.25)), float(low), float(high)


def performance_profile(results: pd.DataFrame, agent: str, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of an agent's (data set, seed) scores above each threshold."""
    found = final_scores(results)
    scores = found.loc[found["agent"] == agent, "success"].to_numpy()
    share: NDArray[np.float64] = (scores[:, None] > thresholds).mean(axis=0)
    return share


def published() -> pd.DataFrame:
    """Published results in percent: dataset, method, mean, std (over seeds), starred, source, confidence."""
    return pd.read_csv(asset(PUBLISHED))


def beside_published(results: pd.DataFrame) -> pd.DataFrame:
    """The summary with the published mean and standard deviation (both 0 to 1), and where they stand."""
    theirs = published().rename(columns={"dataset": "data", "mean": "published", "std": "published std"})
    theirs[["published", "published std"]] /= 100
    ours = summary(results).assign(method=lambda table: table["agent"].map(LABELS))
    columns = ["data", "method", "published", "published std", "source", "confidence"]
    return ours.merge(theirs[columns].drop_duplicates(["data", "method"]), how="left", on=["data", "method"])


def text(results: pd.DataFrame) -> str:
    """The table for a terminal."""
    return readable(results).to_string(index=False)


def readable(results: pd.DataFrame) -> pd.DataFrame:
    """The summary beside what is published, in words."""
    found = beside_published(results)
    theirs = zip(found["published"], found["published std"], strict=True)
    return pd.DataFrame(
        {
            "data set": found["data"],
            "agent": found["method"],
            "seeds": found["seeds"],
            "steps": found["step"],
            "success": found["mean"].map("{:.2f}".format),
            "95 % over seeds": [
                f"{low:.2f} to {high:.2f}" for low, high in zip(found["low"], found["high"], strict=True)
            ],
            "best on the way": found["best"].map("{:.2f}".format),
            "published": ["-" if np.isnan(mean) else f"{mean:.2f} ± {std:.2f}" for mean, std in theirs],
            "where": found["source"].fillna("-"),
        }
    )


def curves(results: pd.DataFrame) -> Figure:
    """Success over gradient steps, a panel for each data set, a line for each agent with its interval over seeds."""
    names = list(dict.fromkeys(results["data"]))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.0 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns, sharey=True, squeeze=False)).ravel()
    seeds = _over_tasks(results)
    for ax, name in zip(axes, names, strict=False):
        for agent, found in seeds[seeds["data"] == name].groupby("agent", sort=False):
            steps = dict(iter(found.groupby("step")))
            bounds = np.array([success_interval(each["success"], each["episodes"].sum()) for each in steps.values()])
            look = style.method(str(agent))
            ax.plot(list(steps), [each["success"].mean() for each in steps.values()], **look.plot)
            if found["seed"].nunique() > 1:
                ax.fill_between(list(steps), bounds[:, 0], bounds[:, 1], color=look.color, alpha=0.15, linewidth=0)
        ax.set(title=name.removesuffix("-v0"), xlabel="gradient steps", ylim=(-0.02, 1.02))
    axes[0].set_ylabel("success")
    axes[0].legend()
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    return figure


def over_all(results: pd.DataFrame) -> pd.DataFrame:
    """Interquartile means over all data sets, in words."""
    rows = []
    for agent in dict.fromkeys(results["agent"]):
        middle, low, high = interquartile_mean(results, agent)
        rows.append({"agent": LABELS[agent], "interquartile mean": f"{middle:.2f}", "95 %": f"{low:.2f} to {high:.2f}"})
    return pd.DataFrame(rows)


_STYLE = """body { font: 16px sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .3rem .7rem; border-bottom: 1px solid #ddd; text-align: left }"""


def write(results: pd.DataFrame, folder: Path) -> Path:
    """Write report.html: the table, the curves and, over several data sets, the interquartile means."""
    alt = "Success over gradient steps for each data set and agent; the table has the ends."
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Benchmark</title><style>{_STYLE}</style>",
        "<h1>Benchmark</h1>",
        readable(results).to_html(index=False, border=0),
        "<p>Published: mean and standard deviation over seeds.</p>",
        style.to_html(curves(results), alt),
    ]
    if results["data"].nunique() > 1:
        parts += ["<h2>Over all data sets</h2>", over_all(results).to_html(index=False, border=0)]
    path = folder / "report.html"
    write_text(path, "\n".join(parts) + "\n")
    return path
