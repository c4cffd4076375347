"""Oblivious HTTP against RFC 9458, RFC 9180, and whoever stands between."""

import gzip
import json
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from opengradient.core.keyset import HpkeKey
from opengradient.errors import (
    ChannelError,
    MalformedError,
    OpenGradientError,
    ProtocolError,
    UnsupportedError,
)
from opengradient.transport.ohttp import (
    GatewayKey,
    KeyConfig,
    RequestOpener,
    RequestSealer,
    ResponseOpener,
    ResponseSealer,
    encapsulate_request,
    encode_key_configs,
    open_request,
    open_response,
    parse_key_configs,
    seal_response,
)
from opengradient.transport.ohttp.chunked import MAX_ACCEPTED_CHUNK_BYTES
from tests.support import vectors

KEY = GatewayKey.of(bytes(range(32)), key_id=7)
KEYS = {7: KEY}
AEADS = [1, 2, 3]


def refused(code, function, *args, **kwargs):
    with pytest.raises(OpenGradientError) as caught:
        function(*args, **kwargs)
    assert caught.value.code == code


def appendix_a():
    listed = json.loads((vectors("ohttp") / "rfc9458_appendixA.json").read_text())
    names = (
        "private", "config", "request", "ephemeral", "enc", "info", "sealed", "response", "ikm",
        "salt", "prk", "key", "nonce", "answer",
    )  # fmt: skip
    values = {name: bytes.fromhex(item["hex"]) for name, item in zip(names, listed, strict=True)}
    return SimpleNamespace(**values)


def test_rfc9458_appendix_a_byte_for_byte():
    a = appendix_a()
    config = KeyConfig.parse(a.config)
    assert config.encode() == a.config
    assert config.algorithms == ((1, 1), (1, 3))
    key = config.select()
    gateway = GatewayKey(public=key, private_key=a.private)
    sealed, exchange = encapsulate_request(key, a.request, ephemeral=a.ephemeral)
    assert sealed == a.sealed
    assert exchange.enc == a.enc
    opened, served = open_request(sealed, {key.key_id: gateway})
    assert opened == a.request
    nonce = a.salt[len(a.enc) :]
    assert seal_response(served, a.response, response_nonce=nonce) == a.answer
    assert open_response(exchange, a.answer) == a.response


def test_rfc9180_vectors():
    """All 128 cases: every KEM, KDF, AEAD and mode, so that pyhpke is what it says."""
    file = vectors("hpke") / "vectors_rfc9180_5f503c5.json.gz"
    cases = json.loads(gzip.decompress(file.read_bytes()))
    assert len(cases) == 128
    for case in cases:
        _check_hpke({name: _bytes(value) for name, value in case.items()})


def _bytes(value):
    return bytes.fromhex(value) if isinstance(value, str) else value


def _check_hpke(case):
    suite = CipherSuite.new(KEMId(case["kem_id"]), KDFId(case["kdf_id"]), AEADId(case["aead_id"]))
    pair = suite.kem.derive_key_pair(case["ikmR"])
    assert pair.public_key.to_public_bytes() == case["pkRm"]
    ephemeral = suite.kem.derive_key_pair(case["ikmE"])
    psk = {"psk": case["psk"], "psk_id": case["psk_id"]} if case["mode"] & 1 else {}
    sender = suite.kem.derive_key_pair(case["ikmS"]) if case["mode"] & 2 else None
    enc, sealing = suite.create_sender_context(
        pair.public_key, case["info"], sks=sender and sender.private_key, eks=ephemeral, **psk
    )
    assert enc == case["enc"]
    opening = suite.create_recipient_context(
        enc, pair.private_key, case["info"], pks=sender and sender.public_key, **psk
    )
    for message in case["encryptions"]:
        values = {name: _bytes(value) for name, value in message.items()}
        assert sealing.seal(values["pt"], values["aad"]) == values["ct"]
        assert opening.open(values["ct"], values["aad"]) == values["pt"]
    for export in case["exports"]:
        wanted = bytes.fromhex(export["exported_value"])
        context = bytes.fromhex(export["exporter_context"])
        assert sealing.export(context, export["L"]) == wanted
        assert opening.export(context, export["L"]) == wanted


@pytest.mark.parametrize("aead", AEADS)
def test_whole_messages_round_trip(aead):
    key = GatewayKey.generate(key_id=255, aead_id=aead)
    sealed, exchange = encapsulate_request(key.public, b"question")
    opened, served = open_request(sealed, {255: key})
    assert opened == b"question"
    answer = seal_response(served, b"answer")
    assert open_response(exchange, answer) == b"answer"
    assert seal_response(served, b"answer") != answer


