"""What chapters share with their students: one folder each, and what several of them use."""
