"""Chapter 15, policy bootstrapping."""
