"""The command `victor-nb`: one module a command, each with `add`, which `main` calls. It imports what a command needs
when that runs."""
