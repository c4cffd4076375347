"""Streams, event by event, in the shapes in which the providers send them."""

import json

import pytest

from opengradient.core.messages import Choice, ToolCall, Usage
from opengradient.core.modes import ReceiptKind
from opengradient.wire.sse import Event
from tests.unit.llm_proxy_node.backends.support import PROVIDERS, backend, run_stream, sse

CHAT, COMPLETION = ReceiptKind.CHAT, ReceiptKind.COMPLETION


def chunk(delta=None, finish=None, index=0, **more):
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c1", "model": "gpt-x", "system_fingerprint": "fp", "choices": [choice], **more}


ROLE = chunk({"role": "assistant", "content": "", "refusal": None})
STOP = chunk(finish="stop")
USAGE = {
    "id": "c1",
    "model": "gpt-x",
    "choices": [],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def openai(*events, kind=CHAT, provider="openai"):
    return run_stream(provider, sse(*events), kind)


class TestOpenAI:
    @pytest.mark.parametrize("provider", ["openai", "xai", "local"])
    def test_text_as_it_comes(self, provider):
        parser, deltas, choices = openai(
            ROLE,
            chunk({"content": "H"}),
            chunk({"content": "é"}),
            STOP,
            USAGE,
            "[DONE]",
            provider=provider,
        )
        assert [delta.text for delta in deltas] == ["H", "é", None]
        assert choices == (Choice(text="Hé", finish_reason="stop"),)
        assert parser.done
        assert parser.error is None
        assert parser.usage == Usage(input_tokens=3, output_tokens=2)
        assert (parser.model_served, parser.provider_id) == ("gpt-x", "c1")
        assert parser.system_fingerprint == "fp"

    def test_tool_calls_in_pieces(self):
        def piece(**call):
            return chunk({"tool_calls": [call]})

        _, deltas, choices = openai(
            ROLE,
            piece(index=0, id="a", type="function", function={"name": "f", "arguments": ""}),
            piece(index=0, function={"arguments": '{"x"'}),
            piece(index=1, id="b", function={"name": "g", "arguments": "{}"}),
            piece(index=0, function={"arguments": ":1}"}),
            chunk(finish="tool_calls"),
            "[DONE]",
        )
        assert len(deltas) == 5
        assert choices[0].tool_calls == (
            ToolCall(id="a", name="f", arguments='{"x":1}'),
            ToolCall(id="b", name="g", arguments="{}"),
        )

    def test_the_rest_of_a_delta(self):
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
        with_logprobs = chunk({"content": "t"})
        with_logprobs["choices"][0]["logprobs"] = {"content": [{"token": "t"}]}
        _, _, choices = openai(
            chunk({"reasoning_content": "r"}),
            chunk({"reasoning": "s"}),
            with_logprobs,
            chunk({"refusal": "no"}),
            chunk({"images": [image]}),
            chunk({"annotations": [{"type": "url_citation"}]}),
            chunk({"content": "!"}, finish="stop"),
            "[DONE]",
            provider="local",
        )
        assert choices == (
            Choice(
                text="t!",
                reasoning="rs",
                refusal="no",
                images=("data:image/png;base64,AA==",),
                logprobs={"content": [{"token": "t"}]},
                annotations=[{"type": "url_citation"}],
                finish_reason="stop",
            ),
        )

    def test_several_choices(self):
        parser, _, choices = openai(
            chunk({"content": "a"}),
            chunk({"content": "b"}, index=1),
            chunk(finish="length", index=1),
            STOP,
            "[DONE]",
        )
        assert [choice.finish_reason for choice in choices] == ["stop", "length"]
        assert parser.done

    def test_completion(self):
        def part(text, finish=None):
            choice = {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}
            return {"model": "m", "choices": [choice]}

        parser, _, choices = openai(
            part("a"), part("b"), part("", "stop"), "[DONE]", kind=COMPLETION
        )
        assert choices == (Choice(text="ab"),)
        assert parser.done
        bad, _, _ = openai(chunk({"content": "a"}), kind=COMPLETION)
        assert bad.error.code == "provider.protocol"

    @pytest.mark.parametrize(
        "events",
        [
            (chunk({"content": "a"}), "[DONE]"),
            (chunk({"content": "a"}), STOP, chunk({"content": "b"}, index=1), "[DONE]"),
            ("[DONE]",),
            ({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, "[DONE]"),
            (chunk({"content": "a"}), {**STOP, "model": "another"}),
            ({"id": "x"},),
            ({"choices": {}},),
            ({"choices": ["x"]},),
            ("[]",),
            ("{",),
            ("5",),
            ('{"choices": [{"index": 0, "delta": {"content": "\\ud800"}}]}',),
            ('{"model": NaN, "choices": []}',),
            (chunk({"content": 5}),),
            (chunk({"content": "a"}, index=-1),),
            (chunk({"content": "a"}, index=True),),
            (chunk({"content": "a"}, finish="cut"),),
            (chunk({"content": "a"}, finish=5),),
            ({"model": "m", "choices": [{"index": 0, "finish_reason": None}]},),
            (chunk({"tool_calls": [{"function": {}}]}),),
            ({**STOP, "usage": {"completion_tokens": 1}},),
            ({**STOP, "usage": 5},),
        ],
    )
    def test_what_breaks_the_protocol(self, events):
        parser, _, _ = openai(*events)
        assert not parser.done
        assert (parser.error.status, parser.error.code) == (502, "provider.protocol")

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            ({"message": "m", "type": "server_error"}, 502, "provider.error"),
            (
                {"message": "m", "type": "x", "code": "rate_limit_exceeded"},
                429,
                "node.rate_limited",
            ),
            ({"message": "m", "code": "insufficient_quota"}, 429, "node.rate_limited"),
            ({"message": "m", "type": "invalid_request_error"}, 400, "provider.rejected"),
            ({"message": "m", "code": 429}, 429, "node.rate_limited"),
            ({"message": "m", "code": 502}, 502, "provider.error"),
            ("m", 502, "provider.error"),
        ],
    )
    def test_errors_within_the_stream(self, error, status, code):
        parser, deltas, _ = openai(chunk({"content": "a"}), {"error": error}, STOP, "[DONE]")
        assert (parser.error.status, parser.error.code) == (status, code)
        assert parser.error.message.endswith(": m")
        assert len(deltas) == 1
        assert not parser.done

    def test_a_cut_stream_is_not_done(self):
        parser, _, choices = openai(chunk({"content": "a"}), STOP)
        assert not parser.done
        assert parser.error is None
        assert choices[0].text == "a"

    def test_nothing_after_the_end(self):
        parser, deltas, _ = openai(STOP, "[DONE]", chunk({"content": "b"}), "{")
        assert parser.error is None
        assert len(deltas) == 1

    def test_the_model_may_be_named_late_and_empty_names_are_none(self):
        parser, _, _ = openai({**chunk({"content": "a"}), "model": ""}, STOP, "[DONE]")
        assert parser.done
        assert parser.model_served == "gpt-x"


