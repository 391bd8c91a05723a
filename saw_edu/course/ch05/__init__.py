"""What chapter 5 gives its students besides text."""
