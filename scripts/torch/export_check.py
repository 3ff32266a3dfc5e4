"""Compares exported Hugging Face folders in transformers with nano-gpt: token ids, logits and greedy text.

    pip install torch transformers
    node scripts/export_models.js FOLDER huggingface
    python scripts/torch/export_check.py FOLDER
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.dont_write_bytecode = True
# The largest difference of a logit. Weights in f16 and bf16 are rounded.
LIMITS = {"f32": 1e-4, "f16": 5e-2, "bf16": 0.5}


def check(folder: Path, dtype: str) -> bool:
    expected = json.loads((folder / "expected.json").read_text())
    model, missing = AutoModelForCausalLM.from_pretrained(folder / dtype, output_loading_info=True)
    model = model.float().eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / dtype)
    tokens = torch.tensor([expected["all"]])
    with torch.no_grad():
        found = model(tokens).logits[0]
        begin = torch.tensor([expected["tokens"]])
        count = len(expected["greedy"])
        continued = model.generate(begin, do_sample=False, max_new_tokens=count, pad_token_id=0)
    difference = (found - torch.tensor(expected["logits"]).view_as(found)).abs().max().item()
    greedy = continued[0, begin.shape[1] :].tolist()
    checks = {
        "weights": not any(missing.values()),
        "logits": difference <= LIMITS[dtype],
        "ids": all(tokenizer(each["text"]).input_ids == each["tokens"] for each in expected["texts"]),
        "text": all(tokenizer.decode(each["tokens"]) == each["text"] for each in expected["texts"]),
        "greedy": dtype != "f32"
        or (greedy == expected["greedy"] and tokenizer.decode(greedy) == expected["continued"]),
    }
    wrong = [name for name, right in checks.items() if not right]
    kind = type(model).__name__
    print(f"{folder.name:34} {kind:20} {dtype:5} {difference:.1e} {'ok' if not wrong else 'WRONG: ' + ', '.join(wrong)}")
    return not wrong


if __name__ == "__main__":
    folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/expected.json"))
    results = [check(folder, dtype) for folder in folders for dtype in LIMITS]
    print(f"{sum(results)} of {len(results)} are right")
    sys.exit(0 if results and all(results) else 1)
