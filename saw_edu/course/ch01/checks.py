"""Visible checks of chapter 1, "Long-horizon tasks", by the names that its cells call."""

from saw_edu.course.ch01.chain_checks import fit_p, required_reliability
from saw_edu.course.ch01.state_checks import count_reachable
from saw_edu.course.ch01.trace_checks import classify_trace

__all__ = ["classify_trace", "count_reachable", "fit_p", "required_reliability"]
