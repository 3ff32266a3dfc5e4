"""
nano-gpt's models and random numbers, reimplemented in numpy and plain PyTorch.

This is an independent implementation: it shares no code with nano-gpt, only docs/program.md. From a seed alone it
generates the same initial weights, batches and dropout masks, so the two need to share only the seed. golden.py and
compare.py build on it. `python nano_torch.py` checks the random numbers against published vectors, and the models'
sizes.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

# ---------------------------------------------------------------------------------------------------------------
# Random numbers: Philox 4x32-10 (Salmon et al., 2011), addressed by (seed, site, draw, element)
# ---------------------------------------------------------------------------------------------------------------

LOW_32 = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
CHUNK_BLOCKS = 8192  # computed at a time, small enough to fit into the cache


def fnv1a(text: str) -> int:
    """FNV-1a, 32 bits, of the UTF-8 bytes: turns a path such as 'blocks.0.attention.dropout' into a site."""
    value = 0x811C9DC5
    for byte in text.encode('utf-8'):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def philox_blocks(c0, c1, c2, c3, seed: int) -> np.ndarray:
    """The four words of each counter (uint64 arrays holding 32-bit values), as an array [4, counters]."""
    key0, key1 = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
    for _ in range(10):
        product0 = c0 * np.uint64(0xD2511F53)
        product1 = c2 * np.uint64(0xCD9E8D57)
        c0 = (product1 >> HALF) ^ c1 ^ np.uint64(key0)
        c2 = (product0 >> HALF) ^ c3 ^ np.uint64(key1)
        c1 = product1 & LOW_32
        c3 = product0 & LOW_32
        key0 = (key0 + 0x9E3779B9) & 0xFFFFFFFF
        key1 = (key1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3])


def words(count: int, seed: int, site: int, draw: int) -> np.ndarray:
    """The words of elements 0 … count-1, uint32. Element e takes word e mod 4 of block e div 4."""
    blocks = (count + 3) // 4
    result = np.empty((blocks, 4), np.uint32)
    for start in range(0, blocks, CHUNK_BLOCKS):
        index = np.arange(start, min(start + CHUNK_BLOCKS, blocks), dtype=np.uint64)
        constant = np.zeros_like(index)
        counter = (index & LOW_32, index >> HALF, constant + np.uint64(site), constant + np.uint64(draw))
        result[start : start + len(index)] = philox_blocks(*counter, seed).T
    return result.reshape(-1)[:count]


def uniform_values(shape, bound: float, seed: int, site: int) -> np.ndarray:
    """U(-bound, bound), computed in float64 and rounded once to float32."""
    u = (words(math.prod(shape), seed, site, 0) >> np.uint32(8)).astype(np.float64) * 2.0**-24
    return ((2.0 * u - 1.0) * bound).astype(np.float32).reshape(shape)


def normal_values(shape, seed: int, site: int, deviation: float = 1.0) -> np.ndarray:
    """N(0, deviation) by Box-Muller on the elements (2i, 2i+1), in float64 and rounded once to float32."""
    count = math.prod(shape)
    pairs = words(count + count % 2, seed, site, 0).astype(np.float64).reshape(-1, 2)
    radius = deviation * np.sqrt(-2.0 * np.log((pairs[:, 0] + 0.5) * 2.0**-32))
    angle = 2.0 * np.pi * ((pairs[:, 1] + 0.5) * 2.0**-32)
    values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return values.reshape(-1)[:count].astype(np.float32).reshape(shape)


def keep_mask(shape, p: float, seed: int, site: int, draw: int) -> torch.Tensor:
    """The elements that a dropout keeps: those whose word is at least floor(p * 2^32). Elements in row-major order."""
    kept = words(math.prod(shape), seed, site, draw) >= np.uint32(math.floor(p * 2**32))
    return torch.from_numpy(kept.reshape(shape))


def batch_offsets(batch_size: int, corpus_length: int, block_size: int, seed: int, draw: int) -> np.ndarray:
    """The offsets of a batch's windows. draw = step * micro-batches + micro-batch, step counted from 0."""
    word = words(batch_size, seed, fnv1a('batch'), draw).astype(np.float64)
    return np.floor(word / 2.0**32 * (corpus_length - block_size)).astype(np.int64)


