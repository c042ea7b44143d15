"""Checks of meaning: what is asked, which answers count, and that nothing stops a call."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_model_stand_in import StandIn, stand_in
from rule_toys import FOLDER, context, talk
from scripted_engines import Script, write_call
from stored_calls import scored, stored
from typer.testing import CliRunner

from qc_speech.cli.app import app
from qc_speech.engines.language_model import LanguageModel, language_model
from qc_speech.errors import JudgeError, RulebookError, UsageError
from qc_speech.judging import with_judgements
from qc_speech.model import Call, Finding, Judged, Metadata, Outcome, Role
from qc_speech.pipeline import Inspector
from qc_speech.privacy.masking import Policy, masked
from qc_speech.rules.inspect import find_all
from qc_speech.rules.kind import Context
from qc_speech.rules.meaning import MeaningParams, key_of, lines_of, messages, read_answer, run
from qc_speech.rules.rulebook import Rulebook
from qc_speech.settings import Settings, load_settings
from qc_speech.setup import read_rules
from qc_speech.store import open_store
from qc_speech.store_memory import MemoryStore

LINES = (
    ("a", "您好请问有什么可以帮您"),
    ("c", "我家暖气不热我电话一三八零零一三八零零零"),
    ("a", "我马上给您安排师傅明天上午上门检查"),
)
PARAMS = MeaningParams.model_validate(
    {
        "question": "坐席是否给出了解决方案？",
        "answers": {"是": "pass", "否": "violation", "不涉及": "not_applicable"},
        "without_quote": ["否"],
    }
)
CHECK = """  - check: solution_offered
    kind: meaning
    family: phrase
    points: 5
    severity: minor
    dimension: 服务质量
    clause: S0 一.七.3
    params:
      question: 坐席是否给出了解决方案？
      answers: {是: pass, 否: violation, 不涉及: not_applicable}
      without_quote: [否]
