"""Chapter 19: from pixels."""
