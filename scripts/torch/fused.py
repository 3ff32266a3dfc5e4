"""
The decoder in the fast PyTorch style, for bench.py: one matrix for query, key and value, and
scaled_dot_product_attention. As in stage 09 (ReLU, biases, a separate head), or as in nanoGPT (GELU, no biases, the
token table as the head, dropout on the embeddings).
"""
import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, stage, bias):
        super().__init__()
        embed = stage['embed']
        self.heads, self.p = stage['heads'], stage['dropout']
        self.query_key_value = nn.Linear(embed, 3 * embed, bias=False)
        self.projection = nn.Linear(embed, embed, bias=bias)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (
            part.view(B, T, self.heads, C // self.heads).transpose(1, 2)
            for part in self.query_key_value(x).split(C, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.p if self.training else 0.0, is_causal=True)
        y = self.projection(y.transpose(1, 2).reshape(B, T, C))
        return F.dropout(y, self.p, self.training)


class Block(nn.Module):
    def __init__(self, stage, bias):
        super().__init__()
        embed = stage['embed']
        self.p = stage['dropout']
        self.activation = F.relu if bias else F.gelu
        self.norm1, self.norm2 = nn.LayerNorm(embed, bias=bias), nn.LayerNorm(embed, bias=bias)
        self.attention = Attention(stage, bias)
        self.expand = nn.Linear(embed, 4 * embed, bias=bias)
        self.contract = nn.Linear(4 * embed, embed, bias=bias)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        y = self.contract(self.activation(self.expand(self.norm2(x))))
        return x + F.dropout(y, self.p, self.training)


class FusedModel(nn.Module):
    def __init__(self, stage, vocabulary):
        super().__init__()
        embed, bias = stage['embed'], not stage.get('nanogpt')
        self.p = 0.0 if bias else stage['dropout']
        self.token_table = nn.Embedding(vocabulary, embed)
        self.position_table = nn.Embedding(stage['block_size'], embed)
        self.blocks = nn.ModuleList(Block(stage, bias) for _ in range(stage['layers']))
        self.norm = nn.LayerNorm(embed, bias=bias)
        self.head = nn.Linear(embed, vocabulary, bias=bias)
        if not bias:
            nn.init.normal_(self.head.weight, std=0.02)
            self.token_table.weight = self.head.weight

    def logits(self, tokens):
        x = self.token_table(tokens) + self.position_table(torch.arange(tokens.shape[1], device=tokens.device))
        x = F.dropout(x, self.p, self.training)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def forward(self, tokens, targets):
        x = self.logits(tokens)
        return F.cross_entropy(x.view(-1, x.shape[-1]), targets.view(-1))
