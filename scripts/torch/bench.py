"""
Times PyTorch's training for the course's stages, written like the course's Python scripts: one small module per head
with its own Linear for query, key and value, a tril mask with masked_fill, concatenated heads, torch's dropout and
AdamW, batches drawn with randint and stack. A step draws a batch and runs forward, backward and optimizer.

    python bench.py --stage 09 --batch-size 8 --threads 2 --steps 5    one JSON line: {"stage", "ms" (median), "min", …}
    python bench.py --stage 09 --batch-size 8 --threads 2              reads commands, so that runs can be alternated
    python bench.py --stage 09 --variant fused                         the same model with PyTorch's fast building blocks
    python bench.py --stage baby --variant compiled                    nanoGPT's model, through torch.compile
    python bench.py --stage 09 --variant compiled --device cuda --precision bf16    on a GPU, matrix products in bf16 (autocast)
    python bench.py --stage cpu --variant fused --device mps                        on Apple's GPU
    python bench.py --stage gpt2 --variant transformers    fine-tuning GPT-2; needs transformers too
    python bench.py --stage 04 --whole --text input.txt                the whole loop: {"seconds", "steps", "trainLoss", …}

Variants: `reference` is written like the course's scripts; `fused` (fused.py) has one matrix for query, key and value,
scaled_dot_product_attention and the fused AdamW; `compiled` is `fused` through torch.compile. The presets cpu and baby
are nanoGPT's, including GELU, tied embeddings and clipping, and have no `reference`. `transformers` is Hugging Face's
GPT-2, of the sizes of gpt2, with its own loss and the fused AdamW.

Commands, one per line: "run N" runs N steps and prints {"ms": median, "min": …, "steps": N}; "generate P N" generates
N tokens after P and prints {"ms": per token, …}; "memory" prints {"peakBytes": …}; "quit" or the end of input exits. An
error is printed as {"error": …}. Nothing else goes to standard output. The first step is warm-up: send a "run 1" first.

On a GPU the steps of a run are timed together, up to the end of the last, because Python queues work ahead of the GPU.
The corpus is on the GPU, and a batch is one gather from it; `reference` draws batches like the course's scripts and
copies them there. Memory is PyTorch's peak allocation on the GPU (on MPS the current one, because MPS keeps no peak).
Precision bf16 is autocast, with weights in f32; tf32 is PyTorch's "high".

The whole loop runs all steps of a stage on a text. At intervals and after the last step it estimates both losses over
200 random batches of each split, without dropout. Its time excludes reading the text and creating the model.
"""

import argparse
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from bench_common import CORPUS_LENGTH, GPT2, PRESETS, STAGE_09, VOCABULARY, obey_words, say
from course import Model
from fused import FusedModel

EVAL_BATCHES = 200
SMALL = dict(batch_size=32, block_size=8, embed=32, heads=4, layers=0, feed_forward=False, residual=False, norm=False,
             dropout=0.0, learning_rate=1e-3, weight_decay=0.01, steps=5000, eval_every=500)  # fmt: skip
BIGRAM = dict(SMALL, embed=0, heads=0)
STAGES = {
    '00': dict(BIGRAM, weight_decay=0.0, steps=10000, eval_every=0),
    '01': dict(BIGRAM, learning_rate=1e-2, steps=3000, eval_every=300),
    '03': dict(SMALL, heads=1, eval_every=300),
    '04': SMALL,
    '05': dict(SMALL, feed_forward=True),
    '06': dict(SMALL, layers=3),
    '07': dict(SMALL, layers=3, residual=True),
    '08': dict(SMALL, layers=3, residual=True, norm=True),
    '09': dict(SMALL, residual=True, norm=True, **STAGE_09),
}
VARIANTS = ('reference', 'fused', 'compiled', 'transformers')


