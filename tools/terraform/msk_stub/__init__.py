"""A stub of the MSK APIs, for what no emulator has.

No emulator has MSK, MSK Connect or application auto-scaling. The stub answers what the provider
asks of them, and refuses what their documentation says they refuse: a second configuration of a
name, deleting what is in use, an update of a cluster seen in an older state, a partial answer for a
topic without provisioned mode. Of Lambda it has the mappings of MSK, and passes on the rest.
Applying against it shows that plans are stable and that the graph's order is right. It is no proof
that AWS accepts the values.
"""

from tools.terraform.msk_stub.server import Stub

__all__ = ["Stub"]
