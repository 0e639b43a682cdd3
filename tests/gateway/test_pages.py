"""The pages for whoever runs it."""

from __future__ import annotations

import re

import pytest

from gateway.asgi import Caller
from gateway.test_formats import HI, chat, messages
from modelmux import Mux, gateway
from modelmux.gateway import _metrics as metrics
from modelmux.testing import Fault


def test_it_is_up_without_a_key(serving):
    ask = serving(keys=[gateway.Key.of("a", gateway.new_key())], caller={"client": ("192.0.2.7", 1)})
    assert ask("GET", "/healthz").json == {"status": "up"}
    assert ask("HEAD", "/readyz").status == 200
    assert ask("GET", "/readyz").json == {"status": "ready", "endpoints": 3, "blocked": 0}
    assert ask("POST", "/healthz").status == 405


def test_it_is_not_ready_while_it_drains_but_answers(serving):
    ask = serving()
    ask.app.draining = True
    got = ask("GET", "/readyz")
    assert (got.status, got.json["status"]) == (503, "draining")
    assert ask("GET", "/healthz").status == 200
    assert ask("POST", *chat("auto", False)[:2]).status == 200


@pytest.mark.parametrize("models", [None, ["openai/gpt-5-mini"]])
def test_it_is_not_ready_without_an_endpoint_that_has_a_key(models):
    got = Caller(gateway.app(Mux(models)))("GET", "/readyz")
    assert (got.status, got.json["status"]) == (503, "no endpoint has a key")


def test_a_breaker_shows_but_does_not_take_it_out_of_rotation(serving, vendors):
    vendors["openai"].fail(Fault(status=500), times=50)
    ask = serving()
    for _ in range(10):
        ask("POST", *chat("auto", False)[:2])
    got = ask("GET", "/readyz")
    assert (got.status, got.json["blocked"]) == (200, 1)
    found = read(ask("GET", "/metrics").text)
    assert found["modelmux_endpoint_blocked", 'endpoint="openai/gpt-5-mini"'] == 1
    assert found["modelmux_endpoint_blocked", 'endpoint="anthropic/claude-haiku-4-5"'] == 0


# --- metrics -------------------------------------------------------------------------------------------------

_LINE = re.compile(r'(?P<name>[a-z_]+)(\{(?P<labels>(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (?P<value>[0-9.]+)')


def read(text):
    """Samples by name and labels, as the text format has them: each family once, typed before its samples.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    assert text.endswith("\n")
    found, types, family = {}, {}, ""
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            family, kind = line[7:].split(" ")
            assert family not in types, "a family twice"
            types[family] = kind
            continue
        if line.startswith("# HELP "):
            continue
        match = _LINE.fullmatch(line)
        assert match is not None, line
        suffixes = ("_bucket", "_sum", "_count") if types[family] == "histogram" else ("",)
        assert match["name"] in [family + suffix for suffix in suffixes], "a sample outside its family"
        assert types[family] != "counter" or match["name"].endswith("_total")
        place = match["name"], (match["labels"] or "")
        assert place not in found, "a sample twice"
        found[place] = float(match["value"])
    return found


def test_metrics_tell_requests_tokens_and_money(serving, vendors):
    vendors["openai"].reply(text="secret words", usage={"input": 1000, "output": 2000}, times=2)
    key = gateway.new_key()
    ask = serving(keys=[gateway.Key.of("team-a", key)])
    headers = {"authorization": f"Bearer {key}"}
    for front in (chat, messages):
        url, body, marks = front("gpt-5-mini", False)
        ask("POST", url, {**body, "messages": [{"role": "user", "content": "hidden words"}]}, {**marks, **headers})
    ask("POST", "/v1/chat/completions", {"model": "none", "messages": HI}, headers)
    ask("POST", "/v1/chat/completions", {})
    text = ask("GET", "/metrics", headers=headers).text
    found = read(text)
    asked = {labels: value for (name, labels), value in found.items() if name == "modelmux_requests_total"}
    assert asked == {
        'front="openai.chat",operation="chat",status="200"': 1,
        'front="openai.chat",operation="chat",status="404"': 1,
        'front="openai.chat",operation="chat",status="401"': 1,
        'front="anthropic.messages",operation="chat",status="200"': 1,
    }
    here = 'endpoint="openai/gpt-5-mini"'
    assert found["modelmux_tokens_total", f'{here},unit="input"'] == 2000
    assert found["modelmux_tokens_total", f'{here},unit="output"'] == 4000
    spent = sum(row.cost_nano for row in ask.mux.ledger.query())
    assert found["modelmux_cost_total", f'{here},key="team-a",currency="USD"'] == pytest.approx(spent / 1e9, rel=1e-12)
    assert found["modelmux_request_seconds_count", 'front="openai.chat",operation="chat"'] == 3
    assert found["modelmux_request_seconds_bucket", 'front="openai.chat",operation="chat",le="+Inf"'] == 3
    assert (found["modelmux_in_flight", ""], found["modelmux_draining", ""]) == (0, 0)
    assert "words" not in text
    assert key not in text


def test_metrics_need_a_key_where_there_are_keys(serving):
    keys = [gateway.Key.of("a", gateway.new_key())]
    assert serving(keys=keys)("GET", "/metrics").status == 401
    assert serving(keys=keys, open_metrics=True)("GET", "/metrics").status == 200
    assert serving()("GET", "/metrics").status == 200
    assert serving(caller={"client": ("192.0.2.7", 1)})("GET", "/metrics").status == 401


def test_what_callers_make_up_does_not_grow_the_metrics(serving, monkeypatch):
    from modelmux.cost.records import AttemptRow

    monkeypatch.setattr(metrics, "MOST_NAMES", 3)
    kept = metrics.Metrics()
    for number in range(10):
        row = AttemptRow(f"a{number}", "c", endpoint=f'made "up"\\{number}\n', state="ok", units={"input": 2})
        kept.attempt(row)
    found = read(kept.text(draining=False, blocked=[], busy=[]))
    attempts = [value for (name, _), value in found.items() if name == "modelmux_attempts_total"]
    assert sorted(attempts) == [1, 1, 1, 7]
    assert found["modelmux_tokens_total", 'endpoint="other",unit="input"'] == 14
    ask = serving()
    for number in range(5):
        ask("POST", f"/v1/made/up/{number}", {})
        ask(f"VERB{number}", "/v1/chat/completions", {})
    text = ask("GET", "/metrics").text
    assert "made" not in text
    assert "VERB" not in text


def test_durations_fall_into_their_buckets():
    kept = metrics.Metrics()
    for seconds in (0.05, 0.051, 3.0, 1e6):
        kept.request("f", "o", 200, seconds)
    found = read(kept.text(draining=True, blocked=[("e", True)], busy=[("e", 2)]))
    counts = [
        found["modelmux_request_seconds_bucket", f'front="f",operation="o",le="{edge}"'] for edge in (0.05, 0.1, 5.0)
    ]
    assert counts == [1, 2, 3]
    assert found["modelmux_request_seconds_bucket", 'front="f",operation="o",le="+Inf"'] == 4
    assert (found["modelmux_draining", ""], found["modelmux_endpoint_in_flight", 'endpoint="e"']) == (1, 2)