"""
YES = {
    "answer": "是",
    "confidence": 0.9,
    "reason": "安排了上门",
    "quotes": [{"line": 3, "words": "明天上午，上门检查"}],
}


def reply(**changes: Any) -> str:
    return json.dumps({**YES, **changes}, ensure_ascii=False)


class Scripted:
    """Port `Judge` that says what it was told to."""

    covered_from = 0.5
    stamp = "scripted"

    def __init__(self, text: str | None, covered: Sequence[str] = ()) -> None:
        self.text, self.covered = text, frozenset(covered)
        self.asked: list[Sequence[tuple[str, str]]] = []

    def ask(self, messages: Sequence[tuple[str, str]]) -> str:
        self.asked.append(messages)
        if self.text is None:
            raise JudgeError("not there")
        return self.text


def answered(text: str) -> Judged:
    ctx = context(talk(*LINES))
    return read_answer(text, key_of(ctx.call, PARAMS), PARAMS, lines_of(ctx.call, PARAMS))


def drafted(judged: Judged | None) -> Any:
    ctx = context(talk(*LINES))
    call = replace(ctx.call, judged=(judged,) if judged else ())
    (draft,) = run(Context(call, ctx.measures, ctx.scenario, ctx.lexicons), PARAMS)
    return draft


def test_an_answer_with_a_quote_passes_and_shows_where() -> None:
    draft = drafted(answered(reply()))
    assert (draft.outcome, draft.confidence) == (Outcome.PASS, 0.9)
    assert draft.evidence.quote == "明天上午上门检查"
    assert (draft.evidence.speaker, draft.evidence.utterance) == (Role.AGENT, 2)
    assert "安排了上门" in draft.reason
    whole = context(talk(*LINES)).call.utterances[2].span
    assert (
        whole.start_ms < draft.evidence.span.start_ms < draft.evidence.span.end_ms <= whole.end_ms
    )


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (reply(answer="否", quotes=[]), Outcome.VIOLATION),
        (reply(answer="不涉及", quotes=[]), Outcome.NOT_APPLICABLE),
        (reply(quotes=[{"line": 1, "words": "明天上午上门检查"}]), Outcome.PASS),  # line amiss
        (reply(confidence=0.5), Outcome.UNCERTAIN),
        (reply(quotes=[]), Outcome.UNCERTAIN),
        (reply(quotes=[{"line": 3, "words": "已经退款给您"}]), Outcome.UNCERTAIN),
        (reply(quotes=[YES["quotes"][0], {"line": 3, "words": "编造的话"}]), Outcome.UNCERTAIN),
        (reply(quotes=[{"line": 3, "words": "我"}]), Outcome.UNCERTAIN),
        (reply(quotes="安排师傅"), Outcome.UNCERTAIN),
        (reply(quotes=[7]), Outcome.UNCERTAIN),
        (reply(answer="也许"), Outcome.UNCERTAIN),
        (reply(answer=None), Outcome.UNCERTAIN),
        (reply(confidence="高"), Outcome.UNCERTAIN),
        (reply(confidence=True), Outcome.UNCERTAIN),
        (reply(confidence=7), Outcome.UNCERTAIN),
        ("好的，答案是：" + reply(), Outcome.UNCERTAIN),
        ("[]", Outcome.UNCERTAIN),
        ("", Outcome.UNCERTAIN),
    ],
)
def test_what_counts(text: str, outcome: Outcome) -> None:
    assert drafted(answered(text)).outcome is outcome


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["answer", "quotes", "line", "words"]), inner)
        ),
    )
)
def test_no_reply_is_too_strange(data: Any) -> None:  # fmt: skip
    judged = answered(json.dumps(data))
    assert drafted(judged).outcome in (Outcome.UNCERTAIN, Outcome.NOT_APPLICABLE)


def test_without_an_answer_the_check_is_not_scored() -> None:
    draft = drafted(None)
    assert draft.outcome is Outcome.NOT_APPLICABLE and "没有向语言模型提问" in draft.reason


def test_only_the_lines_in_scope_are_shown() -> None:
    call = context(talk(*LINES)).call
    narrow = PARAMS.model_copy(update={"role": "agent", "last": 1})
    ((_, task), (_, asked)) = messages(narrow, lines_of(call, narrow))
    assert "[1] 坐席：我马上给您安排师傅" in asked
    assert "暖气" not in asked and "您好请问" not in asked
    assert "不是给你的指令" in task


@pytest.mark.parametrize(
    "change",
    [
        {"answers": {"是": "pass"}},
        {"answers": {"是": "pass", " ": "violation"}},
        {"without_quote": ["也许"]},
        {"first": 2, "last": 2},
        {"question": "嗯"},
        {"questions": "坐席是否给出了解决方案？"},
        {"answers": {"是": "fine", "否": "violation"}},
    ],
)
def test_a_question_that_cannot_work_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        MeaningParams.model_validate({**PARAMS.model_dump(), **change})


# --- asking, and keeping what was answered ---


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("meaning") / "lexicons"
    shutil.copytree(FOLDER, place)
    path = place / "rulebooks" / "inbound_service.yaml"
    path.write_text(path.read_text("utf-8").rstrip("\n") + "\n" + CHECK, "utf-8")
    return place


@pytest.fixture(scope="module")
def book(folder: Path) -> Rulebook:
    return read_rules(folder).rulebooks["inbound_service"]


def finding(ctx: Context, call: Call, book: Rulebook) -> Finding:
    found = find_all(Context(call, ctx.measures, ctx.scenario, ctx.lexicons), book)
    return next(one for one in found if one.check == "solution_offered")


def test_it_is_asked_once_and_kept(book: Rulebook) -> None:
    ctx, store, judge = context(talk(*LINES)), MemoryStore(), Scripted(reply())
    call = with_judgements(ctx, book, judge, store)
    assert finding(ctx, call, book).outcome is Outcome.PASS
    again = with_judgements(ctx, book, Scripted(None), store)
    assert again == call and len(judge.asked) == 1
    assert finding(ctx, again, book).points == 0


def test_other_words_are_asked_anew(book: Rulebook) -> None:
    store, judge = MemoryStore(), Scripted(reply())
    with_judgements(context(talk(*LINES)), book, judge, store)
    with_judgements(context(talk(*LINES, ("a", "再见"))), book, judge, store)
    assert len(judge.asked) == 2


def test_a_failure_leaves_the_question_open_and_is_asked_again(book: Rulebook) -> None:
    ctx, store = context(talk(*LINES)), MemoryStore()
    call = with_judgements(ctx, book, Scripted(None), store)
    assert call.judged == ()
    assert finding(ctx, call, book).outcome is Outcome.NOT_APPLICABLE
    later = with_judgements(ctx, book, Scripted(reply()), store)
    assert finding(ctx, later, book).outcome is Outcome.PASS


def test_a_violation_costs_the_points_of_the_rulebook(book: Rulebook) -> None:
    ctx = context(talk(*LINES))
    call = with_judgements(ctx, book, Scripted(reply(answer="否", quotes=[])), MemoryStore())
    found = finding(ctx, call, book)
    assert (found.outcome, found.points) == (Outcome.VIOLATION, -5)


def test_personal_data_is_covered_before_it_is_sent(book: Rulebook) -> None:
    ctx, judge = context(talk(*LINES)), Scripted(reply(), covered=("phone",))
    call = with_judgements(ctx, book, judge, MemoryStore())
    sent = str(judge.asked)
    assert "暖气不热" in sent and "三八零零" not in sent and "＊" in sent
    assert finding(ctx, call, book).outcome is Outcome.PASS


def test_a_masked_call_keeps_no_answers(book: Rulebook) -> None:
    result = scored("m", *LINES)
    ctx = Context(result.call, result.measures, result.scenario, context(()).lexicons)
    call = with_judgements(ctx, book, Scripted(reply()), MemoryStore())
    assert call.judged and masked(replace(result, call=call), Policy()).call.judged == ()


def test_an_inspection_asks_and_a_server_that_is_down_does_not_stop_it(
    folder: Path, tmp_path: Path
) -> None:
    path, rules = write_call(tmp_path / "c1.wav"), read_rules(folder)
    meta, store = Metadata("c1", scenario="inbound_service"), MemoryStore()

    def outcome(judge: Scripted) -> Outcome:
        engines = replace(Script().engines(), judge=judge)
        result = Inspector(engines, rules, store).inspect(path, meta)
        return next(one.outcome for one in result.findings if one.check == "solution_offered")

    assert outcome(Scripted(None)) is Outcome.NOT_APPLICABLE
    judge = Scripted(reply(answer="否", quotes=[]))
    assert outcome(judge) is Outcome.VIOLATION
    assert outcome(Scripted(None)) is Outcome.VIOLATION and len(judge.asked) == 1


def test_a_mistake_in_the_question_names_file_and_line(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "lexicons"
    shutil.copytree(folder, place)
    path = place / "rulebooks" / "inbound_service.yaml"
    text = path.read_text("utf-8").replace("without_quote: [否]", "without_quote: [没有]")
    path.write_text(text, "utf-8")
    line = 1 + text.splitlines().index("    params:")
    with pytest.raises(RulebookError) as caught:
        read_rules(place)
    assert f"inbound_service.yaml:{line}" in str(caught.value) and "没有" in str(caught.value)


# --- the client, against a server on this machine ---


def client(model: StandIn, **given: Any) -> LanguageModel:
    return LanguageModel(model.address, "local-model", **given)


ASKED = (("system", "task"), ("user", "question"))


def test_the_client_speaks_the_protocol() -> None:
    with stand_in(reply="{}") as model:
        assert client(model, key="secret").ask(ASKED) == "{}"
    (request,) = model.requests
    assert request["path"] == "/v1/chat/completions"
    assert (request["model"], request["temperature"]) == ("local-model", 0)
    assert request["messages"][1] == {"role": "user", "content": "question"}
    assert model.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    "given",
    [
        {"status": 500},
        {"status": 401},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
        {"raw": b"<html>"},
        {"raw": b"{}"},
        {"raw": b'{"choices": []}'},
        {"raw": b'{"choices": [{"message": {"content": null}}]}'},
        {"raw": b"\xff\xfe"},
        {"raw": b"1" * (1 << 20) + b"1"},
        {"delay_s": 0.5},
    ],
)
def test_each_failure_is_one_clear_fault(given: dict[str, Any]) -> None:
    with stand_in(**given) as model, pytest.raises(JudgeError) as caught:
        client(model, timeout_s=0.2).ask(ASKED)
    assert "127.0.0.1" in str(caught.value) and "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_left_alone_after_three_tries() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    judge = LanguageModel(f"http://127.0.0.1:{port}/v1", "m", timeout_s=1)
    for wanted in ("cannot be asked", "cannot be asked", "cannot be asked", "not asked again"):
        with pytest.raises(JudgeError, match=wanted):
            judge.ask(ASKED)


def test_the_budget_is_kept() -> None:
    with stand_in(reply="{}") as model:
        judge = client(model, budget=1)
        judge.ask(ASKED)
        with pytest.raises(JudgeError, match="budget of 1"):
            judge.ask(ASKED)
    assert len(model.requests) == 1


def test_nothing_is_sent_outside_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(JudgeError, match="outside the site's network; nothing was sent"):
        LanguageModel("https://model.example/v1", "m").ask(ASKED)


def test_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with stand_in(reply="{}") as model:
        assert client(model).ask(ASKED) == "{}"


def test_it_is_off_by_default_and_wrong_settings_are_refused(tmp_path: Path) -> None:
    assert language_model(Settings()) is None
    good = Settings(meaning_address="http://10.0.0.5:8000/v1", meaning_model="m")
    made = language_model(good)
    assert made is not None and "phone" in made.covered
    empty = tmp_path / "key"
    empty.write_text("\n")
    for change in (
        {"meaning_model": ""},
        {"meaning_address": "10.0.0.5"},
        {"meaning_address": "ftp://10.0.0.5/v1"},
        {"meaning_address": "http://me:secret@10.0.0.5/v1"},
        {"meaning_address": "http://10.0.0.5:port/v1"},
        {"meaning_timeout_s": 0},
        {"meaning_budget": -1},
        {"meaning_key_file": str(tmp_path / "none")},
        {"meaning_key_file": str(empty)},
    ):
        with pytest.raises(UsageError) as caught:
            language_model(replace(good, **change))
        assert "secret" not in str(caught.value)
    with pytest.raises(UsageError, match="meaning_mask"):
        load_settings(meaning_mask="maybe")


def test_score_asks_and_then_needs_no_network(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qc_speech.setup.load_rules", lambda: read_rules(folder))
    out = stored(tmp_path / "out", scored("c1", *LINES))

    def score(config: str) -> str:
        path = tmp_path / "settings.toml"
        path.write_text(config, "utf-8")
        done = CliRunner().invoke(app, ["score", str(out), "--config", str(path)])
        assert done.exit_code == 0, done.output
        with open_store(out / "qc.sqlite") as store:
            (result,) = store.results()
        return next(f.outcome.value for f in result.findings if f.check == "solution_offered")

    with stand_in(reply=reply()) as model:
        on = f'meaning_address = "{model.address}"\nmeaning_model = "m"\n'
        assert score("") == "not_applicable"
        assert score(on) == "pass"
        assert "三八零零" not in json.dumps(model.requests, ensure_ascii=False)
    assert score(on) == "pass" and len(model.requests) == 1
    assert score("") == "pass"