def batch(corpus: torch.Tensor, batch_size: int, block_size: int, seed: int, draw: int):
    """(tokens, targets), both [B, T]: the windows of this draw, and the same windows one token later."""
    offsets = torch.from_numpy(batch_offsets(batch_size, len(corpus), block_size, seed, draw))
    index = offsets[:, None] + torch.arange(block_size)
    return corpus[index], corpus[index + 1]


# ---------------------------------------------------------------------------------------------------------------
# Models, with nano-gpt's parameter names
# ---------------------------------------------------------------------------------------------------------------


@dataclass
class Noise:
    """The state shared by every dropout of a model. masks: 'ours' (Philox, addressed by draw) or 'torch'."""

    seed: int
    masks: str = 'ours'
    draw: int = 0


class Dropout(nn.Module):
    def __init__(self, p: float, noise: Noise, path: str):
        super().__init__()
        self.p, self.noise, self.site = p, noise, fnv1a(path)

    def forward(self, x):
        if self.p == 0 or not self.training:
            return x
        if self.noise.masks == 'torch':
            return F.dropout(x, self.p)
        kept = keep_mask(x.shape, self.p, self.noise.seed, self.site, self.noise.draw)
        scale = float(np.float32(1.0 / (1.0 - self.p)))
        return x * (kept.to(x.dtype) * scale)


class LanguageModel(nn.Module):
    def loss(self, tokens, targets):
        logits = self(tokens)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()), logits


class Bigram(LanguageModel):
    """Stages 00 and 01: a row of the table is the next token's logits."""

    def __init__(self, vocabulary: int):
        super().__init__()
        self.tokenEmbedding = nn.Embedding(vocabulary, vocabulary)

    def forward(self, tokens):
        return self.tokenEmbedding(tokens)


class Attention(nn.Module):
    """Causal attention; head h takes the channels h*D … h*D+D-1. Stage 07 adds a projection and dropout."""

    def __init__(self, channels: int, heads: int, projected=False, dropout=0.0, noise: Noise = None, path=''):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(channels, channels, bias=False)
        self.value = nn.Linear(channels, channels, bias=False)
        self.projected = projected
        if projected:
            self.dropout = Dropout(dropout, noise, f'{path}.dropout')
            self.projection = nn.Linear(channels, channels)
            self.residualDropout = Dropout(dropout, noise, f'{path}.residualDropout')

    def forward(self, x):
        B, T, C = x.shape
        D = C // self.heads

        def split(y):  # [B, T, C] → [B, H, T, D]
            return y.view(B, T, self.heads, D).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = q @ k.transpose(-2, -1) * D**-0.5
        future = torch.ones(T, T, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -math.inf).softmax(-1)
        if self.projected:
            weights = self.dropout(weights)
        y = (weights @ v).transpose(1, 2).reshape(B, T, C)
        return self.residualDropout(self.projection(y)) if self.projected else y


class NarrowFeedForward(nn.Module):
    """The feed-forward layer of stages 05 and 06."""

    def __init__(self, channels: int):
        super().__init__()
        self.linear = nn.Linear(channels, channels)

    def forward(self, x):
        return F.relu(self.linear(x))


class FeedForward(nn.Module):
    def __init__(self, channels: int, dropout: float, noise: Noise, path: str):
        super().__init__()
        self.expand = nn.Linear(channels, 4 * channels)
        self.contract = nn.Linear(4 * channels, channels)
        self.dropout = Dropout(dropout, noise, f'{path}.dropout')

    def forward(self, x):
        return self.dropout(self.contract(F.relu(self.expand(x))))


