"""Secrets reach no store: they are gone from the JSON text, which stays JSON, and other text stays as it is."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victor_nb.protocols import DeadLetter, EventQuery
from victor_nb.store import SQLiteStore
from victor_nb.store.scrub import Scrubber

LETTERS = "Zq7Rt2Lm9Xc4Vb6Nh8Jk3Pw5Ys1Da0Fg"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEcanary\n-----END RSA PRIVATE KEY-----"
SECRETS = {  # put together here, so that no scanner of source code takes them for real ones
    "openai": f"sk-{LETTERS}",
    "project": f"sk-proj-{LETTERS}_{LETTERS}",
    "anthropic": f"sk-ant-api03-{LETTERS}-{LETTERS}",
    "google": f"AIza{LETTERS}abc",
    "aws": f"AKIA{LETTERS.upper()[:16]}",
    "github": f"ghp_{LETTERS}abcd",
    "fine": f"github_pat_{LETTERS}",
    "gitlab": f"glpat-{LETTERS}",
    "face": f"hf_{LETTERS}",
    "slack": f"xoxb-{LETTERS}",
    "stripe": f"sk_live_{LETTERS}",
    "jwt": f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS}",
    "pem": PEM,
}


def fresh(**environment: str) -> Scrubber:
    scrubber = Scrubber(environment)
    scrubber.rows([])
    return scrubber


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("around", ["{}", "my key is {}, keep it", 'key="{}"', "line\n{}\nline", "•{}•"])
def test_keys_of_known_shapes_go(secret: str, around: str):
    text = json.dumps({"args": json.dumps({"text": around.format(secret)}), "text": around.format(secret), "n": 1.50})
    clean = fresh().json(text)
    assert json.loads(clean)["n"] == 1.5
    assert LETTERS[:16] not in clean.replace(LETTERS.upper()[:16], LETTERS[:16])
    assert "canary" not in clean
    assert clean.count("[secret scrubbed: ") == 2


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abc123", "Authorization: Bearer [secret scrubbed: credentials]"),
        ("{'authorization': 'Basic YTpi'}", "{'authorization': 'Basic [secret scrubbed: credentials]'}"),
        (f"bearer {LETTERS}", "bearer [secret scrubbed: bearer token]"),
        ("postgresql://ada:pass:word@db/x", "postgresql://ada:[secret scrubbed: password]@db/x"),
        (
            f"AWS_SECRET_ACCESS_KEY={'a/+B' * 10}\n",
            "AWS_SECRET_ACCESS_KEY=[secret scrubbed: AWS key]\n",
        ),
    ],
)
def test_what_gives_a_secret_away_stays(text: str, clean: str):
    assert json.loads(fresh().json(json.dumps([text]))) == [clean]


def test_a_secret_beside_its_name_goes():
    text = json.dumps({"aws_secret_access_key": "a/+B" * 10, "region": "eu"})
    assert json.loads(fresh().json(text)) == {"aws_secret_access_key": "[secret scrubbed: AWS key]", "region": "eu"}


def test_what_only_looks_like_a_secret_stays():
    text = json.dumps(
        [
            *("task-123456789012345678901234", "sk-container-id-1", "sk-toggleable__content-arrow-fitted"),
            *("the bearer of responsibilities", "http://localhost:8888/a@b", "https://x.org/?q=a:b@c"),
            *("hf_hub_download", "AKIAK", "eyJust", "secret_access_key: none"),
        ]
    )
    assert fresh().json(text) == text


def test_values_of_the_environment_go_whatever_their_shape():
    scrubber = fresh(LAB_PASSWORD='ä"\\longer', MY_TOKEN="short", PATH="/usr/bin/something")
    clean = scrubber.json(json.dumps({"text": 'it is ä"\\longer!', "path": "/usr/bin/something short"}))
    assert json.loads(clean) == {"text": "it is [secret scrubbed: LAB_PASSWORD]!", "path": "/usr/bin/something short"}


def test_a_secret_is_known_as_soon_as_it_is_set(monkeypatch: pytest.MonkeyPatch):
    scrubber = Scrubber()
    assert scrubber.message("open sesame, mellon") == "open sesame, mellon"
    monkeypatch.setenv("GATE_PASSWORD", "open sesame")
    assert scrubber.message("open sesame, mellon!") == "[secret scrubbed: GATE_PASSWORD], mellon!"
    monkeypatch.setenv("GATE_PASSWORD", "mellon!!")
    assert Scrubber().message("open sesame, mellon!!") == "open sesame, [secret scrubbed: GATE_PASSWORD]"


class Counted(dict[str, str]):
    looks = 0

    def __iter__(self):
        self.looks += 1
        return super().__iter__()


def test_an_environment_that_stays_as_it_is_is_read_once():
    environment = Counted(OWN_API_KEY="0123456789abcdef")
    scrubber = Scrubber(environment)
    cleaned = {scrubber.message("it is 0123456789abcdef") for _ in range(5)}
    assert (cleaned, environment.looks) == ({"it is [secret scrubbed: OWN_API_KEY]"}, 1)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(values)
def test_json_without_secrets_stays_as_it_is(value: object):
    text = json.dumps(value)
    assert fresh(OWN_API_KEY="0123456789abcdef").json(text) == text


pieces = st.sampled_from(
    [
        *SECRETS.values(),
        "\\",
        '"',
        "\n",
        "\x0e",
        "é",
        "sk-",
        "eyJ",
        "://a:",
        "@",
        "Bearer ",
        "SecretAccessKey",
        "=",
        "\\u00",
    ]
)


@given(st.lists(pieces | st.text(max_size=3), max_size=12).map("".join), st.text(max_size=5))
def test_json_with_secrets_stays_json(text: str, key: str):
    scrubber = fresh(OWN_API_KEY='0123"\\\n678')
    clean = json.loads(scrubber.json(json.dumps([{key: 1}, [text]])))
    assert clean[0] == {scrubber.text(key): 1}
    assert "MIIEcanary" not in clean[1][0]
    assert scrubber.json(json.dumps(clean)) == json.dumps(clean)


def test_no_canary_is_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CANARY_API_KEY", "canary-of-the-environment")
    store = SQLiteStore(tmp_path / "victor.db")
    store.append("x_test", f"session {SECRETS['openai']}", {"turn_id": SECRETS["slack"], **SECRETS}, {"prompt": PEM})
    store.append("x_test", "s", {"note": "canary-of-the-environment"}, {"prompt": "canary-of-the-environment"})
    store.flush()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 3  # the file, its -wal and -shm
    for canary in (LETTERS[:16], LETTERS.upper()[:16], "canary-of", "MIIEcanary"):
        assert canary.encode() not in stored
    assert json.loads(store.read(EventQuery())[1].data) == {"note": "[secret scrubbed: CANARY_API_KEY]"}
    store.close()


def test_no_secret_of_a_destination_s_error_is_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLUSTER_PASSWORD", "correct horse battery")
    store = SQLiteStore(tmp_path / "victor.db")
    store.append("x_test", "s", {}, channel=1)
    (box,) = store.claim("web", 1)
    error = f"{'x' * 490} correct horse battery, caf\udce9 \x00 {'y' * 1_000_000}"
    failed = dataclasses.replace(box, attempts=1, last_error=error)
    store.save_outbox(failed)
    store.save_outbox(failed, [DeadLetter("web", box.kernel_run_id, 1, 1, 1, error)])
    (saved,), (letter,) = store.outboxes(), store.dead_letters()
    assert saved.last_error == letter.error == f"{'x' * 490} [secret s"
    assert store.degraded is None
    store.close()
    assert b"correct" not in (tmp_path / "victor.db").read_bytes()
