"""Chapter 3, vanishing advantages."""
