"""The names of the settings, for completion: the class that has them is in a module that is heavy to import."""

from __future__ import annotations

from typing import Final

SETTINGS: Final = (
    "model",
    "base_url",
    "home",
    "store",
    "enable_analytics",
    "capture_content",
    "redact_patterns",
    "context_compaction_threshold",
    "context_compaction_target",
    "context_window",
    "reserved_output_tokens",
    "system_prompt",
    "prompt_language",
    "prompt_code_style",
    "prompt_compliance",
    "prompt_notebook",
    "prompt_project",
    "compaction_strategy",
    "keep_sessions",
    "embedder",
    "max_tool_rounds",
    "max_parallel_tools",
    "tool_timeout_s",
    "tool_selection_strategy",
    "tool_selection_limit",
    "tool_selection_hybrid_alpha",
    "budget_usd",
    "prices",
    "temperature",
    "max_tokens",
    "top_p",
    "timeout_s",
    "verbosity",
)
