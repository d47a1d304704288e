"""What each verb of `%victor` does, a module a verb or a few that belong together."""
