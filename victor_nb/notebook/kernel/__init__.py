"""The kernel that the notebook runs in: its threads, its cells, its interrupt, and what is printed in it."""