class Transformers(nn.Module):
    def __init__(self, stage, vocabulary):
        from transformers import AutoModelForCausalLM, GPT2Config

        super().__init__()
        p = stage['dropout']
        self.model = AutoModelForCausalLM.from_config(
            GPT2Config(
                vocab_size=vocabulary,
                n_positions=stage['block_size'],
                n_embd=stage['embed'],
                n_head=stage['heads'],
                n_layer=stage['layers'],
                resid_pdrop=p,
                embd_pdrop=p,
                attn_pdrop=p,
            )
        )

    def forward(self, tokens, targets):
        return self.model(tokens, labels=targets, shift_labels=targets, use_cache=False).loss


def build(stage, vocabulary, variant):
    if variant == 'reference':
        return Model(stage, vocabulary)
    if variant == 'transformers':
        return Transformers(stage, vocabulary)
    model = FusedModel(stage, vocabulary)
    return torch.compile(model) if variant == 'compiled' else model


def read_text(path):
    """(training tokens, validation tokens, vocabulary size)"""
    with open(path, encoding='utf-8', newline='') as file:
        text = file.read()
    index = {character: i for i, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([index[character] for character in text])
    split = int(0.9 * len(tokens))
    return tokens[:split], tokens[split:], len(index)


class Bench:
    def __init__(
        self, stage, corpus=None, vocabulary=VOCABULARY, seed=1337, variant='reference', device='cpu', precision='f32'
    ):
        self.stage, self.device = stage, device
        torch.manual_seed(seed)
        torch.set_float32_matmul_precision('high' if precision == 'tf32' else 'highest')
        self.precision = torch.autocast(device, torch.bfloat16, enabled=precision == 'bf16')
        self.gather = device != 'cpu' and variant != 'reference'
        self.corpus = torch.randint(vocabulary, (CORPUS_LENGTH,)) if corpus is None else corpus
        if self.gather:
            self.corpus = self.corpus.to(device)
        self.model = build(stage, vocabulary, variant).to(device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=stage['learning_rate'],
            betas=stage.get('betas', (0.9, 0.999)),
            weight_decay=stage['weight_decay'],
            **({} if variant == 'reference' else {'fused': True}),
        )

    def batch(self, corpus):
        B, T = self.stage['batch_size'], self.stage['block_size']
        if self.gather:
            offsets = torch.randint(len(corpus) - T, (B, 1), device=self.device)
            rows = corpus[offsets + torch.arange(T + 1, device=self.device)]
            return rows[:, :-1], rows[:, 1:].contiguous()
        offsets = torch.randint(len(corpus) - T, (B,))
        tokens = torch.stack([corpus[i : i + T] for i in offsets])
        targets = torch.stack([corpus[i + 1 : i + T + 1] for i in offsets])
        return tokens.to(self.device), targets.to(self.device)

    def synchronize(self) -> None:
        if self.device != 'cpu':
            getattr(torch, self.device).synchronize()

    def step(self) -> None:
        with self.precision:
            loss = self.model(*self.batch(self.corpus))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.stage.get('clip'):
            nn.utils.clip_grad_norm_(self.model.parameters(), self.stage['clip'])
        self.optimizer.step()

    @torch.no_grad()
    def estimate(self, corpus) -> float:
        self.model.eval()
        losses = torch.zeros(EVAL_BATCHES)
        for i in range(EVAL_BATCHES):
            losses[i] = self.model(*self.batch(corpus)).item()
        self.model.train()
        return losses.mean().item()

    def whole(self, validation) -> dict:
        steps, every = self.stage['steps'], self.stage['eval_every']
        started = time.perf_counter()
        for step in range(steps):
            if every and step % every == 0:
                self.estimate(self.corpus), self.estimate(validation)
            self.step()
        losses = {'trainLoss': self.estimate(self.corpus), 'valLoss': self.estimate(validation)}
        return {'seconds': round(time.perf_counter() - started, 3), 'steps': steps, **losses}

    def run(self, steps: int) -> dict:
        if self.device != 'cpu':
            self.synchronize()
            started = time.perf_counter()
            for _ in range(steps):
                self.step()
            self.synchronize()
            ms = round((time.perf_counter() - started) * 1000 / steps, 4)
            return {'ms': ms, 'min': ms, 'steps': steps}
        times = []
        for _ in range(steps):
            started = time.perf_counter()
            self.step()
            times.append((time.perf_counter() - started) * 1000)
        return {'ms': round(statistics.median(times), 4), 'min': round(min(times), 4), 'steps': steps}

    @torch.no_grad()
    def generate(self, prompt: int, count: int) -> dict:
        """The course's generation loop: each token from the whole window before it."""
        self.model.eval()
        tokens = torch.zeros((1, prompt), dtype=torch.long, device=self.device)
        self.synchronize()
        started = time.perf_counter()
        for _ in range(count):
            logits = self.model.logits(tokens[:, -self.stage['block_size'] :])[:, -1, :]
            tokens = torch.cat((tokens, torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)), dim=1)
        self.synchronize()
        ms = (time.perf_counter() - started) * 1000 / count
        self.model.train()
        return {'ms': round(ms, 4), 'tokens': count}


