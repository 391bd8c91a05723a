"""What is told of graded work: feedback, the class report, tables of grades."""
