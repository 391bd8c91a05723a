"""Chapter 7, language subgoals and corrections."""