class PlainBlock(nn.Module):
    """Stage 06: without residual connections, norms or dropout."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.attention = Attention(channels, heads)
        self.feedForward = NarrowFeedForward(channels)

    def forward(self, x):
        return self.feedForward(self.attention(x))


class Block(nn.Module):
    """Residual; stage 07 has no norms."""

    def __init__(self, channels: int, heads: int, normed: bool, dropout: float, noise: Noise, path: str):
        super().__init__()
        self.attentionNorm = nn.LayerNorm(channels) if normed else nn.Identity()
        self.attention = Attention(channels, heads, True, dropout, noise, f'{path}.attention')
        self.feedForwardNorm = nn.LayerNorm(channels) if normed else nn.Identity()
        self.feedForward = FeedForward(channels, dropout, noise, f'{path}.feedForward')

    def forward(self, x):
        x = x + self.attention(self.attentionNorm(x))
        return x + self.feedForward(self.feedForwardNorm(x))


class Transformer(LanguageModel):
    """Stages 03 to 09: token and position embeddings, a body (modules by name, in order), a linear head."""

    def __init__(self, vocabulary: int, block_size: int, channels: int, body: dict, noise: Noise):
        super().__init__()
        self.noise = noise
        self.tokenEmbedding = nn.Embedding(vocabulary, channels)
        self.positionEmbedding = nn.Embedding(block_size, channels)
        self.body = list(body)
        for name, module in body.items():
            self.add_module(name, module)
        self.head = nn.Linear(channels, vocabulary)

    def forward(self, tokens):
        x = self.tokenEmbedding(tokens) + self.positionEmbedding(torch.arange(tokens.shape[1]))
        for name in self.body:
            x = getattr(self, name)(x)
        return self.head(x)


def body(config: dict, noise: Noise) -> dict:
    """The modules between the embeddings and the head."""
    model, channels, heads = config['model'], config['embed'], config['heads']
    if model in ('single-head', 'multi-head'):
        return {'attention': Attention(channels, heads)}
    if model == 'feed-forward':
        return {'attention': Attention(channels, heads), 'feedForward': NarrowFeedForward(channels)}
    layers = range(config['layers'])
    if model == 'blocks':
        return {'blocks': nn.Sequential(*(PlainBlock(channels, heads) for _ in layers))}
    normed = model != 'residual'
    rest = (channels, heads, normed, config['dropout'], noise)
    blocks = nn.Sequential(*(Block(*rest, f'blocks.{i}') for i in layers))
    return {'blocks': blocks, **({'finalNorm': nn.LayerNorm(channels)} if normed else {})}


# The model with variants (docs/variants.md)


def norm_of(config: dict) -> nn.Module:
    """A norm over the channels; its parameters, if any, are named weight and bias."""
    channels, gain = config['embed'], config['normAffine']
    if config['norm'] == 'rms':
        return nn.RMSNorm(channels, eps=1e-6, elementwise_affine=gain)
    return nn.LayerNorm(channels, elementwise_affine=gain, bias=gain and config['bias'])


def rotated(x: torch.Tensor) -> torch.Tensor:
    """x [B, H, T, D], channels i and i + D/2 rotated by the angle t · 10000^(-2i/D): the product of two complex numbers."""
    T, D = x.shape[-2:]
    frequency = 10000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    turn = torch.polar(torch.ones((), dtype=torch.float64), torch.arange(T, dtype=torch.float64)[:, None] * frequency)
    turned = torch.complex(*x.chunk(2, -1)) * turn.to(torch.complex128 if x.dtype == torch.float64 else torch.complex64)
    return torch.cat([turned.real, turned.imag], -1)


class GptAttention(nn.Module):
    def __init__(self, config: dict, noise: Noise, path: str):
        super().__init__()
        self.config = config
        channels = config['embed']
        shared = channels // config['heads'] * config['kvHeads']
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(channels, shared, bias=False)
        self.value = nn.Linear(channels, shared, bias=False)
        self.dropout = Dropout(config['attentionDropout'], noise, f'{path}.dropout')
        self.projection = nn.Linear(channels, channels, bias=config['bias'])
        self.residualDropout = Dropout(config['dropout'], noise, f'{path}.residualDropout')

    def forward(self, x):
        B, T, C = x.shape
        heads, groups = self.config['heads'], self.config['kvHeads']
        D = C // heads

        def split(y):  # [B, T, H*D] → [B, H, T, D]
            return y.unflatten(-1, (-1, D)).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        if self.config['qkNorm']:
            q, k = F.rms_norm(q, (D,), eps=1e-6), F.rms_norm(k, (D,), eps=1e-6)
        if self.config['positions'] == 'rope':
            q, k = rotated(q), rotated(k)
        k, v = (y.repeat_interleave(heads // groups, dim=1) for y in (k, v))
        future = torch.ones(T, T, dtype=torch.bool).triu(1)
        weights = (q @ k.transpose(-2, -1) / math.sqrt(D)).masked_fill(future, -math.inf).softmax(-1)
        y = (self.dropout(weights) @ v).transpose(1, 2).flatten(2)
        return self.residualDropout(self.projection(y))


class GptFeedForward(nn.Module):
    def __init__(self, config: dict, noise: Noise, path: str):
        super().__init__()
        channels, bias = config['embed'], config['bias']
        self.activation = config['activation']
        self.expand = nn.Linear(channels, 4 * channels, bias=bias)
        if self.activation == 'swiglu':
            self.gate = nn.Linear(channels, 4 * channels, bias=bias)
        self.contract = nn.Linear(4 * channels, channels, bias=bias)
        self.dropout = Dropout(config['dropout'], noise, f'{path}.dropout')

    def forward(self, x):
        y = self.expand(x)
        if self.activation == 'swiglu':
            y = F.silu(self.gate(x)) * y
        elif self.activation == 'relu-squared':
            y = F.relu(y).square()
        elif self.activation == 'relu':
            y = F.relu(y)
        else:
            y = F.gelu(y, approximate={'gelu': 'none', 'gelu-tanh': 'tanh'}[self.activation])
        return self.dropout(self.contract(y))


class GptBlock(nn.Module):
    def __init__(self, config: dict, noise: Noise, path: str):
        super().__init__()
        self.attentionNorm = norm_of(config)
        self.attention = GptAttention(config, noise, f'{path}.attention')
        self.feedForwardNorm = norm_of(config)
        self.feedForward = GptFeedForward(config, noise, f'{path}.feedForward')

    def forward(self, x):
        x = x + self.attention(self.attentionNorm(x))
        return x + self.feedForward(self.feedForwardNorm(x))


class Gpt(LanguageModel):
    def __init__(self, vocabulary: int, config: dict, noise: Noise):
        super().__init__()
        self.config, self.noise = config, noise
        channels = config['embed']
        self.tokenEmbedding = nn.Embedding(vocabulary, channels)
        if config['positions'] == 'learned':
            self.positionEmbedding = nn.Embedding(config['blockSize'], channels)
        self.embeddingNorm = norm_of(config) if config['embeddingNorm'] else nn.Identity()
        self.embeddingDropout = Dropout(config['embeddingDropout'], noise, 'embeddingDropout')
        self.blocks = nn.Sequential(*(GptBlock(config, noise, f'blocks.{i}') for i in range(config['layers'])))
        self.finalNorm = norm_of(config)
        self.head = nn.Linear(channels, vocabulary, bias=config['bias'])
        if config['tiedEmbeddings']:
            self.head.weight = self.tokenEmbedding.weight

    def forward(self, tokens):
        x = self.tokenEmbedding(tokens)
        if self.config['positions'] == 'learned':
            x = x + self.positionEmbedding.weight[: tokens.shape[1]]
        x = self.embeddingDropout(self.embeddingNorm(x))
        logits = self.head(self.finalNorm(self.blocks(x)))
        cap = self.config['logitSoftcap']
        return cap * torch.tanh(logits / cap) if cap > 0 else logits

    def initial(self, path: str, shape, seed: int, site: int) -> np.ndarray:
        """The initial value of the parameter with this path."""
        scheme, kind = self.config['init'], path.split('.')[-2]
        bias = path.endswith('bias')
        residual = kind in ('projection', 'contract')
        if kind.endswith('Norm'):
            return np.full(shape, 0 if bias else 1, np.float32)
        if kind.endswith('Embedding'):
            return normal_values(shape, seed, site, 0.02 if scheme == 'gpt2' else 1.0)
        if scheme == 'torch':
            inputs = self.config['embed'] * (4 if kind == 'contract' else 1)
            return uniform_values(shape, 1 / math.sqrt(inputs), seed, site)
        if bias or (scheme == 'zero-residual' and (residual or kind == 'head')):
            return np.zeros(shape, np.float32)
        if scheme == 'zero-residual':
            return uniform_values(shape, math.sqrt(3 / self.config['embed']), seed, site)
        deviation = 0.02 / math.sqrt(2 * self.config['layers']) if residual else 0.02
        return normal_values(shape, seed, site, deviation)


# ---------------------------------------------------------------------------------------------------------------
# The course's stages that train a model, building and initializing
# ---------------------------------------------------------------------------------------------------------------

DEFAULTS = dict(embed=0, heads=0, layers=0, dropout=0.0, gradientAccumulationSteps=1, maxNorm=None, weightDecay=0.01)
BIGRAM = dict(DEFAULTS, model='bigram', batchSize=32, blockSize=8, learningRate=1e-2, steps=3000)
HEADS = dict(DEFAULTS, batchSize=32, blockSize=8, embed=32, heads=4, learningRate=1e-3, steps=5000)
STAGES = {
    '00': dict(BIGRAM, learningRate=1e-3, weightDecay=0, steps=10000),
    '01': BIGRAM,
    '03': dict(HEADS, model='single-head', heads=1),
    '04': dict(HEADS, model='multi-head'),
    '05': dict(HEADS, model='feed-forward'),
    '06': dict(HEADS, model='blocks', layers=3),
    '07': dict(HEADS, model='residual', layers=3),
    '08': dict(HEADS, model='layer-norm', layers=3),
    '09': dict(DEFAULTS, model='decoder', batchSize=64, blockSize=256, embed=384, heads=6, layers=6, dropout=0.2,
               learningRate=5e-4, steps=5000),
}  # fmt: skip


def gpt_config(config: dict) -> dict:
    """Adds nano-gpt's defaults, those of the decoder, for variants that the config doesn't name."""
    return {
        'positions': 'learned', 'norm': 'layer', 'normAffine': True, 'activation': 'relu', 'qkNorm': False,
        'kvHeads': config['heads'], 'tiedEmbeddings': False, 'logitSoftcap': 0, 'bias': True, 'embeddingNorm': False,
        'attentionDropout': config['dropout'], 'embeddingDropout': 0.0, 'init': 'torch', **config, 'model': 'gpt',
    }  # fmt: skip


# nanoGPT's own model, and the recipe of the preset speedrun.
NANO_GPT = dict(activation='gelu', bias=False, tiedEmbeddings=True, init='gpt2')
SPEEDRUN = dict(positions='rope', norm='rms', normAffine=False, activation='relu-squared', qkNorm=True, logitSoftcap=15, bias=False,
                embeddingNorm=True, attentionDropout=0.0, init='zero-residual')  # fmt: skip


def initialize(model: nn.Module, seed: int) -> None:
    """nano-gpt's initial weights: each tensor from the site '<its path>.init', draw 0."""
    if isinstance(model, Gpt):
        with torch.no_grad():
            for path, parameter in model.named_parameters():
                parameter.copy_(torch.from_numpy(model.initial(path, parameter.shape, seed, fnv1a(f'{path}.init'))))
        return
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            site = fnv1a(f'{path}.{name}.init')
            if isinstance(module, nn.Embedding):
                value = normal_values(parameter.shape, seed, site)
            elif isinstance(module, nn.Linear):
                value = uniform_values(parameter.shape, 1 / math.sqrt(module.in_features), seed, site)
            elif isinstance(module, nn.LayerNorm):
                value = np.full(parameter.shape, 1 if name == 'weight' else 0, np.float32)
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(value))


