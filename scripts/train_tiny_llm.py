"""Trains the tiny model on text that this repository writes, and measures it on wordings kept back.

    python scripts/train_tiny_llm.py --out reference_nodes/tiny_llm_node/weights

Needs the extra [train]. One processor core is enough; --steps sets how long it takes.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch.nn import functional

from reference_nodes.tiny_llm_node.model import FORMAT, Model, Shape, load_model, pool
from reference_nodes.tiny_llm_node.template import Message, Role, message_tokens, text_prompt
from reference_nodes.tiny_llm_node.tokenizer import (
    BEGIN,
    END,
    Tokenizer,
    load_tokenizer,
    save_tokenizer,
)
from scripts.tiny_llm.corpus import Corpus, Sampler, build
from scripts.tiny_llm.evaluation import evaluate
from scripts.tiny_llm.merges import learn
from scripts.tiny_llm.network import Network

VOCABULARY, CONTEXT = 2048, 512
TOKENS_PER_STEP, PLAIN_SHARE = 3072, 0.06
# Short rows are faster; every fourth step has rows of the full context, so that the model sees it.
LENGTHS = (256, 256, 256, CONTEXT)
WARM_UP = 60


def main() -> None:
    """Build the text, learn the tokenizer, train, export and measure."""
    options = _options()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    corpus = build()
    if options.resume:
        tokenizer = load_tokenizer(options.out / "tokenizer.json")
    else:
        tokenizer = learn(_texts(corpus, options.seed), VOCABULARY)
    shape = Shape(
        vocabulary=tokenizer.size, width=192, layers=4, heads=6, hidden=512, context=CONTEXT
    )
    network = Network(shape)
    if options.resume:
        _load(network, options.out / "model.safetensors")
    print(
        f"parameters {sum(p.numel() for p in network.parameters()):,}, tokens {tokenizer.size}",
        flush=True,
    )
    _train(network, tokenizer, corpus, options)
    options.out.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, options.out / "tokenizer.json")
    _export(network, tokenizer, corpus, options)
    report = evaluate(
        load_model(options.out / "model.safetensors"), tokenizer, corpus, options.limit
    )
    print(json.dumps(report, indent=1))
    (options.out / "evaluation.json").write_text(json.dumps(report, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("reference_nodes/tiny_llm_node/weights"))
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--resume", action="store_true", help="go on from the weights in --out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--limit", type=int, default=120, help="held-out wordings measured per group"
    )
    return parser.parse_args()


def _load(network: Network, path: Path) -> None:
    arrays = load_file(path)
    del arrays["centre"]
    network.load_state_dict(
        {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}
    )


def _texts(corpus: Corpus, seed: int) -> Iterator[str]:
    sampler = Sampler(corpus, seed)
    for _ in range(12_000):
        _, turns = sampler.talk()
        for turn in turns:
            yield turn.question
            yield turn.answer


def _documents(
    tokenizer: Tokenizer, corpus: Corpus, seed: int
) -> Iterator[tuple[list[int], list[float]]]:
    """Yield the tokens of each talk, with the weight that each has in the loss."""
    sampler, chance = Sampler(corpus, seed + 1), np.random.default_rng(seed)
    while True:
        system, turns = sampler.talk()
        if chance.random() < PLAIN_SHARE:
            text = (
                turns[0].answer
                if chance.random() < 0.6
                else f"{turns[0].question}\n{turns[0].answer}"
            )
            tokens = [BEGIN, *tokenizer.encode(text), END]
            yield tokens, [0.0] + [0.5] * (len(tokens) - 1)
            continue
        tokens, weights = [BEGIN], [0.0]
        if system is not None:
            tokens += message_tokens(tokenizer, Message(role=Role.SYSTEM, text=system))
            weights += [0.0] * (len(tokens) - 1)
        for turn in turns:
            asked = message_tokens(tokenizer, Message(role=Role.USER, text=turn.question))
            said = message_tokens(tokenizer, Message(role=Role.ASSISTANT, text=turn.answer))
            tokens += asked + said
            weights += [0.0] * (len(asked) + 1) + [1.0] * (len(said) - 1)
        yield tokens, weights


def _batches(
    tokenizer: Tokenizer, corpus: Corpus, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield full rows of talks, one after the other; a talk may be cut at the end of its row."""
    documents = _documents(tokenizer, corpus, seed)
    for length in itertools.cycle(LENGTHS):
        rows, weights = [], []
        for _ in range(TOKENS_PER_STEP // length):
            row: list[int] = []
            weight: list[float] = []
            while len(row) <= length:
                tokens, values = next(documents)
                row += tokens
                weight += values
            rows.append(row[: length + 1])
            weights.append(weight[: length + 1])
        yield torch.tensor(rows), torch.tensor(weights)


def _train(
    network: Network, tokenizer: Tokenizer, corpus: Corpus, options: argparse.Namespace
) -> None:
    matrices = [p for p in network.parameters() if p.ndim == 2]
    vectors = [p for p in network.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}],
        betas=(0.9, 0.98),
    )
    batches, started = _batches(tokenizer, corpus, options.seed), time.monotonic()
    for step in range(options.steps):
        rate = options.rate * min((step + 1) / WARM_UP, max(0.01, 1 - step / options.steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows, weights = next(batches)
        weight = weights[:, 1:].flatten()
        learned = weight > 0
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = network.hidden(rows[:, :-1]).flatten(0, 1)
            scores = hidden[learned] @ network.embedding.T
        each = functional.cross_entropy(
            scores.float(), rows[:, 1:].flatten()[learned], reduction="none"
        )
        loss = (each * weight[learned]).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0 or step == options.steps - 1:
            answers = float(each.detach()[weight[learned] == 1.0].mean())
            print(
                f"step {step} loss {float(loss.detach()):.4f} answers {answers:.4f} seconds {time.monotonic() - started:.0f}",
                flush=True,
            )


def _export(
    network: Network, tokenizer: Tokenizer, corpus: Corpus, options: argparse.Namespace
) -> None:
    path = options.out / "model.safetensors"
    shape = network.shape
    arrays = {
        name: tensor.detach().numpy().astype(np.float16)
        for name, tensor in network.state_dict().items()
    }
    metadata = {"format": FORMAT, "created": str(int(time.time()))}
    metadata |= {"seed": str(options.seed), "steps": str(options.steps)}
    metadata |= {name: str(getattr(shape, name)) for name in Shape.__slots__}
    save_file(arrays | {"centre": np.zeros(shape.width, np.float16)}, path, metadata)
    # The centre is a mean over what the exported model computes, so it is found in a second pass.
    save_file(arrays | {"centre": _centre(load_model(path), tokenizer, corpus)}, path, metadata)


def _centre(model: Model, tokenizer: Tokenizer, corpus: Corpus) -> NDArray[np.float16]:
    """Return the mean of `pool` over some sixty questions of each group."""
    pools = [
        pool(model, text_prompt(tokenizer, item.question))
        for _, items in sorted(corpus.train.items())
        for item in items[:: max(1, len(items) // 60)]
    ]
    mean: NDArray[np.float16] = np.mean(pools, axis=0).astype(np.float16)
    return mean


if __name__ == "__main__":
    main()
