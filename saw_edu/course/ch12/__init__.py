"""Chapter 12: language subgoals, HAL."""
