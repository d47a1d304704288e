"""Kernels that start fast: a warm process is forked for each. `provisioner` is what jupyter_client loads; it asks the
server in `server` through `warm_server`, and starts a plain kernel whenever a forked one would not be the same.
"""