class AdaptedLinear(nn.Linear):
    """x·Wᵀ + b + (alpha / rank) · (x·Aᵀ)·Bᵀ (LoRA, Hu et al., 2021)."""

    def forward(self, x):
        return super().forward(x) + (self.alpha / len(self.loraA)) * (x @ self.loraA.T) @ self.loraB.T


def add_adapters(model: nn.Module, lora: dict, seed: int) -> None:
    """Freezes a model, and adds an adapter to its layers of these names: A from U(±1/√inputs), B zero."""
    model.requires_grad_(False)
    for path, layer in list(model.named_modules()):
        if path.split('.')[-1] not in lora['targets']:
            continue
        shape = (lora['rank'], layer.in_features)
        a = uniform_values(shape, 1 / math.sqrt(layer.in_features), seed, fnv1a(f'{path}.loraA.init'))
        layer.__class__, layer.alpha = AdaptedLinear, lora['alpha']
        layer.loraA = nn.Parameter(torch.from_numpy(a))
        layer.loraB = nn.Parameter(torch.zeros(layer.out_features, lora['rank']))


def build(config: dict, vocabulary: int, seed: int, masks='ours') -> LanguageModel:
    """A model of this config with nano-gpt's initial weights for the seed, in float32."""
    if config['model'] == 'bigram':
        model = Bigram(vocabulary)
    elif config['model'] == 'gpt':
        model = Gpt(vocabulary, config, Noise(seed, masks))
    else:
        noise = Noise(seed, masks)
        model = Transformer(vocabulary, config['blockSize'], config['embed'], body(config, noise), noise)
    initialize(model, seed)
    if config.get('lora'):
        add_adapters(model, config['lora'], seed)
    return model


