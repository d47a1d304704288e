"""A front end's side of widgets, over `jupyter_client`: it holds the models that a kernel opens, finds them as a person
would (by what a button says), and sends what a browser would send.
"""

from __future__ import annotations

from typing import Any

from support.cells import run_ok
from support.kernels import Kernel, Message


class WidgetModels:
    """The widgets of one kernel. `strays` are outputs that no cell asked for, `parents` whom comm messages answer."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.states: dict[str, dict[str, Any]] = {}
        self.messages: list[Message] = []
        kernel.watchers.append(self._watch)

    def _watch(self, message: Message) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind in ("comm_open", "comm_msg", "comm_close"):
            self.messages.append(message)
        if kind == "comm_open":
            self.states[content["comm_id"]] = dict(content["data"]["state"])
        elif kind == "comm_msg" and content["data"].get("method") == "update" and content["comm_id"] in self.states:
            self.states[content["comm_id"]].update(content["data"]["state"])
        elif kind == "comm_close":
            self.states.pop(content["comm_id"], None)

    def send(self, comm_id: str, data: dict[str, Any]) -> str:
        message = self.kernel.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        self.kernel.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def set(self, comm_id: str, **state: Any) -> None:
        """Change traits, as typing or choosing does."""
        self.states[comm_id].update(state)
        self.send(comm_id, {"method": "update", "state": state, "buffer_paths": []})

    def click(self, text: str) -> str:
        """Click the button that says so, or begins so; the id of the message that tells the kernel."""
        return self.send(self.button(text), {"method": "custom", "content": {"event": "click"}})

    def enter(self, comm_id: str, text: str) -> None:
        """Type into a one-line field and press Enter: the browser tells of the key before it tells of the text."""
        self.send(comm_id, {"method": "custom", "content": {"event": "submit"}})
        self.set(comm_id, value=text)

    def visible(self) -> list[str]:
        """The ids of what a person sees: what hangs below the panel."""
        roots = [name for name, state in self.states.items() if "victor-nb-panel" in state.get("_dom_classes", ())]
        found, waiting = list[str](), roots
        while waiting:
            name = waiting.pop(0)
            found.append(name)
            waiting = [child.removeprefix("IPY_MODEL_") for child in self.states[name].get("children", ())] + waiting
        return [name for name in found if name in self.states]

    def find(self, model: str, **traits: Any) -> str:
        """The visible widget of that model (as `TextModel`) with these traits."""
        for name in self.visible():
            state = self.states[name]
            if state["_model_name"] == model and all(state.get(key) == value for key, value in traits.items()):
                return name
        raise LookupError(
            f"no {model} with {traits} in {[self.states[name]['_model_name'] for name in self.visible()]}"
        )

    def button(self, text: str) -> str:
        return next(
            name
            for name in self.visible()
            if self.states[name]["_model_name"] == "ButtonModel" and self.states[name]["description"].startswith(text)
        )

    def texts(self) -> list[str]:
        """The HTML of every visible text, from top to bottom."""
        return [
            self.states[name]["value"]
            for name in self.visible()
            if self.states[name]["_model_name"] in ("HTMLModel", "HTMLMathModel") and self.states[name]["value"]
        ]

    def text(self) -> str:
        return "\n".join(self.texts())

    def wait_for(self, text: str, timeout: float = 30) -> None:
        """Until a visible text holds this."""
        try:
            self.kernel.wait_for(lambda: text in self.text(), timeout)
        except TimeoutError:
            raise TimeoutError(f"{text!r} was not shown, but {self.text()[-3000:]}") from None


def open_panel(kernel: Kernel) -> WidgetModels:
    """A new panel, in a conversation of its own."""
    run_ok(kernel, "vn.orchestrator.use_session(__import__('uuid').uuid4().hex)")
    models = WidgetModels(kernel)
    run_ok(kernel, "import victor_nb.notebook.panels.frame as frame\nframe.close_panel()\n%victor panel")
    return models
