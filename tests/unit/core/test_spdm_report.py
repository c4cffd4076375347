"""Reports of GPUs: what is read. What is refused stands in the vectors of devices."""

import pytest

from opengradient.core.spdm_report import MAX_REPORT_BYTES, parse_report
from opengradient.errors import MalformedError
from tests.vectors.devices import nvidia_report as forge


def test_a_report_taken_apart():
    data = forge.report()
    report = parse_report(data)
    assert report.nonce == forge.ASKED
    assert dict(report.blocks) == forge.BLOCKS
    assert dict(report.opaque) == forge.OPAQUE
    assert report.signed + report.signature == data
    assert len(report.signature) == 96


def test_the_largest_report():
    room = MAX_REPORT_BYTES - len(forge.report()) - 4
    largest = forge.report(opaque={**forge.OPAQUE, 99: bytes(room)})
    assert len(largest) == MAX_REPORT_BYTES == 8192
    assert parse_report(largest).opaque[99] == bytes(room)
    with pytest.raises(MalformedError) as caught:
        parse_report(forge.report(opaque={**forge.OPAQUE, 99: bytes(room + 1)}))
    assert caught.value.code == "format.too_large"


def test_no_report_is_accepted_cut_anywhere():
    data = forge.report()
    for end in range(len(data)):
        with pytest.raises(MalformedError):
            parse_report(data[:end])
