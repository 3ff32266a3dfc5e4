"""Writes test/golden/hugging-face: small models with random weights as Hugging Face's transformers saves them, and what
it computes with them. For each model

    <name>/config.json, *.safetensors   the folder, without tokenizer.json
    <name>/golden.json                  tokens [T], every seventh of the logits [T][V], computed in float32 from the stored
                                        weights, and the tokens and the text of greedy decoding after the prompt

and tokenizer.json, which all of them use.

    pip install torch numpy safetensors transformers
    python hugging_face.py
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, NanoChatConfig

sys.dont_write_bytecode = True
out = Path(__file__).resolve().parents[2] / "test" / "golden" / "hugging-face"
prompt = "the quick brown"
positions = 24

GPT2 = dict(n_embd=8, n_head=2, n_layer=2, n_positions=positions, bos_token_id=0, eos_token_id=0)
LLAMA = dict(
    hidden_size=8,
    num_attention_heads=2,
    num_key_value_heads=2,
    num_hidden_layers=2,
    intermediate_size=20,
    max_position_embeddings=positions,
    bos_token_id=0,
    eos_token_id=0,
)

# name: config, dtype of the file, and changes to what transformers writes
CASES = {
    "gpt2": (GPT2Config(**GPT2), torch.float32, ""),
    "gpt2-untied": (
        GPT2Config(**GPT2, tie_word_embeddings=False, activation_function="gelu", layer_norm_epsilon=1e-3),
        torch.float16,
        "",
    ),
    "gpt2-odd": (GPT2Config(**GPT2 | dict(n_embd=9, n_head=3, n_inner=21)), torch.bfloat16, "bare buffers"),
    "gpt2-sharded": (GPT2Config(**GPT2, activation_function="relu"), torch.float32, "sharded padded"),
    "gpt2-no-bias": (GPT2Config(**GPT2, activation_function="gelu"), torch.bfloat16, "unbiased"),
    "llama": (LlamaConfig(**LLAMA, rms_norm_eps=1e-6), torch.float16, ""),
    "llama-grouped": (
        LlamaConfig(
            **LLAMA | dict(num_attention_heads=4, num_key_value_heads=2),
            tie_word_embeddings=True,
            rope_parameters=dict(rope_type="default", rope_theta=100_000.0),
            rms_norm_eps=1e-5,
        ),
        torch.bfloat16,
        "",
    ),
    "llama-odd": (
        LlamaConfig(
            **LLAMA
            | dict(hidden_size=9, num_attention_heads=3, num_key_value_heads=1, intermediate_size=17, head_dim=6)
        ),
        torch.float16,
        "older",
    ),
    "llama-sharded": (
        LlamaConfig(**LLAMA, rope_parameters=dict(rope_type="default", rope_theta=50.0), rms_norm_eps=1e-2),
        torch.bfloat16,
        "sharded older",
    ),
    "llama-biases": (
        LlamaConfig(**LLAMA, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
        torch.float32,
        "bare",
    ),
    "nanochat": (NanoChatConfig(**LLAMA, pad_token_id=None), torch.float32, ""),
    "nanochat-grouped": (
        NanoChatConfig(
            **LLAMA | dict(num_attention_heads=4, num_key_value_heads=2),
            head_dim=6,
            hidden_act="gelu_pytorch_tanh",
            final_logit_softcapping=None,
            tie_word_embeddings=True,
            rope_parameters=dict(rope_type="default", rope_theta=100.0),
            pad_token_id=None,
        ),
        torch.bfloat16,
        "",
    ),
}


def make_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=264, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(["the quick brown fox jumps over the lazy dog"] * 4, trainer)
    return tokenizer


def write(name: str, tokenizer: Tokenizer) -> None:
    config, dtype, changes = CASES[name]
    config.vocab_size = tokenizer.get_vocab_size() + (8 if "padded" in changes else 0)
    # Random weights tend to repeat a token. The first ones that don't are taken.
    for seed in range(1000):
        torch.manual_seed(seed)
        model = randomized(AutoModelForCausalLM.from_config(config).eval(), dtype, changes)
        golden = compute(model, tokenizer)
        if golden is not None:
            break
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder, max_shard_size="6KB" if "sharded" in changes else "1GB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    change_files(folder, changes)
    (folder / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(name, seed, golden["text"])


def randomized(model, dtype: torch.dtype, changes: str):
    """A float32 model whose parameters the dtype holds exactly."""
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            # Large enough that every part matters, and norms' gains around 1.
            gain = parameter.dim() == 1 and path.endswith("weight")
            parameter.normal_(1.0 if gain else 0.0, 0.35 if parameter.dim() == 1 else 0.6)
            if "unbiased" in changes and path.endswith(".bias"):
                parameter.zero_()
            parameter.copy_(parameter.to(dtype))
    return model


def compute(model, tokenizer: Tokenizer) -> dict | None:
    """What the weights give in float32. None if the choice of a token is narrow, or too few differ."""
    size = tokenizer.get_vocab_size()
    # Arbitrary tokens, with both ends of the vocabulary.
    tokens = torch.randint(0, size, (1, 10))
    tokens[0, 0], tokens[0, 3] = 0, size - 1
    begin = tokenizer.encode(prompt).ids
    with torch.no_grad():
        logits = model(tokens).logits[0, :, :size].tolist()
        text = list(begin)
        while len(text) < positions:
            best = model(torch.tensor([text])).logits[0, -1, :size].topk(2)
            if best.values[0] - best.values[1] < 1e-2:
                return None
            text.append(int(best.indices[0]))
    continued = text[len(begin) :]
    if len(set(continued)) < 6:
        return None
    return {
        "prompt": prompt,
        "tokens": tokens[0].tolist(),
        "logits": [[float(f"{x:.7g}") for x in row[::7]] for row in logits],
        "greedy": continued,
        "text": tokenizer.decode(continued, skip_special_tokens=False),
    }


def change_files(folder: Path, changes: str) -> None:
    file = folder / "model.safetensors"
    if "bare" in changes or "unbiased" in changes:
        tensors = load_file(file)
        if "unbiased" in changes:
            tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith(".bias")}
        if "bare" in changes:
            tensors = {name.removeprefix("transformer.").removeprefix("model."): t for name, t in tensors.items()}
        if "buffers" in changes:
            # As in the files of gpt2 and of older versions.
            mask = torch.ones(positions, positions).tril().view(1, 1, positions, positions)
            tensors |= {"h.0.attn.bias": mask.bool(), "h.1.attn.bias": mask, "h.0.attn.masked_bias": torch.tensor(-1e4)}
        save_file(tensors, file, metadata={"format": "pt"})
    if "older" in changes:
        # Before version 5, the angles' base was an entry of its own.
        path = folder / "config.json"
        stored = json.loads(path.read_text())
        rope = stored.pop("rope_parameters")
        stored |= {"rope_theta": rope["rope_theta"], "rope_scaling": None, "torch_dtype": stored.pop("dtype")}
        path.write_text(json.dumps(stored, indent=2) + "\n")


if __name__ == "__main__":
    out.mkdir(parents=True, exist_ok=True)
    made = make_tokenizer()
    made.save(str(out / "tokenizer.json"), pretty=False)
    for case in sys.argv[1:] or CASES:
        write(case, made)
