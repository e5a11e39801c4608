from __future__ import annotations

import gzip
import io
import json
import logging
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests

from energy_assets.feeds import SourceUnavailableError, source_session
from energy_assets.feeds.rate_limit import Turns, turns_of
from energy_assets.feeds.redaction import cover_secrets, without_secrets
from energy_assets.feeds.source_session import Policy, SourceSession
from energy_assets_tests.loopback.server import (
    Answer,
    CutShort,
    LoopbackServer,
    Slow,
    Status,
    json_answer,
)

SECRET = "s3cret-token-42/+"
POLICY = Policy(requests_per_minute=600, attempts=4)
BODY = b"x" * 50_000


@pytest.fixture
def asked(tmp_path):
    """A session of a running server, its server, and the pauses it would have made."""

    @contextmanager
    def start(handler=lambda _: Answer(BODY, "text/plain"), policy=POLICY, **options):
        slept = []
        with LoopbackServer({"/api": handler}) as server:
            session = SourceSession(
                "demo", f"{server.url}/api", policy, sleep=slept.append, **options
            )
            yield session, server, slept

    return start


@pytest.mark.parametrize(
    "fault", [Status(429), Status(500), Status(503), CutShort(), CutShort(share=0)]
)
def test_a_passing_fault_is_tried_again(asked, fault):
    with asked() as (session, server, slept):
        server.inject(fault, fault)
        assert session.ask().content == BODY
        assert server.count() == 3
    first, second = slept
    assert 1.0 <= first <= 1.25
    assert 2.0 <= second <= 2.5


def test_tries_end_and_the_error_is_one_line_with_the_last_fault(asked):
    with asked() as (session, server, slept):
        server.inject(*[Status(503)] * 10)
        with pytest.raises(SourceUnavailableError) as caught:
            session.ask("prices", {"zone": "DE"})
        assert server.count() == POLICY.attempts
    assert len(slept) == POLICY.attempts - 1
    expected = f"demo: expected an answer to {server.url}/api/prices?zone=DE, found HTTP 503"
    assert str(caught.value) == f"{expected} after 4 tries"


def test_a_source_given_up_gets_one_try_until_it_answers_or_a_while_has_passed(asked):
    now = [0.0]
    with asked(clock=lambda: now[0]) as (session, server, slept):
        for minute, tries in ((0, POLICY.attempts), (1, 1), (4, POLICY.attempts)):
            now[0] = 60.0 * minute
            server.inject(*[Status(503)] * tries)
            before = server.count()
            with pytest.raises(SourceUnavailableError):
                session.ask()
            assert server.count() - before == tries
        assert len(slept) == 2 * (POLICY.attempts - 1)
        session.ask()
        server.inject(Status(503))
        session.ask()


def test_a_refused_connection_is_tried_again_too(asked):
    with asked() as (session, _, slept):
        pass
    with pytest.raises(SourceUnavailableError, match="ConnectionError after 4 tries"):
        session.ask()
    assert len(slept) == 3


def test_a_silent_server_is_given_up(asked, monkeypatch):
    monkeypatch.setattr(source_session, "_TIMEOUT_SECONDS", (1.0, 0.05))
    with asked(policy=Policy(600, attempts=1)) as (session, server, _):
        server.inject(Slow(0.3))
        with pytest.raises(SourceUnavailableError, match="Timeout after 1 try"):
            session.ask()


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("7", 7, 7),
        ("900", 30, 30),
        ("0", 1, 1.25),
        ("soon", 1, 1.25),
        (format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True), 30, 30),
        (format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True), 1, 1.25),
    ],
)
def test_retry_after_is_obeyed_up_to_the_longest_wait(asked, text, low, high):
    with asked() as (session, server, slept):
        server.inject(Status(429, retry_after=text))
        session.ask()
    assert low <= slept[0] <= high


def test_other_refusals_are_not_tried_again(asked):
    with asked(lambda _: Answer(b"no such zone", status=404)) as (session, server, slept):
        with pytest.raises(SourceUnavailableError, match="HTTP 404: 'no such zone'"):
            session.ask()
        assert session.get(server.url + "/api").status_code == 404
        assert server.count() == 2
    assert slept == []


