from contextlib import aclosing

import anyio
import pytest

from opengradient.errors import NodeError
from reference_nodes.tiny_llm_node.generation import Generation
from reference_nodes.tiny_llm_node.sampling import Sampling
from reference_nodes.tiny_llm_node.template import Message, Role, chat_prompt


@pytest.fixture
def asked(tokenizer):
    question = Message(role=Role.USER, text="What is a Merkle tree?")
    return Generation(prompt=tuple(chat_prompt(tokenizer, [question])))


@pytest.fixture
def endless(asked):
    # So hot that the end token is one of two thousand equals.
    return Generation(prompt=asked.prompt, sampling=Sampling(temperature=100.0, seed=2))


async def test_streaming_equals_the_whole_answer(service, asked):
    pieces = [piece async for piece in service.stream(asked)]
    answer = await service.complete(asked)
    assert "".join(piece.text for piece in pieces) == answer.text
    assert (pieces[-1].finish, pieces[-1].tokens) == (answer.finish, answer.tokens)
    assert answer.text


async def test_two_callers_get_the_answers_that_each_gets_alone(service, asked, endless):
    alone = [await service.complete(asked), await service.complete(endless)]
    together = [None, None]

    async def run(place, generation):
        together[place] = await service.complete(generation)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, 0, asked)
        tasks.start_soon(run, 1, endless)
    assert together == alone


async def test_too_many_callers_are_refused_and_places_come_back(service, endless, asked):
    async with aclosing(service.stream(endless)) as one, aclosing(service.stream(endless)) as two:
        await anext(one)
        await anext(two)
        assert service.callers == 2
        with pytest.raises(NodeError) as caught:
            await service.complete(asked)
        assert (caught.value.code, caught.value.status) == ("node.overloaded", 503)
        with pytest.raises(NodeError):
            await service.embed([asked.prompt])
    assert service.callers == 0
    assert (await service.complete(asked)).finish == "stop"


async def test_a_cancelled_caller_stops_the_work(service, endless):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.complete, endless)
        await anyio.lowlevel.checkpoint()
        assert service.callers == 1
        tasks.cancel_scope.cancel()
    assert service.callers == 0


async def test_the_loop_runs_while_the_model_thinks(service, endless):
    turns = 0

    async def count():
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        answer = await service.complete(endless)
        tasks.cancel_scope.cancel()
    assert turns > answer.tokens > 20
