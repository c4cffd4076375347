import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from opengradient.errors import ConfigurationError, UnsupportedError
from reference_nodes.tiny_llm_node.app import load_service
from reference_nodes.tiny_llm_node.config import WEIGHTS, Config
from reference_nodes.tiny_llm_node.model import Cache, advance, embed, load_model, logits

TOKENS = [0, 2, 700, 300, 17, 900, 4, 3]


def test_weights_and_tokenizer_are_five_megabytes_at_most():
    size = sum((WEIGHTS / name).stat().st_size for name in ("model.safetensors", "tokenizer.json"))
    assert size <= 5_000_000


def test_parameters_are_about_two_million(model):
    assert 1_500_000 < model.parameters < 2_400_000


def test_reading_at_once_and_one_by_one_agree(model):
    whole = advance(model, Cache(model.shape), TOKENS)
    cache = Cache(model.shape)
    steps = np.concatenate([advance(model, cache, [token]) for token in TOKENS])
    assert np.allclose(whole, steps, atol=1e-4)


def test_reading_in_two_parts_agrees(model):
    whole = advance(model, Cache(model.shape), TOKENS)
    cache = Cache(model.shape)
    parts = [advance(model, cache, TOKENS[:3]), advance(model, cache, TOKENS[3:])]
    assert np.allclose(whole, np.concatenate(parts), atol=1e-4)


def test_a_token_does_not_see_later_ones(model):
    one = advance(model, Cache(model.shape), TOKENS)
    other = advance(model, Cache(model.shape), [*TOKENS[:-1], 40])
    assert np.array_equal(one[:-1], other[:-1])
    assert not np.allclose(one[-1], other[-1])


def test_order_matters(model):
    one = advance(model, Cache(model.shape), [0, 300, 400, 500])[-1]
    other = advance(model, Cache(model.shape), [0, 400, 300, 500])[-1]
    assert not np.allclose(one, other, atol=1e-2)


def test_the_context_is_a_hard_bound(model):
    cache = Cache(model.shape)
    advance(model, cache, [7] * model.shape.context)
    with pytest.raises(AssertionError):
        advance(model, cache, [7])
    with pytest.raises(AssertionError):
        advance(model, Cache(model.shape), [])


def test_logits_have_one_score_per_token(model):
    hidden = advance(model, Cache(model.shape), TOKENS)[-1]
    assert logits(model, hidden).shape == (model.shape.vocabulary,)
    assert logits(model, hidden).dtype == np.float32


def test_embeddings_have_length_one(model):
    assert np.linalg.norm(embed(model, TOKENS)) == pytest.approx(1, abs=1e-5)


def test_like_questions_are_near(model, tokenizer):
    def vector(text):
        return embed(model, [0, *tokenizer.encode(text)])

    asked = vector("What is a Merkle tree?")
    assert asked @ vector("Explain Merkle trees.") > asked @ vector("What is the capital of Peru?")


def _rewrite(tmp_path, metadata=None, tensors=None):
    with safe_open(WEIGHTS / "model.safetensors", framework="numpy") as file:
        kept = file.metadata()
    path = tmp_path / "model.safetensors"
    arrays = load_file(WEIGHTS / "model.safetensors") | (tensors or {})
    save_file(arrays, path, {k: v for k, v in (kept | (metadata or {})).items() if v is not None})
    return path


def test_a_rewritten_file_still_loads(tmp_path):
    assert load_model(_rewrite(tmp_path)).shape.layers == 4


def test_another_format_is_unsupported(tmp_path):
    with pytest.raises(UnsupportedError):
        load_model(_rewrite(tmp_path, {"format": "og-tiny-llm-2"}))


@pytest.mark.parametrize(
    ("metadata", "tensors"),
    [
        ({"layers": "5"}, None),
        ({"layers": "x"}, None),
        ({"width": None}, None),
        ({"created": None}, None),
        (None, {"extra": np.zeros(3, np.float16)}),
        (None, {"norm": np.zeros(3, np.float16)}),
    ],
)
def test_a_file_that_does_not_fit_its_shape_is_refused(tmp_path, metadata, tensors):
    with pytest.raises(ConfigurationError):
        load_model(_rewrite(tmp_path, metadata, tensors))


@pytest.mark.parametrize("content", [None, b"", b"\x08\0\0\0\0\0\0\0nonsense"])
def test_a_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError):
        load_model(path)


def test_a_foreign_tokenizer_is_refused(tmp_path):
    (tmp_path / "model.safetensors").symlink_to(WEIGHTS / "model.safetensors")
    text = (WEIGHTS / "tokenizer.json").read_text()
    cut = text[: text.rindex(",[")] + "]}"
    (tmp_path / "tokenizer.json").write_text(cut)
    with pytest.raises(ConfigurationError):
        load_service(Config(weights=tmp_path))
