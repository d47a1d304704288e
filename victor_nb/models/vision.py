"""Whether a model takes images, from what the model library says of it and, where that says nothing, from its name.

A picture that a model cannot read fails the request, and every one after it. So a model that nobody knows, on a server
of the user's own, is taken to read text only; a provider's own service is taken to read images.
"""

from __future__ import annotations

import re
from typing import Final

from victor_nb.models.prices import is_private

_TEXT_ONLY: Final = re.compile(
    r"gpt-3|gpt-4(?:-\d{4}|-32k|$|:)|gpt-oss|o1-mini|o1-preview|o3-mini|claude-(?:2|instant)|codellama|llama-?[23](?!\.2.*vision)"
    r"|mixtral|codestral|devstral|mistral-nemo|phi-?[1-4](?!.*(?:vision|multimodal))|gemma-?3.*(?:270m|1b)|gemma(?:$|:|-?2|-\db)"
    r"|deepseek(?!.*(?:vl|ocr))|qwq|qwen-?[123](?:\.\d)?(?!.*(?:vl|omni))|command-r|granite(?!.*vision)|tinyllama|smollm|starcoder"
)
_READS_IMAGES: Final = re.compile(
    r"vision|llava|bakllava|pixtral|moondream|minicpm-v|multimodal|omni|(?:^|[^a-z])vl(?:[^a-z]|$)|\d+vl|internvl|gemma-?3"
    r"|llama-?4|gpt-4o|gpt-4\.|gpt-4-turbo|gpt-5|o1|o3|o4|claude|gemini|mistral-small-?3|mistral-medium-?3"
)


def takes_images(provider: str, model: str, base_url: str | None, profiled: bool = True) -> bool:
    """`profiled` is what the library's profile says; it says False where it knows, and True also where it does not."""
    name = model.lower().rpartition("/")[2]
    if not profiled or _TEXT_ONLY.search(name):
        return False
    if _READS_IMAGES.search(name):
        return True
    return provider != "ollama" and (base_url is None or not is_private(base_url))
