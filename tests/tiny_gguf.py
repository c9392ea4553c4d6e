"""Write a random llama of one layer as a GGUF file: 140 KB that llama.cpp loads in no time.

Its tokens are single bytes and what it says is noise, but it streams, counts, obeys a schema and
runs out of context as any model does.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

CONTEXT = 2048  # tokens it was "trained" with
WIDTH, HEADS, HIDDEN = 32, 2, 64
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"

# The numbers GGUF gives to types, and the formats of struct.
_UINT32, _INT32, _FLOAT32, _STRING, _ARRAY = 4, 5, 6, 8, 9
_FORMAT = {_UINT32: "<I", _INT32: "<i", _FLOAT32: "<f"}
_UNKNOWN, _CONTROL, _NORMAL, _BYTE = 2, 3, 1, 6  # kinds of tokens

_VOCABULARY = (
    [("<unk>", _UNKNOWN), ("<s>", _CONTROL), ("</s>", _CONTROL)]
    + [(f"<0x{byte:02X}>", _BYTE) for byte in range(256)]
    + [(sign, _NORMAL) for sign in ("▁", *map(chr, range(33, 127)))]
)


def write_gguf(path: Path) -> Path:
    """Write the file; the same bytes every time."""
    metadata = _metadata()
    header = b"GGUF" + struct.pack("<IQQ", 3, len(_shapes()), len(metadata))
    for key, (kind, value) in metadata.items():
        header += _string(key) + struct.pack("<I", kind) + _value(kind, value)
    random = np.random.default_rng(0)
    data = b""
    for name, shape in _shapes().items():
        header += _string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        header += struct.pack("<IQ", 0, len(data))  # 0: float32
        values = random.standard_normal(int(np.prod(shape))) * 0.1 + ("norm" in name)
        data += _padded(values.astype("<f4").tobytes())
    path.write_bytes(_padded(header) + data)
    return path


def _metadata() -> dict[str, tuple[int, Any]]:
    return {
        "general.architecture": (_STRING, "llama"),
        "llama.context_length": (_UINT32, CONTEXT),
        "llama.embedding_length": (_UINT32, WIDTH),
        "llama.block_count": (_UINT32, 1),
        "llama.feed_forward_length": (_UINT32, HIDDEN),
        "llama.attention.head_count": (_UINT32, HEADS),
        "llama.attention.head_count_kv": (_UINT32, HEADS),
        "llama.attention.layer_norm_rms_epsilon": (_FLOAT32, 1e-5),
        "llama.rope.dimension_count": (_UINT32, WIDTH // HEADS),
        "llama.vocab_size": (_UINT32, len(_VOCABULARY)),
        "tokenizer.ggml.model": (_STRING, "llama"),
        "tokenizer.ggml.tokens": (_ARRAY, (_STRING, [token for token, _ in _VOCABULARY])),
        "tokenizer.ggml.scores": (_ARRAY, (_FLOAT32, [0.0] * len(_VOCABULARY))),
        "tokenizer.ggml.token_type": (_ARRAY, (_INT32, [kind for _, kind in _VOCABULARY])),
        "tokenizer.ggml.unknown_token_id": (_UINT32, 0),
        "tokenizer.ggml.bos_token_id": (_UINT32, 1),
        "tokenizer.ggml.eos_token_id": (_UINT32, 2),
        "tokenizer.chat_template": (_STRING, TEMPLATE),
    }


def _shapes() -> dict[str, tuple[int, ...]]:
    square = {f"blk.0.attn_{part}.weight": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
    return {
        "token_embd.weight": (WIDTH, len(_VOCABULARY)),
        "output_norm.weight": (WIDTH,),
        "output.weight": (WIDTH, len(_VOCABULARY)),
        "blk.0.attn_norm.weight": (WIDTH,),
        **square,
        "blk.0.ffn_norm.weight": (WIDTH,),
        "blk.0.ffn_gate.weight": (WIDTH, HIDDEN),
        "blk.0.ffn_down.weight": (HIDDEN, WIDTH),
        "blk.0.ffn_up.weight": (WIDTH, HIDDEN),
    }


def _value(kind: int, value: Any) -> bytes:
    if kind == _STRING:
        return _string(value)
    if kind == _ARRAY:
        inner, values = value
        head = struct.pack("<IQ", inner, len(values))
        return head + b"".join(_value(inner, each) for each in values)
    return struct.pack(_FORMAT[kind], value)


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 32)
