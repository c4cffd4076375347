"""Any bytes into the readers of ACI files, sealed keys and enclave images: our errors or a value."""

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from opengradient.core.aci import AciReport, AciSession
from opengradient.core.canonical import canonical_json
from opengradient.core.eif import parse_eif
from opengradient.core.sealed_keys import ProviderKeys
from opengradient.errors import MalformedError, SignatureError, UnsupportedError
from opengradient.wire.aci import BUNDLE_VERSION, decode_aci
from opengradient.wire.sealed_keys import decode_sealed_keys, encode_sealed_keys
from tests.unit.core.test_eif import image
from tests.unit.core.test_sealed_keys import sealed
from tests.unit.verify import aci_forge as forge

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
WHOLE = {
    "version": BUNDLE_VERSION,
    "receipt": forge.receipt_json(),
    "report": forge.report_json(),
    "sessions": [forge.session_json()],
}
REFUSALS = (MalformedError, UnsupportedError)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    found = [path] if path else []
    if isinstance(value, dict):
        for name, item in value.items():
            found += places(item, (*path, name))
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(document))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return copy


@given(path=st.sampled_from(places(WHOLE)), value=JSON)
@settings(max_examples=400, deadline=None)
def test_aci_with_anything_in_any_place(path: tuple[Any, ...], value: Any) -> None:
    with contextlib.suppress(REFUSALS):
        decode_aci(replaced(WHOLE, path, value))


@given(value=JSON)
@settings(max_examples=200, deadline=None)
def test_aci_documents_of_anything(value: Any) -> None:
    for parse in (AciReport.parse, AciSession.parse):
        with contextlib.suppress(REFUSALS):
            parse(value)


@given(data=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_bytes(data: bytes) -> None:
    for read in (decode_aci, decode_sealed_keys, ProviderKeys.parse, parse_eif):
        with contextlib.suppress(REFUSALS):
            read(data)


@given(at=st.integers(0, len(encode_sealed_keys(sealed())) - 1), byte=st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_sealed_keys_with_one_other_byte(at: int, byte: int) -> None:
    data = bytearray(encode_sealed_keys(sealed()))
    data[at] = byte
    try:
        decode_sealed_keys(bytes(data))
    except (*REFUSALS, SignatureError):
        pass


@given(cut=st.integers(0, len(image())), tail=st.binary(max_size=20))
@settings(max_examples=200, deadline=None)
def test_images_cut_and_continued(cut: int, tail: bytes) -> None:
    data = image()[:cut] + tail
    try:
        assert parse_eif(data) == parse_eif(image())
        assert data == image()
    except MalformedError:
        pass


def test_the_whole_one_is_read() -> None:
    assert decode_aci(canonical_json(WHOLE)).report is not None