def test_a_redirect_is_not_followed(asked):
    with LoopbackServer({"/": lambda _: Answer(b"gotcha")}) as elsewhere:
        with asked() as (session, server, _):
            server.inject(Status(302, headers={"Location": elsewhere.url + "/"}))
            with pytest.raises(SourceUnavailableError, match="HTTP 302, a redirect"):
                session.ask()
            assert server.count() == 1
        assert elsewhere.count() == 0


def test_an_answer_beyond_all_measure_is_refused_at_once(asked, monkeypatch):
    monkeypatch.setattr(source_session, "_LARGEST_ANSWER_BYTES", 10_000)
    with asked() as (session, server, _):
        with pytest.raises(SourceUnavailableError, match="an answer above"):
            session.ask()
        assert server.count() == 1


@pytest.mark.parametrize("address", ["https://example.org/x", "", "{base}.example.org/", "{base}1"])
def test_every_request_goes_below_the_configured_address(asked, address):
    with asked() as (session, server, _):
        base = server.url + "/api"
        session.get(address.format(base=base))
        session.get(base + "/deeper")
        assert [request.path for request in server.requests] == ["/api", "/api/deeper"]


def test_settings_of_the_environment_do_not_reroute_requests(asked, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with asked() as (session, _, slept):
        assert session.ask().ok
    assert slept == []


def test_secrets_reach_the_server_and_nothing_else(asked, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)

    def echo(request):
        return Answer(f"you said {request.query['token']}".encode(), "text/plain")

    with asked(echo, secrets={"token": SECRET}, raw_answers=tmp_path) as (session, server, _):
        answer = session.ask("x", {"zone": "DE"})
        assert server.requests[0].query == {"zone": "DE", "token": SECRET}
        server.inject(Status(400, body=f"bad token={SECRET}".encode()))
        with pytest.raises(SourceUnavailableError) as refused:
            session.ask()
        server.inject(Status(400, body=b"no"))
        with pytest.raises(requests.HTTPError) as failed:
            session.get(server.url + "/api").raise_for_status()
        server.inject(*[Status(503)] * 4)
        with pytest.raises(SourceUnavailableError) as down:
            session.ask()
    assert answer.text == "you said ***"
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    texts = [answer.url, answer.request.url, caplog.text]
    texts += [repr(error.value) + str(error.value) for error in (refused, failed, down)]
    texts += [path.name for path in kept]
    texts += [
        (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
        for path in kept
    ]
    assert len(kept) > 3
    for text in texts:
        assert SECRET not in text
        assert "s3cret" not in text


def chain_of(error):
    """An error and everything it came from."""
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def test_no_error_behind_the_error_holds_the_secret(asked):
    with asked(secrets={"token": SECRET}) as (session, server, _):
        server.inject(*[CutShort()] * 4)
        with pytest.raises(SourceUnavailableError) as cut:
            session.ask()
    with pytest.raises(SourceUnavailableError) as gone:
        session.ask()
    for error in (*chain_of(cut.value), *chain_of(gone.value)):
        assert "s3cret" not in repr(error) + str(error)


def test_answers_are_kept_once_and_indexed_each_time(asked, tmp_path):
    with asked(raw_answers=tmp_path) as (session, _, __):
        session.ask("a", {"n": 1})
        session.ask("a", {"n": 2})
    folder = tmp_path / "demo" / datetime.now(UTC).date().isoformat()
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    assert [line["request"].rpartition("?")[2] for line in lines] == ["n=1", "n=2"]
    assert len(list(folder.glob("*.gz"))) == 1
    assert gzip.decompress((folder / lines[0]["file"]).read_bytes()) == BODY
    assert not list(folder.glob("*.partial"))


def test_a_cut_answer_is_never_kept(asked, tmp_path):
    with asked(policy=Policy(600, attempts=1), raw_answers=tmp_path) as (session, server, _):
        server.inject(CutShort())
        with pytest.raises(SourceUnavailableError):
            session.ask()
    assert not list(tmp_path.rglob("*.gz"))


def test_a_folder_that_cannot_be_written_is_one_clear_error(asked, tmp_path):
    (tmp_path / "demo").write_text("a file in the way")
    with asked(raw_answers=tmp_path) as (session, server, _):
        with pytest.raises(SourceUnavailableError, match="keep the raw answer"):
            session.ask()
        assert server.count() == 1


@pytest.mark.parametrize("kind", ["text/xml", "application/xml", "text/csv"])
def test_text_without_a_charset_is_utf8(asked, kind):
    with asked(lambda _: Answer("Münster €".encode(), kind)) as (session, _, __):
        assert session.ask().text == "Münster €"
    latin = "Münster".encode("latin-1")
    with asked(lambda _: Answer(latin, "text/plain; charset=ISO-8859-1")) as (session, *_):
        assert session.ask().text == "Münster"


def test_json_is_read_and_many_threads_may_share_a_session(asked, tmp_path):
    with asked(lambda request: json_answer({"n": request.query["n"]}), raw_answers=tmp_path) as (
        session,
        *_,
    ):
        found = []
        threads = [
            threading.Thread(target=lambda n=n: found.append(session.ask("", {"n": n}).json()["n"]))
            for n in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(int, found)) == list(range(12))
    (index,) = tmp_path.rglob("index.jsonl")
    assert len(index.read_text().splitlines()) == 12


class Clock:
    """Time that passes by sleeping, and a little by itself."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("per_minute", [6, 60, 380])
def test_no_minute_sees_more_requests_than_the_limit(per_minute):
    clock, turns, moments = Clock(), Turns(per_minute), []
    for _ in range(3 * per_minute):
        turns.wait(clock.sleep, clock)
        moments.append(clock.now)
    for start in moments:
        assert sum(start <= moment < start + 60 for moment in moments) <= per_minute
    assert moments[-1] - moments[0] <= 60 * 3 * 2


def test_a_short_burst_does_not_wait_and_a_pause_refills_it():
    clock, turns = Clock(), Turns(100)
    slept = []
    for _ in range(10):
        turns.wait(slept.append, clock)
    assert slept == []
    turns.wait(slept.append, clock)
    assert slept[0] > 0
    clock.now += 60
    turns.wait(slept.append, clock)
    assert len(slept) == 1


def test_sessions_of_one_source_share_their_turns_and_this_machine_has_none():
    first = turns_of("a", "https://a.example.org", 60)
    assert turns_of("a", "https://a.example.org", 60) is first
    assert turns_of("b", "https://a.example.org", 60) is not first
    assert turns_of("a", "http://127.0.0.1:8080/api", 60) is None
    assert turns_of("a", "http://127.0.0.1.example.org/api", 60) is not None


def test_a_session_waits_for_its_turn():
    clock = Clock()
    session = SourceSession(
        "turns", "http://turns.example.org", Policy(10), sleep=clock.sleep, clock=clock
    )

    class Local(requests.adapters.BaseAdapter):
        def send(self, request, **options):
            answer = requests.Response()
            answer.status_code, answer.url, answer.request = 200, request.url, request
            answer.raw = io.BytesIO()
            return answer

        def close(self):
            pass

    session.mount("http://", Local())
    before = clock.now
    for _ in range(11):
        session.ask()
    assert clock.now - before > 60


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/api?securityToken=abc&x=1", "https://h/api?securityToken=***&x=1"),
        ("https://h/api?SECURITYTOKEN=abc", "https://h/api?SECURITYTOKEN=***"),
        ("https://user:pass@h:8/a?apikey=", "https://h:8/a?apikey=***"),
        ("http://[::1]:80/a?b=c#frag", "http://[::1]:80/a?b=c"),
    ],
)
def test_addresses_lose_their_secrets(url, expected):
    assert without_secrets(url) == expected


def test_echoed_secrets_are_covered_plain_and_quoted_but_words_are_left():
    url = "https://h/a?token=a%2Fb%2Fsecret&x=1"
    assert cover_secrets(b"a/b/secret a%2Fb%2Fsecret x=1", url) == b"*** *** x=1"
    assert cover_secrets(b"test the test", "https://h/a?token=test") == b"test the test"
