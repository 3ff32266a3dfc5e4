"""Writes test/golden/peft: adapters as Hugging Face's PEFT saves them, with random weights, for models of
test/golden/hugging-face. For each

    <name>/adapter_config.json, adapter_model.safetensors   the folder; base_model_name_or_path names the model
    <name>/golden.json                                      tokens [T], every seventh of the logits [T][V] of the model
                                                            with the adapters, in float32

    pip install torch numpy safetensors transformers peft
    python adapters.py
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

sys.dont_write_bytecode = True
golden = Path(__file__).resolve().parents[2] / "test" / "golden"

# name: base, dtype of the file, config
CASES = {
    "gpt2": ("gpt2", torch.float32, dict(r=4, lora_alpha=6, target_modules=["c_attn", "mlp.c_proj"])),
    "gpt2-ranks": (
        "gpt2-untied",
        torch.float16,
        dict(
            r=3,
            lora_alpha=4,
            target_modules=["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"],
            rank_pattern={"c_attn": 5, "h.1.mlp.c_fc": 2},
            alpha_pattern={"mlp.c_proj": 7},
        ),
    ),
    "llama": ("llama-grouped", torch.bfloat16, dict(r=2, lora_alpha=3, target_modules=["q_proj", "v_proj"])),
    "llama-rslora": (
        "llama-odd",
        torch.float32,
        dict(r=4, lora_alpha=2, use_rslora=True, target_modules=["k_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]),
    ),
}


def write(name: str) -> None:
    base, dtype, config = CASES[name]
    model = AutoModelForCausalLM.from_pretrained(golden / "hugging-face" / base, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.05, **config)).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if "lora_" in path:
                # What the file's dtype holds exactly.
                parameter.copy_((0.3 * torch.randn_like(parameter)).to(dtype))
    size = model.config.vocab_size
    tokens = torch.randint(0, size, (1, 10))
    with torch.no_grad():
        logits = model(tokens).logits[0].tolist()
        model.disable_adapter_layers()
        moved = (model(tokens).logits[0] - torch.tensor(logits)).abs().max().item()
    folder = golden / "peft" / name
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": base}, indent=2) + "\n")
    rows = [[float(f"{x:.7g}") for x in row[::7]] for row in logits]
    result = {"tokens": tokens[0].tolist(), "logits": rows}
    (folder / "golden.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
    print(name, f"the adapters change a logit by up to {moved:.3f}")


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        write(case)
