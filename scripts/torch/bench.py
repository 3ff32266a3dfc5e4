"""
Times PyTorch's training step for stages 01, 03 and 09, written the way the course's Python script writes it: one small
module per head with its own Linear for query, key and value, a tril mask with masked_fill, heads concatenated, torch's
dropout and AdamW, batches drawn with randint and stack. A step is drawing a batch, forward, backward and optimizer.

    python bench.py --stage 09 --batch-size 8 --threads 2 --steps 5    one JSON line: {"stage", "ms" (median), "min", …}
    python bench.py --stage 09 --batch-size 8 --threads 2              reads commands, so that runs can be alternated

Commands, one a line: "run N" runs N steps and answers {"ms": median, "min": …, "steps": N} on a line; "quit" or the end
of input ends. Nothing else is printed to standard output. The first step is warm-up: send a "run 1" first.
"""

import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

VOCABULARY = 65
CORPUS_LENGTH = 1_003_854  # Tiny Shakespeare's training split; which characters does not matter here
STAGES = {
    '01': dict(batch_size=32, block_size=8, embed=0, heads=0, layers=0, dropout=0.0, learning_rate=1e-2),
    '03': dict(batch_size=32, block_size=8, embed=32, heads=1, layers=0, dropout=0.0, learning_rate=1e-3),
    '09': dict(batch_size=64, block_size=256, embed=384, heads=6, layers=6, dropout=0.2, learning_rate=5e-4),
}


class Head(nn.Module):
    def __init__(self, embed, head_size, block_size, dropout):
        super().__init__()
        self.key = nn.Linear(embed, head_size, bias=False)
        self.query = nn.Linear(embed, head_size, bias=False)
        self.value = nn.Linear(embed, head_size, bias=False)
        self.register_buffer('tril', torch.tril(torch.ones(block_size, block_size)))
        self.dropout = nn.Dropout(dropout) if dropout > 0 else None

    def forward(self, x):
        T = x.shape[1]
        k, q, v = self.key(x), self.query(x), self.value(x)
        weights = q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5
        weights = weights.masked_fill(self.tril[:T, :T] == 0, float('-inf'))
        weights = F.softmax(weights, dim=-1)
        if self.dropout:
            weights = self.dropout(weights)
        return weights @ v


class MultiHead(nn.Module):
    def __init__(self, embed, heads, block_size, dropout):
        super().__init__()
        self.heads = nn.ModuleList(Head(embed, embed // heads, block_size, dropout) for _ in range(heads))
        self.projection = nn.Linear(embed, embed)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = torch.cat([head(x) for head in self.heads], dim=-1)
        return self.dropout(self.projection(x))


class Block(nn.Module):
    def __init__(self, embed, heads, block_size, dropout):
        super().__init__()
        self.attention = MultiHead(embed, heads, block_size, dropout)
        self.feed_forward = nn.Sequential(
            nn.Linear(embed, 4 * embed), nn.ReLU(), nn.Linear(4 * embed, embed), nn.Dropout(dropout)
        )
        self.norm1, self.norm2 = nn.LayerNorm(embed), nn.LayerNorm(embed)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


class Model(nn.Module):
    """Stage 01 with embed 0, stage 03 with layers 0, else the decoder."""

    def __init__(self, embed, heads, layers, block_size, dropout):
        super().__init__()
        self.token_table = nn.Embedding(VOCABULARY, embed or VOCABULARY)
        self.body = None
        if embed:
            self.position_table = nn.Embedding(block_size, embed)
            self.head = nn.Linear(embed, VOCABULARY)
            if layers:
                blocks = [Block(embed, heads, block_size, dropout) for _ in range(layers)]
                self.body = nn.Sequential(*blocks, nn.LayerNorm(embed))
            else:
                self.body = Head(embed, embed, block_size, dropout)

    def forward(self, tokens, targets):
        x = self.token_table(tokens)
        if self.body is not None:
            x = self.head(self.body(x + self.position_table(torch.arange(tokens.shape[1]))))
        return F.cross_entropy(x.view(-1, VOCABULARY), targets.view(-1))


class Bench:
    def __init__(self, stage):
        self.stage = stage
        torch.manual_seed(1337)
        self.corpus = torch.randint(VOCABULARY, (CORPUS_LENGTH,))
        shape = (stage['embed'], stage['heads'], stage['layers'], stage['block_size'], stage['dropout'])
        self.model = Model(*shape)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=stage['learning_rate'])

    def step(self) -> None:
        B, T = self.stage['batch_size'], self.stage['block_size']
        offsets = torch.randint(len(self.corpus) - T, (B,))
        tokens = torch.stack([self.corpus[i : i + T] for i in offsets])
        targets = torch.stack([self.corpus[i + 1 : i + T + 1] for i in offsets])
        loss = self.model(tokens, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    def run(self, steps: int) -> dict:
        times = []
        for _ in range(steps):
            started = time.perf_counter()
            self.step()
            times.append((time.perf_counter() - started) * 1000)
        return {'ms': round(statistics.median(times), 4), 'min': round(min(times), 4), 'steps': steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--stage', choices=STAGES, required=True)
    parser.add_argument('--steps', type=int, help='time this many steps (after one of warm-up) and end')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--batch-size', type=int, help="instead of the stage's own")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    stage = dict(STAGES[args.stage])
    if args.batch_size:
        stage['batch_size'] = args.batch_size
    bench = Bench(stage)

    if args.steps:
        bench.run(min(args.steps, 20) if stage['layers'] == 0 else 1)
        about = {'batchSize': stage['batch_size'], 'threads': args.threads, 'torch': torch.__version__}
        print(json.dumps({'stage': args.stage, **bench.run(args.steps), **about}), flush=True)
        return
    for line in sys.stdin:
        command = line.split()
        if command == ['quit']:
            return
        if len(command) == 2 and command[0] == 'run' and command[1].isdecimal() and int(command[1]) > 0:
            print(json.dumps(bench.run(int(command[1]))), flush=True)
        elif command:
            print(json.dumps({'error': f'not a command: {line.strip()}'}), flush=True)


if __name__ == '__main__':
    main()
