"""The conversation as a person looks at it: its turns, its size, what was asked last, and the kept ones."""
