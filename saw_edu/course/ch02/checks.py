"""Visible checks of chapter 2, "Learning to reach goals", by the names that its cells call."""

from saw_edu.course.ch02.goal_checks import sample_goals
from saw_edu.course.ch02.loss_checks import awr_weights, expectile_loss, gcbc_loss
from saw_edu.course.ch02.order_checks import order_agreement

__all__ = ["awr_weights", "expectile_loss", "gcbc_loss", "order_agreement", "sample_goals"]
