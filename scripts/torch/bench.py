"""
Times PyTorch's training for the course's stages, written the way the course's Python scripts write it: one small module
per head with its own Linear for query, key and value, a tril mask with masked_fill, heads concatenated, torch's
dropout and AdamW, batches drawn with randint and stack. A step is drawing a batch, forward, backward and optimizer.

    python bench.py --stage 09 --batch-size 8 --threads 2 --steps 5    one JSON line: {"stage", "ms" (median), "min", …}
    python bench.py --stage 09 --batch-size 8 --threads 2              reads commands, so that runs can be alternated
    python bench.py --stage 04 --whole --text input.txt                the whole loop: {"seconds", "steps", "trainLoss", …}

Commands, one a line: "run N" runs N steps and answers {"ms": median, "min": …, "steps": N} on a line; "quit" or the end
of input ends. Nothing else is printed to standard output. The first step is warm-up: send a "run 1" first.

The whole loop makes all of a stage's steps on a text and, every so many steps and after the last, estimates both losses
over 200 random batches of each split, without dropout. Reading the text and making the model are not in its seconds.
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
CORPUS_LENGTH = 1_003_854  # Tiny Shakespeare's training split; which characters does not matter for a step
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
    '09': dict(SMALL, batch_size=64, block_size=256, embed=384, heads=6, layers=6, residual=True, norm=True, dropout=0.2,
               learning_rate=5e-4),
}  # fmt: skip


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


def dropout(stage):
    return [nn.Dropout(stage['dropout'])] if stage['dropout'] > 0 else []


class MultiHead(nn.Module):
    def __init__(self, stage):
        super().__init__()
        embed, heads = stage['embed'], stage['heads']
        self.heads = nn.ModuleList(
            Head(embed, embed // heads, stage['block_size'], stage['dropout']) for _ in range(heads)
        )
        self.projection = nn.Sequential(nn.Linear(embed, embed), *dropout(stage)) if stage['residual'] else None

    def forward(self, x):
        x = torch.cat([head(x) for head in self.heads], dim=-1)
        return self.projection(x) if self.projection else x


def feed_forward(stage):
    embed = stage['embed']
    if not stage['residual']:
        return nn.Sequential(nn.Linear(embed, embed), nn.ReLU())
    return nn.Sequential(
        nn.Linear(embed, 4 * embed), nn.ReLU(), nn.Linear(4 * embed, embed), *dropout(stage)
    )


class Block(nn.Module):
    def __init__(self, stage):
        super().__init__()
        self.attention, self.feed_forward = MultiHead(stage), feed_forward(stage)
        self.residual = stage['residual']
        norm = nn.LayerNorm if stage['norm'] else nn.Identity
        self.norm1, self.norm2 = norm(stage['embed']), norm(stage['embed'])

    def forward(self, x):
        if not self.residual:
            return self.feed_forward(self.attention(x))
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


def body(stage):
    embed = stage['embed']
    if stage['layers']:
        norm = [nn.LayerNorm(embed)] if stage['norm'] else []
        return nn.Sequential(*(Block(stage) for _ in range(stage['layers'])), *norm)
    heads = MultiHead(stage) if stage['heads'] > 1 else Head(embed, embed, stage['block_size'], stage['dropout'])
    return nn.Sequential(heads, feed_forward(stage)) if stage['feed_forward'] else heads


class Model(nn.Module):
    """The bigram with embed 0, else embeddings, the stage's body and a linear head."""

    def __init__(self, stage, vocabulary):
        super().__init__()
        embed = stage['embed']
        self.token_table = nn.Embedding(vocabulary, embed or vocabulary)
        self.body = None
        if embed:
            self.position_table = nn.Embedding(stage['block_size'], embed)
            self.body = body(stage)
            self.head = nn.Linear(embed, vocabulary)

    def forward(self, tokens, targets):
        x = self.token_table(tokens)
        if self.body is not None:
            x = self.head(self.body(x + self.position_table(torch.arange(tokens.shape[1]))))
        return F.cross_entropy(x.view(-1, x.shape[-1]), targets.view(-1))


def read_text(path):
    """(training tokens, validation tokens, vocabulary size)"""
    with open(path, encoding='utf-8', newline='') as file:
        text = file.read()
    index = {character: i for i, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([index[character] for character in text])
    split = int(0.9 * len(tokens))
    return tokens[:split], tokens[split:], len(index)


class Bench:
    def __init__(self, stage, corpus=None, vocabulary=VOCABULARY, seed=1337):
        self.stage = stage
        torch.manual_seed(seed)
        self.corpus = torch.randint(vocabulary, (CORPUS_LENGTH,)) if corpus is None else corpus
        self.model = Model(stage, vocabulary)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=stage['learning_rate'], weight_decay=stage['weight_decay']
        )

    def batch(self, corpus):
        B, T = self.stage['batch_size'], self.stage['block_size']
        offsets = torch.randint(len(corpus) - T, (B,))
        return (
            torch.stack([corpus[i : i + T] for i in offsets]),
            torch.stack([corpus[i + 1 : i + T + 1] for i in offsets]),
        )

    def step(self) -> None:
        loss = self.model(*self.batch(self.corpus))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
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
    parser.add_argument('--whole', action='store_true', help='train from the first step to the last (or --steps) and end')
    parser.add_argument('--text', help='with --whole: a UTF-8 text file')
    parser.add_argument('--eval-every', type=int, help='with --whole: steps between evaluations; 0 leaves only the last')
    parser.add_argument('--seed', type=int, default=1337, help="PyTorch's")
    args = parser.parse_args()
    if args.whole and not args.text:
        parser.error('--whole needs --text: a file to train on')

    torch.set_num_threads(args.threads)
    stage = dict(STAGES[args.stage])
    for name in ('batch_size', 'eval_every', 'steps'):
        if getattr(args, name) is not None:
            stage[name] = getattr(args, name)
    about = {'batchSize': stage['batch_size'], 'threads': args.threads, 'torch': torch.__version__}

    if args.whole:
        train, validation, vocabulary = read_text(args.text)
        result = Bench(stage, train, vocabulary, args.seed).whole(validation)
        print(json.dumps({'stage': args.stage, **result, **about}), flush=True)
        return
    bench = Bench(stage)
    if args.steps:
        bench.run(min(args.steps, 20) if stage['dropout'] == 0 else 1)
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
