"""A folder of models: what is added is what the manifest names, or nothing is."""

import dataclasses

import pytest

pytest.importorskip("onnx", reason="needs the extra opengradient[models]")
pytest.importorskip("onnxruntime", reason="needs the extra opengradient[models]")

from click.testing import CliRunner

from opengradient.core.models import Dtype, TensorSpec
from opengradient.errors import OpenGradientError
from reference_nodes.local_inference_node.__main__ import main
from reference_nodes.local_inference_node.adding import add_model, describe
from reference_nodes.local_inference_node.library import FILES, MANIFEST, Library
from tests.unit.local_inference_node import models

NAMED = {"name": "me/linear", "version": "1.0", "licence": "MIT"}


@pytest.fixture
async def added(tmp_path):
    (tmp_path / "m.onnx").write_bytes(models.linear())
    root = await add_model(tmp_path / "m.onnx", tmp_path / "models", **NAMED)
    return tmp_path / "models", root


def refused(code, call, *args):
    with pytest.raises(OpenGradientError) as caught:
        call(*args)
    assert caught.value.code == code, caught.value


async def test_a_model_is_added_and_found_again(added):
    folder, root = added
    stored = Library(folder).get(root)
    assert stored.manifest.root == root
    assert stored.manifest.inputs == (TensorSpec(name="x", dtype=Dtype.FLOAT32, shape=("n", 3)),)
    assert stored.weights.path.read_bytes() == models.linear()
    assert [path.name for path in folder.iterdir()] == [root.hex()]
    assert await add_model(folder.parent / "m.onnx", folder, **NAMED) == root  # once more


def test_the_command_prints_the_root(tmp_path):
    (tmp_path / "m.onnx").write_bytes(models.linear())
    arguments = ["add", str(tmp_path / "m.onnx"), "--data-dir", str(tmp_path / "d")]
    done = CliRunner().invoke(main, [*arguments, "--name", "me/linear", "--licence", "MIT"])
    assert done.exit_code == 0, done.output
    library = Library(tmp_path / "d" / "models")
    assert [item.root.hex() for item in library.manifests] == [done.output.strip()]
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    bad = CliRunner().invoke(main, [*arguments, "--name", "me/linear"])
    assert bad.exit_code == 2
    assert "model.onnx" in bad.output
    assert len(Library(tmp_path / "d" / "models").manifests) == 1


async def test_other_bytes_than_the_manifest_names_are_not_added(added, tmp_path):
    folder, root = added
    manifest = Library(folder).get(root).manifest
    library = Library(tmp_path / "other")
    data = models.linear()
    for wrong in (data[:-1], data + b"x", b"\x00" + data[1:]):
        (tmp_path / "m.onnx").write_bytes(wrong)
        refused("model.bytes", library.add, manifest, {"m.onnx": tmp_path / "m.onnx"})
    (tmp_path / "m.onnx").write_bytes(data)
    lying = dataclasses.replace(manifest.files[0], chunk_root=bytes(32))
    other = dataclasses.replace(manifest, files=(lying,))
    refused("model.bytes", library.add, other, {"m.onnx": tmp_path / "m.onnx"})
    refused("config.invalid", library.add, manifest, {})
    refused("config.invalid", library.add, manifest, {"m.onnx": tmp_path / "none"})
    assert list((tmp_path / "other").iterdir()) == []
    assert library.manifests == []


async def test_a_folder_under_another_root_is_refused(added):
    folder, root = added
    (folder / root.hex()).rename(folder / ("00" * 32))
    refused("model.malformed", Library, folder)


async def test_a_manifest_that_is_none(added):
    folder, root = added
    (folder / root.hex() / MANIFEST).write_bytes(b"{}")
    with pytest.raises(OpenGradientError):
        Library(folder)
    (folder / root.hex() / MANIFEST).unlink()
    refused("config.invalid", Library, folder)


async def test_only_what_an_engine_loads(added, tmp_path):
    folder, root = added
    manifest = Library(folder).get(root).manifest
    none = dataclasses.replace(manifest, format="gguf")
    refused("inference.format", Library(tmp_path / "o").add, none, {"m.onnx": tmp_path / "m.onnx"})
    (tmp_path / "m.bin").write_bytes(b"x")
    with pytest.raises(OpenGradientError) as caught:
        await add_model(tmp_path / "m.bin", folder, **NAMED)
    assert caught.value.code == "inference.format"
    assert describe(tmp_path / "m.bin", "m.bin").size == 1


async def test_what_was_being_added_when_the_power_went_is_ignored(added):
    folder, root = added
    (folder / ".partial-00" / FILES).mkdir(parents=True)
    assert [item.root for item in Library(folder).manifests] == [root]
