"""The order of a service call: who it is, what is needed, what is done, is it well, thanks."""

from __future__ import annotations

from itertools import combinations

import pydantic

from qc_speech.model import Evidence, Outcome, Role
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.required import hearing_of
from qc_speech.rules.verdict import by_agent, not_applicable, passed, uncertain


class Step(pydantic.BaseModel):
    """One step of the flow: any of these phrase checks stands for it."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    name: str
    any: tuple[str, ...] = pydantic.Field(min_length=1)


_STEPS = (
    Step(name="身份", any=("verify_identity",)),
    Step(name="需求", any=("ask_need",)),
    Step(name="方案", any=("solution", "followup_promise")),
    Step(name="满意", any=("satisfied", "anything_else")),
    Step(name="感谢", any=("thanks",)),
)


class FlowParams(Params):
    """`tolerance`: steps this near each other may change places (the need is often asked with the
    greeting, before the name). What is missing is no matter of order."""

    steps: tuple[Step, ...] = _STEPS
    tolerance: int = pydantic.Field(default=1, ge=0)
    sure_from: float = pydantic.Field(default=0.7, gt=0, le=1)
    least_steps: int = pydantic.Field(default=3, ge=2)
    min_hearing: float = pydantic.Field(default=0.6, ge=0, le=1)  # heard worse: a person decides


_Places = dict[int, list[int]]  # step -> the agent's turns in which it is heard


def _flow(ctx: Context, params: FlowParams) -> tuple[Draft, ...]:
    places = _places(ctx, params)
    if len(places) < params.least_steps:
        return not_applicable(
            f"只听到流程中的 {len(places)} 步，不足 {params.least_steps} 步，不看先后"
        )
    heard = sorted(places, key=lambda step: places[step][0])
    order = " → ".join(params.steps[step].name for step in heard)
    wrong = [
        (early, late)
        for early, late in combinations(sorted(places), 2)
        if late - early > params.tolerance and places[early][0] > places[late][-1]
    ]
    if not wrong:
        return passed(f"流程先后合规：{order}", 0.8)
    early, late = wrong[0]
    names = params.steps[early].name, params.steps[late].name
    reason = f"流程先后颠倒：「{names[1]}」在「{names[0]}」之前（听到的次序：{order}）"
    turn = ctx.matcher.turns[places[early][0]]
    evidence = Evidence(turn.span, Role.AGENT, turn.utterances[0].index, turn.text)
    if hearing_of(ctx.matcher.turns) < params.min_hearing:
        return uncertain(reason + "；坐席的话听不清", evidence)
    return (Draft(Outcome.VIOLATION, 0.65, reason, evidence),)


def _places(ctx: Context, params: FlowParams) -> _Places:
    """For each step that is heard, its turns in order. A step is taken where any turn of its
    checks surely holds it, wherever the phrase has its zone."""
    places: _Places = {}
    for number, step in enumerate(params.steps):
        found = [
            at
            for at, turn in enumerate(ctx.matcher.turns)
            if any(
                ctx.matcher.find(ctx.lexicons.phrases[check], (turn,)).probability
                >= params.sure_from
                for check in step.any
                if check in ctx.lexicons.phrases
            )
        ]
        if found:
            places[number] = found
    return places


KINDS: tuple[Kind, ...] = (Kind("flow", FlowParams, by_agent(_flow)),)
