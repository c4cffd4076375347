"""Images travel as bytes."""

import base64

import pytest

import opengradient as og
from opengradient.errors import ConfigurationError

PNG = b"\x89PNG\r\n\x1a\n rest"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff rest", "image/jpeg"),
        (b"GIF89a rest", "image/gif"),
        (b"RIFF1234WEBPrest", "image/webp"),
    ],
)
def test_the_type_is_read_from_the_bytes(data, media_type):
    url = og.image(data)["image_url"]["url"]
    assert url == f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def test_a_file_and_a_data_uri(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(PNG)
    part = og.image(path, detail="low")
    assert part["image_url"]["detail"] == "low"
    assert og.image(str(path))["image_url"]["url"] == part["image_url"]["url"]
    assert og.image(part["image_url"]["url"]) == og.image(PNG)


@pytest.mark.parametrize(
    "source", ["https://example.org/a.png", "file:///etc/passwd", b"text", "/no/such/file"]
)
def test_what_is_no_image_here_is_refused(source):
    with pytest.raises(ConfigurationError):
        og.image(source)
