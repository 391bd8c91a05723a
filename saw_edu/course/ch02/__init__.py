"""Chapter 2, learning to reach goals."""