@pytest.mark.parametrize("aead", AEADS)
def test_chunked_messages_round_trip_in_any_pieces(aead):
    key = GatewayKey.generate(key_id=0, aead_id=aead)
    sealer = RequestSealer(key.public)
    sealed = sealer.header + sealer.seal(b"one ") + sealer.seal(b"") + sealer.finish(b"two")
    opener = RequestOpener({0: key})
    opened = b"".join(opener.feed(sealed[at : at + 1]) for at in range(len(sealed)))
    assert opened == b"one "
    assert opened + opener.finish() == b"one two"
    answering = ResponseSealer(opener.exchange)
    answer = answering.seal(b"three ") + answering.finish()
    reading = ResponseOpener(sealer.exchange)
    assert reading.feed(answer) == b"three "
    assert reading.finish() == b""


def test_the_label_keeps_whole_and_chunked_apart():
    sealed, _ = encapsulate_request(KEY.public, b"question")
    opener = RequestOpener(KEYS)
    refused("channel.open", opener.feed, sealed[:39] + b"\x18" + sealed[39:])


def test_large_messages_are_cut():
    message = bytes(range(256)) * 200
    sealer = RequestSealer(KEY.public)
    sealed = sealer.whole(message)
    assert len(sealed) == 39 + len(message) + 3 * (4 + 16) + (1 + 16)
    opener = RequestOpener(KEYS)
    assert opener.feed(sealed) + opener.finish() == message


def exchange_of(content=b"question"):
    sealer = RequestSealer(KEY.public)
    sealed = sealer.whole(content)
    opener = RequestOpener(KEYS)
    opener.feed(sealed)
    opener.finish()
    return sealer.exchange, opener.exchange


def answer_in(chunks):
    mine, theirs = exchange_of()
    sealer = ResponseSealer(theirs)
    pieces = [sealer.seal(chunk) for chunk in chunks[:-1]] + [sealer.finish(chunks[-1])]
    return mine, pieces


def read(exchange, data):
    opener = ResponseOpener(exchange)
    return opener.feed(data) + opener.finish()


def test_chunks_cannot_be_swapped_left_out_or_repeated():
    mine, (first, second, third) = answer_in([b"aaaa", b"bbbb", b"c"])
    nonce, one = first[:32], first[32:]
    assert read(mine, nonce + one + second + third) == b"aaaabbbbc"
    for order in ([second, one, third], [one, third], [one, one, second, third], [second, third]):
        refused("channel.open", read, mine, nonce + b"".join(order))


def test_the_end_cannot_be_cut_off():
    mine, pieces = answer_in([b"aaaa", b"bbbb", b"c"])
    data = b"".join(pieces)
    for cut in range(len(data)):
        with pytest.raises((ProtocolError, ChannelError)) as caught:
            read(mine, data[:cut])
        assert caught.value.code in ("channel.truncated", "channel.open")
    # A chunk that is not the last one cannot be made the last one.
    nonce, one = pieces[0][:32], pieces[0][32:]
    refused("channel.open", read, mine, nonce + b"\0" + one[1:])


def test_every_flipped_byte_is_noticed():
    mine, pieces = answer_in([b"aaaa", b"bbbb"])
    data = b"".join(pieces)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(OpenGradientError):
            read(mine, bytes(changed))


def test_every_flipped_byte_of_a_request_is_noticed():
    sealed, _ = encapsulate_request(KEY.public, b"question")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        code = "channel.key_unknown" if at < 7 else "channel.open"
        refused(code, open_request, bytes(changed), KEYS)


def test_the_answer_to_another_request_is_not_ours():
    mine, _ = answer_in([b"a"])
    _, pieces = answer_in([b"a"])
    refused("channel.open", read, mine, b"".join(pieces))
    _, first = encapsulate_request(KEY.public, b"one")
    _, served = open_request(encapsulate_request(KEY.public, b"two")[0], KEYS)
    refused("channel.open", open_response, first, seal_response(served, b"answer"))


def test_after_a_failure_nothing_more_is_believed():
    mine, pieces = answer_in([b"aaaa", b"bbbb", b"c"])
    opener = ResponseOpener(mine)
    broken = bytearray(pieces[0])
    broken[-1] ^= 1
    refused("channel.open", opener.feed, bytes(broken))
    refused("channel.open", opener.feed, pieces[1])
    refused("channel.open", opener.finish)


def test_nothing_follows_the_end():
    mine, pieces = answer_in([b"a"])
    opener = ResponseOpener(mine)
    assert opener.feed(pieces[0]) + opener.finish() == b"a"
    refused("channel.open", opener.feed, b"\x11" + bytes(17))


def test_unknown_keys_and_suites():
    sealed, _ = encapsulate_request(KEY.public, b"question")
    refused("channel.key_unknown", open_request, sealed, {})
    other = GatewayKey.of(KEY.private_key, key_id=7, aead_id=1)
    refused("channel.key_unknown", open_request, sealed, {7: other})
    replaced = GatewayKey.generate(key_id=7)
    refused("channel.open", open_request, sealed, {7: replaced})
    refused("channel.key_unknown", RequestOpener({}).feed, RequestSealer(KEY.public).header)


