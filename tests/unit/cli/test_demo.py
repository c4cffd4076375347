"""The demo's own tools."""

import pytest

from opengradient.cli.demo.again import change_one_byte
from opengradient.core.messages import Choice
from opengradient.errors import OpenGradientError, VerificationError
from opengradient.verify.receipts import verify_receipt
from opengradient.wire.receipts import decode_bundle, encode_bundle
from tests import receipt_factory as factory


def _file(text: str | None) -> bytes:
    exchange = factory.Exchange()
    reply = factory.REPLY
    choice = Choice(text=text)
    exchange.response = type(reply)(
        id=reply.id, created=1, model="m", kind=reply.kind, choices=(choice,), usage=reply.usage
    ).committed_fields()
    return encode_bundle(exchange.bundle())


@pytest.mark.parametrize("text", ["Paris.", "x", "7 apples", "é. y"])
def test_one_byte_is_changed_and_it_shows(text: str) -> None:
    data = _file(text)
    changed = change_one_byte(data)
    assert [i for i in range(len(data)) if data[i] != changed.data[i]] == [changed.offset]
    assert chr(data[changed.offset]) == changed.before
    assert chr(changed.data[changed.offset]) == changed.after
    verify_receipt(decode_bundle(data), policy=factory.policy(), now_ms=factory.NOW)
    with pytest.raises(VerificationError) as refused:
        verify_receipt(decode_bundle(changed.data), policy=factory.policy(), now_ms=factory.NOW)
    assert refused.value.code == "receipt.response"


@pytest.mark.parametrize("text", [None, "", "42", "é"])
def test_nothing_to_change(text: str | None) -> None:
    with pytest.raises(OpenGradientError) as failed:
        change_one_byte(_file(text))
    assert failed.value.code == "demo.failed"