def start(**usage):
    message = {
        "id": "msg_1",
        "model": "claude-x",
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 1, **usage},
    }
    return {"type": "message_start", "message": message}


def block(index, **content):
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index, kind, **fields):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def end(index):
    return {"type": "content_block_stop", "index": index}


def last(reason="end_turn", usage=None, **more):
    usage = {"output_tokens": 9} if usage is None else usage
    return {"type": "message_delta", "delta": {"stop_reason": reason, **more}, "usage": usage}


MESSAGE_STOP = {"type": "message_stop"}
TEXT = (block(0, type="text", text=""), delta(0, "text_delta", text="Hé"), end(0))


def anthropic(*events):
    return run_stream("anthropic", sse(*((event["type"], event) for event in events)), CHAT)


class TestAnthropic:
    def test_text(self):
        parser, deltas, choices = anthropic(
            start(), {"type": "ping"}, *TEXT, {"type": "new_thing", "x": 1}, last(), MESSAGE_STOP
        )
        assert [one.text for one in deltas] == ["Hé", None]
        assert choices == (Choice(text="Hé"),)
        assert parser.done
        assert parser.usage == Usage(input_tokens=9, output_tokens=9, cached_input_tokens=4)
        assert (parser.model_served, parser.provider_id) == ("claude-x", "msg_1")

    def test_thinking_and_tools(self):
        _, deltas, choices = anthropic(
            start(),
            block(0, type="thinking", thinking="", signature=""),
            delta(0, "thinking_delta", thinking="hm"),
            delta(0, "signature_delta", signature="s"),
            end(0),
            block(1, type="redacted_thinking", data="x"),
            end(1),
            block(2, type="tool_use", id="t1", name="f", input={}),
            delta(2, "input_json_delta", partial_json=""),
            delta(2, "input_json_delta", partial_json='{"a'),
            delta(2, "input_json_delta", partial_json='":1}'),
            end(2),
            block(3, type="tool_use", id="t2", name="g", input={}),
            delta(3, "input_json_delta", partial_json=""),
            end(3),
            last("tool_use"),
            MESSAGE_STOP,
        )
        assert choices == (
            Choice(
                reasoning="hm",
                tool_calls=(
                    ToolCall(id="t1", name="f", arguments='{"a":1}'),
                    ToolCall(id="t2", name="g", arguments="{}"),
                ),
                finish_reason="tool_calls",
            ),
        )
        assert [one.tool_calls[0].index for one in deltas if one.tool_calls] == [0, 0, 0, 1, 1]

    def test_blocks_that_begin_with_content(self):
        _, _, choices = anthropic(
            start(),
            block(0, type="thinking", thinking="h"),
            end(0),
            block(1, type="text", text="a"),
            delta(1, "text_delta", text="b"),
            end(1),
            block(2, type="tool_use", id="t", name="f", input={"x": 1}),
            end(2),
            last("tool_use"),
            MESSAGE_STOP,
        )
        assert (choices[0].text, choices[0].reasoning) == ("ab", "h")
        assert choices[0].tool_calls[0].arguments == '{"x":1}'

    def test_usage_is_cumulative(self):
        usage = {"output_tokens": 9, "input_tokens": 6, "cache_read_input_tokens": None}
        parser, _, _ = anthropic(start(), *TEXT, last(usage=usage), MESSAGE_STOP)
        assert parser.usage.input_tokens == 10

    def test_usage_may_come_before_the_stop_reason(self):
        parser, deltas, choices = anthropic(
            start(), *TEXT, last(None, usage={"output_tokens": 3}), last(), MESSAGE_STOP
        )
        assert parser.done
        assert len(deltas) == 2
        assert choices[0].finish_reason == "stop"

    def test_refusal(self):
        details = {"type": "refusal", "explanation": "Not this."}
        _, _, choices = anthropic(start(), last("refusal", stop_details=details), MESSAGE_STOP)
        assert choices == (Choice(refusal="Not this.", finish_reason="content_filter"),)

    @pytest.mark.parametrize(
        "events",
        [
            TEXT,
            (start(), start()),
            (start(), *TEXT, MESSAGE_STOP),
            (start(), *TEXT[:2], last(), MESSAGE_STOP),
            (start(), TEXT[1]),
            (start(), end(0)),
            (start(), TEXT[0], TEXT[0]),
            (start(), last(), TEXT[0]),
            (start(), TEXT[0], delta(0, "input_json_delta", partial_json="{")),
            (start(), TEXT[0], delta(0, "new_delta", x=1)),
            (start(), TEXT[0], delta(0, "text_delta")),
            (start(), block(0, type="server_tool_use", id="x")),
            (start(), block(0, type="tool_use", name="f")),
            (start(), last("pause_turn")),
            (start(input_tokens="x"), last()),
            (start(), {"type": "message_delta", "usage": {"output_tokens": 1}}),
            ({"type": "message_start", "message": {"id": "m", "usage": {}}},),
        ],
    )
    def test_what_breaks_the_protocol(self, events):
        parser, _, _ = anthropic(*events)
        assert not parser.done
        assert (parser.error.status, parser.error.code) == (502, "provider.protocol")

    @pytest.mark.parametrize(
        ("kind", "status", "code", "provider_status"),
        [
            ("invalid_request_error", 400, "provider.rejected", 400),
            ("authentication_error", 502, "provider.error", 401),
            ("billing_error", 502, "provider.error", 402),
            ("permission_error", 502, "provider.error", 403),
            ("not_found_error", 404, "provider.rejected", 404),
            ("request_too_large", 413, "provider.rejected", 413),
            ("rate_limit_error", 429, "node.rate_limited", 429),
            ("api_error", 502, "provider.error", 500),
            ("timeout_error", 504, "provider.timeout", 504),
            ("overloaded_error", 502, "provider.error", 529),
            ("another_error", 502, "provider.error", 500),
        ],
    )
    def test_errors_within_the_stream(self, kind, status, code, provider_status):
        error = {"type": "error", "error": {"type": kind, "message": "why"}}
        parser, deltas, _ = anthropic(start(), *TEXT, error, last(), MESSAGE_STOP)
        assert (parser.error.status, parser.error.code) == (status, code)
        assert parser.error.provider_status == provider_status
        assert len(deltas) == 1
        assert not parser.done

    def test_an_error_may_come_first(self):
        parser, _, _ = anthropic({"type": "error", "error": "?"})
        assert parser.error.code == "provider.error"


