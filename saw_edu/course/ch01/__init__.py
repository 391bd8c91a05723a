"""Chapter 1, long-horizon tasks."""