# ---------------------------------------------------------------------------------------------------------------
# Optimizers and schedules, from docs/program.md and docs/optimizers.md
# ---------------------------------------------------------------------------------------------------------------

# Defaults of the update's config.
UPDATES = dict(optimizer='adamw', beta2=0.999, momentum=0.0, momentumWarmup=0, nesterov=False, matrixLearningRate=0.02,
               schedule='constant', warmup=0, finalLearningRateFraction=0.0, decayFraction=0.2, emaDecay=0.0)  # fmt: skip


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum (Jordan et al., 2024), in the parameters' own precision (torch.optim.Muon's is bfloat16)."""

    def __init__(self, parameters, lr: float, momentum: float, weight_decay: float, iterations: int = 5):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, iterations=iterations))

    @staticmethod
    def orthogonal(u, iterations: int):
        x = u / (u.norm() + 1e-7)
        x = x.mT if u.shape[0] > u.shape[1] else x
        for _ in range(iterations):
            gram = x @ x.mT
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
        return x.mT if u.shape[0] > u.shape[1] else x

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            momentum, rate = group['momentum'], group['lr']
            for p in group['params']:
                m = self.state[p].setdefault('m', torch.zeros_like(p))
                m.mul_(momentum).add_(p.grad)
                direction = self.orthogonal(p.grad + momentum * m, group['iterations'])
                rows, columns = p.shape
                p.mul_(1 - rate * group['weight_decay'])
                p.sub_(rate * math.sqrt(max(1, rows / columns)) * direction)


def rate_at(step: int, steps: int, config: dict) -> float:
    """The fraction of the learning rate that update `step` (from 0) uses."""
    schedule, warmup, least = config['schedule'], config['warmup'], config['finalLearningRateFraction']
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == 'constant':
        return 1.0
    begin = max(warmup, steps - steps * config['decayFraction']) if schedule == 'wsd' else warmup
    if step < begin:
        return 1.0
    done = (step - begin) / (steps - begin)
    left = 0.5 * (1 + math.cos(math.pi * done)) if schedule == 'cosine' else 1 - done
    return least + (1 - least) * left


class Trainer:
    """Training steps exactly like nano-gpt's: micro-batches, averaged gradients, clipping, an optimizer, an average."""

    def __init__(self, model: LanguageModel, config: dict, corpus: torch.Tensor, seed: int):
        self.model, self.config, self.corpus, self.seed = model, config, corpus, seed
        self.step_index = 0
        self.updates = {**UPDATES, **config}
        self.optimizers = list(self.make_optimizers())
        # The first update replaces it with the weights, so the initial value is irrelevant.
        self.average = [p.detach().clone() for p in model.parameters()]

    def make_optimizers(self):
        """(optimizer, its peak learning rate)"""
        config, rate = self.updates, self.updates['learningRate']
        parameters, decay = list(self.model.parameters()), config['weightDecay']
        if config['optimizer'] == 'sgd':
            how = dict(momentum=config['momentum'], nesterov=config['nesterov'], weight_decay=decay)
            yield torch.optim.SGD(parameters, lr=rate, **how), rate
            return
        if config['optimizer'] == 'muon':
            # Every Linear but the head, selected by its place in the model.
            matrices = [p for name, p in self.model.named_parameters() if name.startswith('blocks.') and p.ndim == 2]
            matrix_rate = config['matrixLearningRate']
            yield Muon(matrices, lr=matrix_rate, momentum=config['momentum'], weight_decay=decay), matrix_rate
            taken, decay = {id(p) for p in matrices}, 0
            parameters = [p for p in parameters if id(p) not in taken]
        betas = (0.9, config['beta2'])
        yield torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=decay), rate

    def gradients(self):
        """Fills the gradients of the current step. Returns the mean loss and the first micro-batch's logits."""
        config = self.config
        self.model.zero_grad(set_to_none=True)
        total, first_logits = 0.0, None
        for micro in range(config['gradientAccumulationSteps']):
            draw = self.step_index * config['gradientAccumulationSteps'] + micro
            if getattr(self.model, 'noise', None):
                self.model.noise.draw = draw
            tokens, targets = batch(self.corpus, config['batchSize'], config['blockSize'], self.seed, draw)
            loss, logits = self.model.loss(tokens, targets)
            (loss / config['gradientAccumulationSteps']).backward()
            total += loss.item() / config['gradientAccumulationSteps']
            first_logits = logits.detach() if first_logits is None else first_logits
        return total, first_logits

    def update(self) -> None:
        if self.config['maxNorm'] is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config['maxNorm'])
        config, step = self.updates, self.step_index
        for optimizer, rate in self.optimizers:
            for group in optimizer.param_groups:
                group['lr'] = rate * rate_at(step, config.get('steps', 1), config)
                if isinstance(optimizer, Muon):
                    risen = min(1, step / config['momentumWarmup']) if config['momentumWarmup'] > 0 else 1
                    group['momentum'] = 0.85 + (config['momentum'] - 0.85) * risen
            optimizer.step()
        self.follow()
        self.step_index += 1

    @torch.no_grad()
    def follow(self) -> None:
        """The average: the mean of the weights after each update so far, those of i updates ago weighted by decay^i."""
        decay, n = self.updates['emaDecay'], self.step_index + 1
        if decay == 0:
            return
        for average, p in zip(self.average, self.model.parameters()):
            average.add_((1 - decay) / (1 - decay**n) * (p - average))

    def step(self) -> float:
        loss, _ = self.gradients()
        self.update()
        return loss


