"""Chapter 8: image subgoals and video without actions."""
