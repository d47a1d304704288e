"""Which notebook a kernel runs, where its recordings are, and what its cells are tagged with. Nothing here knows
IPython; what is asked of a kernel is in `kernel`. It imports the cassettes only when they are used."""
