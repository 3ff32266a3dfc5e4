"""Makes test/tokenizer/json.golden.json: small tokenizers of every supported kind, with the tokens that
Hugging Face's library finds. Run by hand:

    pip install tokenizers==0.23.2 && python scripts/tokenizers/golden.py [--random N FILE]

--random N FILE: writes the tokens of N random texts as well, to be compared once.
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

root = Path(__file__).parents[2]
suffixes = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
upper = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
lower = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
before = r"[^\r\n\p{L}\p{N}]?"
blanks = r"\s*[\r\n]+|\s+(?!\S)|\s+"
patterns = {
    "llama3": rf"{suffixes}|{before}\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{blanks}",
    "qwen2": rf"{suffixes}|{before}\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{blanks}",
    "qwen3.5": rf"{suffixes}|{before}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{blanks}",
    "o200k": rf"{before}{upper}*{lower}+{suffixes}?|{before}{upper}+{lower}*{suffixes}?"
    rf"|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{blanks}",
    "tekken": rf"{before}{upper}*{lower}+|{before}{upper}+{lower}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{blanks}",
}
deepseek = [
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
    rf"|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+| ?[\p{{P}}\p{{S}}]+[\r\n]*|{blanks}",
]

train = [
    "The quick brown fox jumps over the lazy dog. It's there, isn't it? They'll say that THE END is near.\n",
    "O Romeo, Romeo! wherefore art thou Romeo? Deny thy father and refuse thy name;\n\n    indented\n",
    "Über die Brücke, für 123 456 Euro; 很好很好，中文中文。 это это. 2024 2024 10000\n",
    "function f(x) {\n    return x >= 0 ? x : -x;\n}\n// comment\n",
] * 4

texts = [
    "Hello world, it's the end. They'LL say IT'S over; don't!",
    "  two  spaces   and tabs\t\tx \t\n\n\n  line\r\nCRLF\r\n\r\n \n x\n",
    "0 12 123 1234 12345 1,000.50 ²½ ٣٤ Ⅷ x2y3 10000",
    "na\u00efve e\u0301 a\u0308\u0323 \u1e9e \u017f '\u017f it'\u017f \u212a \u01c5 \u0300x",
    "\U0001f600\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f !!!\n ???/// ---\r\n-- :/\n",
    "很好！中文 中文。カタカナ ひらがな 한국어 это русский हिन्दी ไทย",
    "NUL\0\x01\x7f \u00a0\u2003\u3000 \u0085 \ufeff \u200b \u2028x",
    "camelCase HTMLParser XMLHttp snake_case $var @name #tag a.b (c) [d] 'e' \"f\" O'Neill's",
    "a",
    " leading",
    "   three",
    "    return x >= 0",
    "<tool> a<tool>b  <tool>",
    "ab" * 40,
]


def byte_level(pre, normalizer=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + 110,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(train, trainer)
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    tokenizer.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    return tokenizer


def character_level(normalizer, pre):
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=259 + 170, special_tokens=names, limit_alphabet=60, show_progress=False)
    # Training would merge across words without a division.
    words = [word for line in train for word in line.replace(" ", "\n▁").replace("\n\n", "\n \n").split("\n") if word]
    trained = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    trained.train_from_iterator(words, trainer)
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    vocab = model["vocab"]
    for run in ["▁▁", "▁▁▁▁"]:
        vocab.setdefault(run, len(vocab))
        merges.append((run[: len(run) // 2],) * 2)
    tokenizer.model = models.BPE(vocab=vocab, merges=merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in names[:3]])
    return tokenizer


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
replace = normalizers.Replace(" ", "▁")
tokenizers = {
    "gpt2": byte_level(gpt2),
    "smollm": byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2])),
    "llama3": byte_level(pre_tokenizers.Sequence([split(patterns["llama3"]), letters])),
    "qwen2": byte_level(pre_tokenizers.Sequence([split(patterns["qwen2"]), letters]), normalizers.NFC()),
    "qwen3.5": byte_level(pre_tokenizers.Sequence([split(patterns["qwen3.5"]), letters]), normalizers.NFC()),
    "o200k": byte_level(pre_tokenizers.Sequence([split(patterns["o200k"]), letters])),
    "tekken": byte_level(pre_tokenizers.Sequence([split(patterns["tekken"]), letters])),
    "deepseek": byte_level(pre_tokenizers.Sequence([*map(split, deepseek), letters])),
    "llama2": character_level(normalizers.Sequence([normalizers.Prepend("▁"), replace]), None),
    "tinyllama": character_level(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
    "metaspace": character_level(None, pre_tokenizers.Metaspace(prepend_scheme="always", split=True)),
    "gemma": character_level(replace, pre_tokenizers.Split(" ", "merged_with_previous")),
}


def reduced(name, tokenizer):
    """Without what does not change tokens."""
    full = json.loads(tokenizer.to_str())
    added = [{key: token[key] for key in ("id", "content", "special")} for token in full["added_tokens"]]
    model = full["model"]
    # Both ways in which files write merges, and whole words of Llama 3's that no merges make.
    if name in ("gpt2", "llama2"):
        model["merges"] = [" ".join(merge) for merge in model["merges"]]
    if name == "llama3":
        model["ignore_merges"] = True
        model["vocab"]["Ġwherefore"] = added[0]["id"]
        for token in added:
            token["id"] += 1
    return {
        "added_tokens": added,
        "normalizer": full["normalizer"],
        "pre_tokenizer": full["pre_tokenizer"],
        "model": {key: model[key] for key in ("type", "byte_fallback", "ignore_merges", "vocab", "merges")},
    }


def of(json_text):
    full = json.loads(json_text)
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    full["added_tokens"] = [{**flags, **token} for token in full["added_tokens"]]
    full["model"] = {"dropout": None, "unk_token": None, "fuse_unk": False, **full["model"]}
    return Tokenizer.from_str(json.dumps({"version": "1.0", **full}))


golden = {}
texts.append("the wherefore wherefores")
for name, tokenizer in tokenizers.items():
    file = reduced(name, tokenizer)
    again = of(json.dumps(file))
    golden[name] = {"file": file, "tokens": [again.encode(text, add_special_tokens=False).ids for text in texts]}
lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(each, separators=(',', ':'))}" for name, each in golden.items())
target = root / "test" / "tokenizer" / "json.golden.json"
target.write_text(f'{{\n  "texts": {json.dumps(texts)},\n{lines}\n}}\n')

if "--random" in sys.argv:
    count, file = int(sys.argv[2]), sys.argv[3]
    rng = random.Random(1)
    parts = [c for text in texts + train for c in text] + texts + list("'''   \n\n\t\r") + ["'s", "'LL", "<tool>"]
    parts += [chr(code) for code in range(0x20, 0x3000, 7)] + [chr(rng.randrange(0x10000, 0x1F700)) for _ in range(200)]
    some = ["".join(rng.choice(parts) for _ in range(rng.randrange(1, 40))) for _ in range(count)]
    found = {}
    for name, each in golden.items():
        tokenizer = of(json.dumps(each["file"]))
        found[name] = [tokenizer.encode(text, add_special_tokens=False).ids for text in some]
    Path(file).write_text(json.dumps({"texts": some, "tokens": found}))
