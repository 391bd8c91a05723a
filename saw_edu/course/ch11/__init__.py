"""Chapter 11, state subgoals."""
