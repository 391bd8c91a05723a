"""What chapter 6 gives its students besides text."""