def part(*parts, finish=None, index=0, **more):
    candidate = {"content": {"parts": list(parts), "role": "model"}}
    if finish:
        candidate["finishReason"] = finish
    if index:
        candidate["index"] = index
    return {"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r", **more}


def gemini(*events):
    return run_stream("google", sse(*events), CHAT)


class TestGoogle:
    def test_text(self):
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 2}
        parser, deltas, choices = gemini(
            part({"text": "hm", "thought": True}),
            part({"text": "H"}, usageMetadata={"promptTokenCount": 3}),
            part({"text": "é"}, finish="STOP", usageMetadata=usage),
        )
        assert choices == (Choice(text="Hé", reasoning="hm"),)
        assert len(deltas) == 3
        assert parser.done
        assert parser.usage == Usage(input_tokens=3, output_tokens=2)
        assert (parser.model_served, parser.provider_id) == ("gemini-x", "r")

    def test_calls_get_ids_in_the_order_of_the_stream(self):
        call = {"functionCall": {"name": "f", "args": {"x": 1}}}
        _, _, choices = gemini(
            part(call), part({**call, "thoughtSignature": "cw=="}, call), part(finish="STOP")
        )
        ids = [one.id for one in choices[0].tool_calls]
        assert ids == ["call_0", "call_1~cw==", "call_2"]
        assert choices[0].finish_reason == "tool_calls"

    def test_several_candidates_all_have_to_finish(self):
        first = gemini(part({"text": "a"}), part({"text": "b"}, index=1), part(finish="STOP"))
        assert not first[0].done
        both = gemini(
            part({"text": "a"}),
            part({"text": "b"}, index=1),
            part(finish="STOP"),
            part(finish="MAX_TOKENS", index=1),
        )
        assert both[0].done
        assert [one.finish_reason for one in both[2]] == ["stop", "length"]

    def test_a_cut_stream_is_not_done(self):
        parser, _, _ = gemini(part({"text": "a"}))
        assert not parser.done
        assert parser.error is None
        assert not gemini()[0].done

    def test_blocked(self):
        event = {
            "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "No."},
            "modelVersion": "gemini-x",
        }
        parser, _, choices = gemini(event)
        assert parser.done
        assert choices == (Choice(refusal="No.", finish_reason="content_filter"),)

    @pytest.mark.parametrize(
        "event",
        [
            "{",
            "[]",
            {"candidates": []},
            part({"text": "a"}, modelVersion="another"),
            part({"text": "a"}, finish="OTHER"),
            part({"codeExecutionResult": {}}),
            part({"functionCall": {"args": {}}}),
            {**part(), "candidates": ["x"]},
        ],
    )
    def test_what_breaks_the_protocol(self, event):
        parser, _, _ = gemini(part({"text": "a"}), event, part(finish="STOP"))
        assert not parser.done
        assert (parser.error.status, parser.error.code) == (502, "provider.protocol")

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            ({"code": 503, "message": "m", "status": "UNAVAILABLE"}, 502, "provider.error"),
            ({"code": 429, "message": "m"}, 429, "node.rate_limited"),
            ({"code": "?", "message": "m"}, 502, "provider.error"),
            ("m", 502, "provider.error"),
        ],
    )
    def test_errors_within_the_stream(self, error, status, code):
        parser, _, _ = gemini(part({"text": "a"}), {"error": error}, part(finish="STOP"))
        assert (parser.error.status, parser.error.code) == (status, code)
        assert not parser.done


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b'"x"'])
def test_feed_never_raises(provider, data):
    parser = backend(provider).new_stream(CHAT)
    assert parser.feed(Event(data)) == []
    assert parser.error.code == "provider.protocol"
    assert parser.feed(Event(json.dumps(STOP).encode())) == []
