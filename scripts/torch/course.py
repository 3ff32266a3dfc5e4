"""
The models of the course's Python scripts, for bench.py, in the style of those scripts: one small module per head with
its own Linear for query, key and value, a tril mask with masked_fill, concatenated heads.
"""

import torch
from torch import nn
from torch.nn import functional as F


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
    """The bigram model if embed is 0; otherwise embeddings, the stage's body and a linear head."""

    def __init__(self, stage, vocabulary):
        super().__init__()
        embed = stage['embed']
        self.token_table = nn.Embedding(vocabulary, embed or vocabulary)
        self.body = None
        if embed:
            self.position_table = nn.Embedding(stage['block_size'], embed)
            self.body = body(stage)
            self.head = nn.Linear(embed, vocabulary)

    def logits(self, tokens):
        x = self.token_table(tokens)
        if self.body is None:
            return x
        return self.head(self.body(x + self.position_table(torch.arange(tokens.shape[1], device=tokens.device))))

    def forward(self, tokens, targets):
        x = self.logits(tokens)
        return F.cross_entropy(x.view(-1, x.shape[-1]), targets.view(-1))
