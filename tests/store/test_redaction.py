"""What `capture_content="redacted"` takes out of text, and what it leaves alone."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victor_nb.store.redaction import Redactor


@pytest.mark.parametrize(
    "personal",
    [
        "ada.lovelace+x@maths.example.org",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "+49 170 1234567",
        "+1 (555) 123-4567",
        "(030) 1234567",
        "555-123-4567",
        "0170 1234567",
    ],
)
def test_personal_data_goes(personal: str):
    assert Redactor().redact(f"Write to {personal}, please.") == "Write to [redacted], please."


@pytest.mark.parametrize(
    "harmless",
    [
        "on 2024-01-15 10:30 and 2024-01-16",
        "12.50 13.70 14.20 15.10",
        "rows 0 to 1000000, 0.25 of 1234567",
        "192.168.1.1:8080",
        "def f(x): return x @ y",
        "AB12 is a cell, XY99 1234 5678 9012 is no account",
        "4111 1111 1111 1112 has a wrong check digit",
    ],
)
def test_numbers_of_other_kinds_stay(harmless: str):
    assert Redactor().redact(harmless) == harmless


def test_own_patterns_go_too():
    redactor = Redactor([r"EMP-\d+", r"(?i)project apollo", r"x*"])
    assert redactor.redact("EMP-12 leads Project Apollo") == "[redacted] leads [redacted]"


def test_a_bad_pattern_is_an_error():
    with pytest.raises(re.error):
        Redactor(["("])


@given(st.text())
def test_any_text_can_be_redacted_twice(text: str):
    redactor = Redactor()
    once = redactor.redact(text)
    assert redactor.redact(once) == once


def test_what_stands_in_json_goes_and_json_stays_json():
    inner = json.dumps({"phone": "\n+49 170 1234567", "name": "Jörg Müller"})
    text = json.dumps({"to": "\nada@example.org", "iban": "\tDE89370400440532013000", "inner": inner})
    clean = json.loads(Redactor(["Müller"]).redact(text))
    assert (clean["to"], clean["iban"]) == ("\n[redacted]", "\t[redacted]")
    assert json.loads(clean["inner"]) == {"phone": "\n[redacted]", "name": "Jörg [redacted]"}
    harmless = r'a "path\to" and "C:\new" \frac{"a\n"'
    assert Redactor().redact(harmless) == harmless