def peak_bytes(device) -> int:
    if device == 'cuda':
        return torch.cuda.max_memory_allocated()
    if device == 'mps':
        return torch.mps.driver_allocated_memory()
    import resource  # Windows lacks this module

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--stage', choices=[*STAGES, *PRESETS, 'gpt2'], required=True, help='or the name of a preset of nanoGPT')
    parser.add_argument('--variant', choices=VARIANTS, default='reference')
    parser.add_argument('--device', choices=('cpu', 'cuda', 'mps'), default='cpu')
    parser.add_argument('--precision', choices=('f32', 'tf32', 'bf16'), default='f32')
    parser.add_argument('--steps', type=int, help='time this many steps (after one of warm-up) and end')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--batch-size', type=int, help="instead of the stage's own")
    parser.add_argument('--whole', action='store_true', help='train from the first step to the last (or --steps) and end')
    parser.add_argument('--text', help='with --whole: a UTF-8 text file')
    parser.add_argument('--eval-every', type=int, help='with --whole: steps between evaluations; 0 leaves only the last')
    parser.add_argument('--seed', type=int, default=1337, help="PyTorch's")
    args = parser.parse_args()
    if args.whole and not args.text:
        parser.error('--whole needs --text: a file to train on')
    if args.stage in PRESETS and args.variant == 'reference':
        parser.error(f'{args.stage} has no reference: give --variant fused or compiled')
    if args.stage in STAGES and args.stage != '09' and args.variant != 'reference':
        parser.error('--variant is for stage 09 and the presets cpu and baby')

    if (args.stage == 'gpt2') != (args.variant == 'transformers'):
        parser.error('gpt2 and --variant transformers belong together')

    torch.set_num_threads(args.threads)
    stage = dict({**STAGES, **PRESETS, 'gpt2': GPT2}[args.stage])
    for name in ('batch_size', 'eval_every', 'steps'):
        if getattr(args, name) is not None:
            stage[name] = getattr(args, name)
    about = {'batchSize': stage['batch_size'], 'threads': args.threads, 'torch': torch.__version__}
    where = {'device': args.device, 'precision': args.precision}

    if args.whole:
        train, validation, vocabulary = read_text(args.text)
        result = Bench(stage, train, vocabulary, args.seed, **where).whole(validation)
        say({'stage': args.stage, **result, **about})
        return
    bench = Bench(stage, vocabulary=stage.get('vocabulary', VOCABULARY), variant=args.variant, **where)
    if args.steps:
        bench.run(min(args.steps, 20) if stage['dropout'] == 0 else 1)
        say({'stage': args.stage, **bench.run(args.steps), **about})
        return
    obey_words(
        {
            ('run', 1): bench.run,
            ('generate', 2): bench.generate,
            ('memory', 0): lambda: {'peakBytes': peak_bytes(args.device)},
        }
    )


if __name__ == '__main__':
    main()
