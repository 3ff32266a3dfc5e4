"""
Times MLX's training for stage 09 and nanoGPT's two models, as scripts/torch/bench.py times PyTorch's. A step draws a batch
and runs forward, backward and optimizer, compiled as a whole as in MLX's documentation ("Compiling Training Graphs").

    python bench.py --stage 09 --steps 5                       one JSON line: {"stage", "ms", …}
    python bench.py --stage cpu --batch-size 8                 reads commands, so that runs can be alternated
    python bench.py --stage 09 --precision bf16                forward and backward in bf16, weights and optimizer in f32

Commands, one per line: "run N" runs N steps and prints {"ms": per step, "steps": N, "loss": …}; "memory" prints
{"peakBytes": …}; "quit" or the end of input exits. An error is printed as {"error": …}. Nothing else goes to standard
output. The first step compiles: send a "run 1" first.

The models are those of scripts/torch/fused.py. mx.fast.scaled_dot_product_attention has no dropout, so attention with
dropout is written out; in training MLX computes it unfused anyway. The steps of a run are queued without waiting for
each, as PyTorch queues its own.
"""

import argparse
import math
import pathlib
import sys
import time
from functools import partial

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_map

sys.path.append(str(pathlib.Path(__file__).parents[1] / 'torch'))
from bench_common import CORPUS_LENGTH, PRESETS, STAGE_09, VOCABULARY, obey_words, say

STAGES = {
    '09': dict(STAGE_09, betas=(0.9, 0.999), clip=0, nanogpt=False),
    **PRESETS,
}


class Attention(nn.Module):
    def __init__(self, stage, bias):
        super().__init__()
        embed = stage['embed']
        self.heads = stage['heads']
        self.query_key_value = nn.Linear(embed, 3 * embed, bias=False)
        self.projection = nn.Linear(embed, embed, bias=bias)
        self.dropout = nn.Dropout(stage['dropout'])
        self.fast = stage['dropout'] == 0

    def __call__(self, x):
        B, T, C = x.shape
        q, k, v = (
            part.reshape(B, T, self.heads, C // self.heads).transpose(0, 2, 1, 3)
            for part in mx.split(self.query_key_value(x), 3, axis=-1)
        )
        scale = 1 / math.sqrt(C // self.heads)
        if self.fast:
            y = mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask='causal')
        else:
            scores = (q * scale) @ k.transpose(0, 1, 3, 2)
            scores = mx.where(mx.tri(T, T, dtype=mx.bool_), scores, -mx.inf)
            y = self.dropout(mx.softmax(scores, axis=-1, precise=True)) @ v
        return self.dropout(self.projection(y.transpose(0, 2, 1, 3).reshape(B, T, C)))


class Block(nn.Module):
    def __init__(self, stage, bias):
        super().__init__()
        embed = stage['embed']
        self.activation = nn.relu if bias else nn.gelu
        self.norm1, self.norm2 = nn.LayerNorm(embed, bias=bias), nn.LayerNorm(embed, bias=bias)
        self.attention = Attention(stage, bias)
        self.expand = nn.Linear(embed, 4 * embed, bias=bias)
        self.contract = nn.Linear(4 * embed, embed, bias=bias)
        self.dropout = nn.Dropout(stage['dropout'])

    def __call__(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.dropout(self.contract(self.activation(self.expand(self.norm2(x)))))


class Model(nn.Module):
    """As in stage 09 (ReLU, biases, a separate head), or as in nanoGPT (GELU, no biases, the token table as the head)."""

    def __init__(self, stage):
        super().__init__()
        embed, bias = stage['embed'], not stage['nanogpt']
        self.token_table = nn.Embedding(VOCABULARY, embed)
        self.position_table = nn.Embedding(stage['block_size'], embed)
        self.dropout = nn.Dropout(0.0 if bias else stage['dropout'])
        self.blocks = [Block(stage, bias) for _ in range(stage['layers'])]
        self.norm = nn.LayerNorm(embed, bias=bias)
        self.head = nn.Linear(embed, VOCABULARY) if bias else None

    def __call__(self, tokens):
        x = self.dropout(self.token_table(tokens) + self.position_table(mx.arange(tokens.shape[1])))
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.token_table.as_linear(x) if self.head is None else self.head(x)


class Bench:
    def __init__(self, stage, precision='f32', seed=1337):
        mx.random.seed(seed)
        corpus = mx.random.randint(0, VOCABULARY, (CORPUS_LENGTH,))
        B, T = stage['batch_size'], stage['block_size']
        model = Model(stage)
        optimizer = optim.AdamW(
            stage['learning_rate'], betas=stage['betas'], weight_decay=stage['weight_decay'], bias_correction=True
        )
        optimizer.init(model.trainable_parameters())
        dtype = mx.bfloat16 if precision == 'bf16' else mx.float32
        self.state = [model.state, optimizer.state, mx.random.state]

        def loss_of(weights, tokens, targets):
            model.update(tree_map(lambda weight: weight.astype(dtype), weights))
            logits = model(tokens).astype(mx.float32)
            return nn.losses.cross_entropy(logits, targets, reduction='mean')

        @partial(mx.compile, inputs=self.state, outputs=self.state)
        def step():
            offsets = mx.random.randint(0, CORPUS_LENGTH - T, (B, 1))
            rows = corpus[offsets + mx.arange(T + 1)]
            weights = model.trainable_parameters()
            loss, gradients = mx.value_and_grad(loss_of)(weights, rows[:, :-1], rows[:, 1:])
            if stage['clip']:
                gradients, _ = optim.clip_grad_norm(gradients, stage['clip'])
            model.update(weights)  # the f32 weights, not the cast ones
            optimizer.update(model, gradients)
            return loss

        self.step = step
        mx.eval(corpus, self.state)

    def run(self, steps: int) -> dict:
        started = time.perf_counter()
        for _ in range(steps):
            loss = self.step()
            mx.async_eval(loss, self.state)
        mx.eval(loss, self.state)
        ms = round((time.perf_counter() - started) * 1000 / steps, 4)
        return {'ms': ms, 'steps': steps, 'loss': round(loss.item(), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--stage', choices=STAGES, required=True, help='or the name of a preset of nanoGPT')
    parser.add_argument('--precision', choices=('f32', 'bf16'), default='f32')
    parser.add_argument('--device', choices=('gpu', 'cpu'), default='gpu')
    parser.add_argument('--steps', type=int, help='time this many steps (after one of warm-up) and end')
    parser.add_argument('--batch-size', type=int, help="instead of the stage's own")
    args = parser.parse_args()
    mx.set_default_device(mx.gpu if args.device == 'gpu' else mx.cpu)
    stage = dict(STAGES[args.stage])
    if args.batch_size:
        stage['batch_size'] = args.batch_size
    bench = Bench(stage, args.precision)
    if not args.steps:
        obey_words({('run', 1): bench.run, ('memory', 0): lambda: {'peakBytes': mx.get_peak_memory()}})
        return
    bench.run(1)
    about = {'batchSize': stage['batch_size'], 'precision': args.precision}
    say({'stage': args.stage, **bench.run(args.steps), **about})


if __name__ == '__main__':
    main()