def test_keys_that_nothing_can_be_agreed_with():
    weak = HpkeKey(key_id=7, public_key=bytes(32))
    refused("channel.open", encapsulate_request, weak, b"question")
    sealed, _ = encapsulate_request(KEY.public, b"question")
    refused("channel.open", open_request, sealed[:7] + bytes(32) + sealed[39:], KEYS)


def test_too_short():
    sealed, exchange = encapsulate_request(KEY.public, b"")
    for cut in range(len(sealed)):
        refused("channel.truncated", open_request, sealed[:cut], KEYS)
    refused("channel.truncated", open_response, exchange, bytes(47))
    opener = RequestOpener(KEYS)
    opener.feed(sealed[:38])
    refused("channel.truncated", lambda: opener.exchange)
    refused("channel.truncated", opener.finish)


def test_bounds_of_chunks():
    mine, _ = exchange_of()
    too_long = (0x80000000 | (MAX_ACCEPTED_CHUNK_BYTES + 17)).to_bytes(4, "big")
    refused("channel.too_large", ResponseOpener(mine).feed, bytes(32) + too_long)
    refused("channel.malformed", ResponseOpener(mine).feed, bytes(32) + b"\x0f" + bytes(15))
    opener = ResponseOpener(mine, max_bytes=40)
    opener.feed(bytes(32))
    refused("channel.too_large", opener.feed, bytes(9))
    last = bytes(32) + b"\0" + bytes(MAX_ACCEPTED_CHUNK_BYTES + 16)
    ResponseOpener(mine).feed(last)
    refused("channel.too_large", ResponseOpener(mine).feed, last + b"\0")


def test_key_configurations():
    config = KeyConfig.of(KEY.public)
    assert KeyConfig.parse(config.encode()) == config
    assert config.select() == KEY.public
    other = KeyConfig(key_id=1, public_key=bytes(32), algorithms=((2, 9), (1, 2)))
    assert other.select().aead_id == 2
    listed = encode_key_configs((config, other))
    assert parse_key_configs(listed) == (config, other)
    foreign = b"\x09\x00\x10" + bytes(65) + b"\x00\x04\x00\x01\x00\x01"
    both = len(foreign).to_bytes(2, "big") + foreign + encode_key_configs((config,))
    assert parse_key_configs(both) == (config,)
    refused("channel.key_suite", KeyConfig.parse, foreign)
    unknown = KeyConfig(key_id=1, public_key=bytes(32), algorithms=((2, 9),))
    refused("channel.key_suite", unknown.select)


def test_key_configurations_that_are_malformed():
    encoded = KeyConfig.of(KEY.public).encode()
    for cut in range(len(encoded)):
        refused("channel.key_config", KeyConfig.parse, encoded[:cut])
    refused("channel.key_config", KeyConfig.parse, encoded + b"\0")
    refused("channel.key_config", KeyConfig.parse, encoded[:35] + b"\0\0")
    refused("channel.key_config", KeyConfig.parse, encoded[:35] + b"\0\x03" + bytes(3))
    listed = encode_key_configs((KeyConfig.of(KEY.public),))
    for cut in range(len(listed)):
        refused("channel.key_config", parse_key_configs, listed[:cut])
    refused("channel.key_config", KeyConfig, key_id=256, public_key=bytes(32), algorithms=((1, 1),))
    refused("channel.key_config", KeyConfig, key_id=1, public_key=bytes(31), algorithms=((1, 1),))
    refused("channel.key_config", KeyConfig, key_id=1, public_key=bytes(32), algorithms=())


def test_a_key_pair_belongs_together_and_hides_its_private_half():
    refused("channel.key_config", GatewayKey, public=KEY.public, private_key=bytes([1] * 32))
    assert KEY.private_key.hex() not in repr(KEY)
    assert repr(KEY.private_key) not in repr(KEY)
    public = X25519PrivateKey.from_private_bytes(KEY.private_key).public_key().public_bytes_raw()
    assert KEY.public.public_key == public


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_our_errors(data, begun):
    mine, _ = EXCHANGES
    allowed = (ChannelError, MalformedError, ProtocolError, UnsupportedError)
    header = RequestSealer(KEY.public).header if begun else b""
    for attempt in (
        lambda: open_request(header + data, KEYS),
        lambda: open_response(mine, data),
        lambda: read(mine, data),
        lambda: _read_request(header + data),
        lambda: KeyConfig.parse(data),
        lambda: parse_key_configs(data),
    ):
        code = "channel."
        try:
            attempt()
        except allowed as error:
            code = error.code
        assert code.startswith("channel.")


def _read_request(data):
    opener = RequestOpener(KEYS)
    return opener.feed(data) + opener.finish()


EXCHANGES = exchange_of()