# ---------------------------------------------------------------------------------------------------------------


def check_random_numbers() -> None:
    """Random123's published vectors (kat_vectors, philox4x32 10), and FNV-1a's."""
    vectors = [
        ((0, 0, 0, 0), 0, '6627e8d5 e169c58d bc57ac4c 9b00dbd8'),
        ((0xFFFFFFFF,) * 4, 2**64 - 1, '408f276d 41c83b0e a20bc7c6 6d5451fd'),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), 0x299F31D0_A4093822, 'd16cfe09 94fdcceb 5001e420 24126ea1'),
    ]
    for counter, seed, expected in vectors:
        block = philox_blocks(*(np.array([c], np.uint64) for c in counter), seed)[:, 0]
        got = ' '.join(f'{int(word):08x}' for word in block)
        assert got == expected, (got, expected)
    assert fnv1a('') == 0x811C9DC5 and fnv1a('a') == 0xE40C292C and fnv1a('foobar') == 0xBF9CF968
    many = words(4 * CHUNK_BLOCKS + 7, 1337, 5, 9)
    assert (many[:10] == words(10, 1337, 5, 9)).all()  # a word depends only on its element, not on how many are drawn
    print('random numbers agree with the published vectors')


def check_sizes() -> None:
    """Checks the parameter counts of each stage on Tiny Shakespeare's 65 characters against the course."""
    counts = {'00': 4225, '01': 4225, '03': 7553, '04': 7553, '05': 8609, '06': 16865, '07': 41921, '08': 42369,
              '09': 10788929}  # fmt: skip
    for stage, config in STAGES.items():
        parameters = sum(p.numel() for p in build(config, 65, 1337).parameters())
        assert parameters == counts[stage], (stage, parameters, counts[stage])
    print('every stage has as many parameters as in the course')


