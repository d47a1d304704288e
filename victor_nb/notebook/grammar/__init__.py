"""What may stand on the lines of the magics: flags, verbs and their values, and their completion. It asks nothing and
shows nothing."""
