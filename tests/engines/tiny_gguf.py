"""Writes a tiny llama-architecture GGUF file with random weights; nothing is downloaded.

The file has a character vocabulary, a chat template and about 128,000 parameters. With
`loop=True` every character leads to one other, so that greedy decoding falls into a loop at once.
"""

from pathlib import Path
from typing import Any

import gguf
import numpy as np

PRINTABLE = ["\n"] + [chr(code) for code in range(32, 127)]

TEMPLATE = (
    "{% for m in messages %}{{ '[' + m['role'] + '] ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant] ' }}{% endif %}"
)
"""Puts every message, the system message too, in plain sight."""

DEAF_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}{% endif %}{% endfor %}"
)
"""Drops the system message, as some templates do."""

EMBEDDING, FEED_FORWARD, HEADS, LAYERS = 64, 128, 4, 2


def write_gguf(
    path: Path,
    *,
    seed: int = 0,
    name: str = "tiny-random",
    context: int = 8192,
    template: str = TEMPLATE,
    end_logit: float = -30.0,
    loop: bool = False,
) -> Path:
    """Write the file and return its path.

    Args:
        path: Where to write it.
        seed: Draws the weights; the same seed gives the same file.
        name: What the file calls the model.
        context: Tokens of context that the file says it was trained for.
        template: Its chat template, in Jinja.
        end_logit: How much the end of the answer is wanted; -30: never, 0: now and then.
        loop: Whether each character leads to one other, so that greedy answers repeat.
    """
    generator = np.random.default_rng(seed)
    tokens, scores, kinds, first = _vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_context_length(context)
    writer.add_embedding_length(EMBEDDING)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(template)
    for tensor, values in _weights(generator, len(tokens), first, end_logit, loop=loop).items():
        writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def parameter_count() -> int:
    """How many weights a file of `write_gguf` holds, added up from the shapes."""
    generator = np.random.default_rng(0)
    tokens, _, _, first = _vocabulary()
    weights = _weights(generator, len(tokens), first, 0.0, loop=False)
    return sum(values.size for values in weights.values())


def _vocabulary() -> tuple[list[bytes], list[float], list[Any], int]:
    """Tokens, scores, kinds, and the place of the first printable character."""
    kind = gguf.TokenType
    tokens = [b"<unk>", b"<s>", b"</s>"] + [f"<0x{byte:02X}>".encode() for byte in range(256)]
    kinds = [kind.UNKNOWN, kind.CONTROL, kind.CONTROL] + [kind.BYTE] * 256
    scores = [0.0] * len(tokens)
    first = len(tokens)
    for place, letter in enumerate(PRINTABLE):
        tokens.append(("\u2581" if letter == " " else letter).encode())
        scores.append(-float(place + 1))
        kinds.append(kind.NORMAL)
    return tokens, scores, kinds, first


def _weights(
    generator: np.random.Generator, vocabulary: int, first: int, end_logit: float, *, loop: bool
) -> dict[str, np.ndarray]:
    """All tensors by name. Dimension 0 is a constant 1 that no layer writes to: an output bias."""
    # Without layers at work, the next character depends on the last one alone: a sure loop.
    strength = 0.0 if loop else 1.0

    def linear(out: int, into: int, scale: float = 1.0) -> np.ndarray:
        drawn = generator.normal(0, strength * scale / np.sqrt(into), (out, into))
        return drawn.astype(np.float32)

    printable = np.arange(vocabulary) >= first
    embedding = generator.normal(0, 1, (vocabulary, EMBEDDING)).astype(np.float32)
    embedding[:, 0] = 1.0
    output = generator.normal(0, 2.0, (vocabulary, EMBEDDING)).astype(np.float32)
    output[:, 0] = np.where(printable, 0.0, -60.0)
    output[2, 0] = end_logit
    ones = np.ones(EMBEDDING, np.float32)
    weights = {
        "token_embd.weight": embedding,
        "output.weight": output,
        "output_norm.weight": ones,
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        attention_out = linear(EMBEDDING, EMBEDDING, 1.5)
        down = linear(EMBEDDING, FEED_FORWARD, 1.5)
        attention_out[0] = down[0] = 0
        weights |= {
            block + "attn_norm.weight": ones,
            block + "ffn_norm.weight": ones,
            block + "attn_q.weight": linear(EMBEDDING, EMBEDDING, 2),
            block + "attn_k.weight": linear(EMBEDDING, EMBEDDING, 2),
            block + "attn_v.weight": linear(EMBEDDING, EMBEDDING),
            block + "attn_output.weight": attention_out,
            block + "ffn_gate.weight": linear(FEED_FORWARD, EMBEDDING),
            block + "ffn_up.weight": linear(FEED_FORWARD, EMBEDDING),
            block + "ffn_down.weight": down,
        }
    return weights
