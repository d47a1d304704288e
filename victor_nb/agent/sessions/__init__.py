"""The kept conversations: `sessions` lists, opens, forks and exports them; `archive` keeps what is said, operation by
operation, in a store.

`journal`, `tally` and `upkeep` are what is stored of one session and how it is kept short; `shelf` the sessions of all
notebooks; `files`, `names`, `privacy` and `table` their forms outside of a store.
"""

from victor_nb.agent.sessions.archive import ConversationArchive
from victor_nb.agent.sessions.sessions import Sessions

__all__ = ["ConversationArchive", "Sessions"]
