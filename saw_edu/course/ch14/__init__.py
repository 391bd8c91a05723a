"""Chapter 14, offline hierarchy."""