def check_gpt() -> None:
    """With the default variants the Gpt equals the decoder bit for bit; the combinations have the expected sizes."""
    config = dict(DEFAULTS, model='decoder', batchSize=2, blockSize=6, embed=12, heads=3, layers=2, dropout=0.2)
    tokens = torch.arange(12).reshape(2, 6)
    decoder, gpt = (build(c, 65, 1337) for c in (config, gpt_config(config)))
    assert {path for path, _ in decoder.named_parameters()} == {path for path, _ in gpt.named_parameters()}
    assert torch.equal(decoder(tokens), gpt(tokens))
    cpu = dict(DEFAULTS, blockSize=64, embed=128, heads=4, layers=4, **NANO_GPT)
    speedrun = dict(DEFAULTS, blockSize=256, embed=256, heads=4, layers=4, **SPEEDRUN)
    # Tied embeddings with a gain in each of nine norms; and 12 · 256² weights per layer plus two
    # tables.
    for config, expected in [(cpu, 804_096), (speedrun, 4 * 12 * 256**2 + 2 * 65 * 256)]:
        parameters = sum(p.numel() for p in build(gpt_config(config), 65, 1337).parameters())
        assert parameters == expected, (config, parameters, expected)
    # The scores of rotated vectors depend only on their distance: shifting both positions changes
    # nothing.
    q, k = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64).expand(2, 1, 1, 9, 8)
    scores = (rotated(q) @ rotated(k).transpose(-2, -1))[0, 0]
    assert (scores[1:, 1:] - scores[:-1, :-1]).abs().max() < 1e-12 and (scores[0] - scores[1]).abs().max() > 1e-3
    print('the gpt is the decoder where nothing is varied')


if __name__ == '__main__':
    check_random_numbers()
    check_sizes()
    check_gpt()
