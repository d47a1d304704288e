"""Where forked kernels are turned on for who runs notebooks: pytest's plugin and `victor-nb run`. Only kernels that
nobody has chosen a provisioner for are touched.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib.metadata import EntryPoint
from typing import Final

_NAME: Final = "victor-fork"
_CLASS: Final = "victor_nb.testing.kernels.provisioner:ForkProvisioner"
_USUAL: Final = "local-provisioner"


@contextmanager
def forked_kernels() -> Generator[list[str]]:
    """Kernels that are started inside of the block are forked from a warm one where that gives the same kernel.

    The list comes to tell why others were not. Elsewhere than on Linux nothing changes.
    """
    if sys.platform != "linux":
        yield []
        return
    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    from victor_nb.testing.kernels.provisioner import tell_plain_kernels

    factory = KernelProvisionerFactory.instance()
    before = factory.default_provisioner_name
    if before == _USUAL:
        factory.provisioners.setdefault(_NAME, EntryPoint(_NAME, _CLASS, factory.GROUP_NAME))
        factory.default_provisioner_name = _NAME
    try:
        with tell_plain_kernels() as reasons:
            yield reasons
    finally:
        factory.default_provisioner_name = before


def begin_to_warm() -> None:
    """Kernels are going to be started: what they are forked from may get ready meanwhile."""
    if sys.platform == "linux":
        from victor_nb.testing.kernels.warm_server import start_ahead

        with suppress(OSError):  # will be told when a kernel is started
            start_ahead()


def stop() -> None:
    """End what kernels are forked from, with kernels that are left."""
    if servers := sys.modules.get("victor_nb.testing.kernels.warm_server"):
        servers.stop_servers()
