"""Errors of providers in one line, without secrets; what is no provider's error is left alone."""

from __future__ import annotations

from typing import Union

import pytest

from victor_nb.errors import MissingKeyError, ModelError, RateLimitError
from victor_nb.models.failures import Target, scrub, translate

TARGET = Target("openai", "gpt-5")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Incorrect API key provided: sk-proj-abcdef123456. See https://x.y/z", "abcdef123456"),
        ("Authorization: Bearer eyJhbGciOi.J9.abc", "eyJhbGciOi"),
        ("failed https://user:hunter2@host/v1?api_key=s3cr3tvalue#x", "hunter2"),
        ("failed https://host/v1?api_key=s3cr3tvalue", "s3cr3tvalue"),
        ('{"x-api-key": "plainvalue99"}', "plainvalue99"),
        ("key AIzaSyA1234567890abcdef", "A1234567890"),
    ],
)
def test_known_shapes_of_secrets_are_taken_out(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in scrub(text)


def test_long_texts_become_one_short_line() -> None:
    line = scrub("a\nb\n" + "c " * 1000)
    assert "\n" not in line
    assert len(line) <= 300


def test_nothing_drives_a_terminal_or_breaks_a_message() -> None:
    assert scrub("a\x1b[2J b\ud800 c\u202e d\x00") == "a�[2J b� c� d�"


def test_ordinary_words_survive() -> None:
    text = "The model `gpt-5` does not support temperature; max tokens: 5 (task-related)"
    assert scrub(text) == text


def test_a_bug_and_our_own_errors_are_no_failures_of_the_provider() -> None:
    assert translate(KeyError("x"), TARGET) is None
    assert translate(TypeError("x"), TARGET) is None
    assert translate(RateLimitError("x"), TARGET) is None


def test_a_library_too_old_for_the_sdk_is_told_with_the_remedy() -> None:
    with pytest.raises(TypeError) as caught:
        Union[int, str]()  # type: ignore[operator]  # noqa: UP007
    error = translate(caught.value, Target("anthropic", "claude"))
    assert isinstance(error, ModelError)
    assert "anthropic<1" in error.hint
    assert translate(caught.value, TARGET) is None


def test_a_complaint_of_the_library_about_a_key_is_a_missing_key() -> None:
    from pydantic_ai.exceptions import UserError

    error = translate(UserError("Set the `X_API_KEY` environment variable"), Target("xai", "grok"))
    assert isinstance(error, MissingKeyError)
    other = translate(UserError("Native tools are not supported"), TARGET)
    assert type(other) is ModelError


def test_an_account_without_credit_is_not_asked_again() -> None:
    from pydantic_ai.exceptions import ModelHTTPError

    body = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
    error = translate(ModelHTTPError(429, "gpt-5", body), TARGET)
    assert isinstance(error, RateLimitError)
    assert not error.retryable
    assert "billing" in error.hint


@pytest.mark.parametrize(("header", "seconds"), [("1.5", 1.5), ("-3", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)])
def test_retry_after_is_read_in_all_its_forms(header: str, seconds: float) -> None:
    from pydantic_ai.exceptions import ModelHTTPError

    error = translate(ModelHTTPError(429, "m", None, headers={"Retry-After": header}), TARGET)
    assert isinstance(error, RateLimitError)
    assert error.retry_after == seconds
