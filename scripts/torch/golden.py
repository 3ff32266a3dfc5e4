"""
Writes test/golden/*.json: PyTorch's results for small training runs that nano-gpt must reproduce.

    python golden.py [case …]

The files store no weights: both sides generate them from the seed (nano_torch.py). The corpus comes from the seed too,
see golden_corpus. Every case runs twice from the same float32 initial weights: in float64, whose values are the
expected ones, and in float32, whose losses show how far float32 may deviate.

Contents of a file ("expected" is the float64 run, "float32" the other):
  config, seed (decimal string), corpus length N; sites: the hash of each path and purpose that is used
  initial          per tensor: shape, first 4 values, sum (in float64)
  firstBatch       offsets (per micro-batch), tokens and targets of its first window
  firstLogits      of step 0's first micro-batch: the row of window 0, token 0; sum and sum of squares of all
  losses           ten steps; the loss before each update, the mean over micro-batches
  gradientNorms    step 0, per trained tensor, after averaging micro-batches and before clipping; totalGradientNorm
  gradientTotals   the total norm of every step, before clipping
  gradients        step 0, complete, of the tensors that are small enough (WHOLE)
  finalNorms       per parameter after the ten updates
  averageNorms     the same for the averages of the weights, if the config has 'average'

Stage 02 trains nothing. Its file, attention-tricks, holds the results of its formulas, in float64 only; see
attention_tricks. Every tensor there is {"shape", "values"}, row-major:
  config, seed; sites: of x, query, key, value and dy, as above; initial: the same five tensors' first 4 values and sum
  expected         runningMean of x; weights and y of the head; gradients of the sum of dy·y
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch

from nano_torch import (
    DEFAULTS, Dropout, NANO_GPT, SPEEDRUN, STAGES, Trainer, batch, batch_offsets, build, fnv1a, gpt_config, keep_mask,
    normal_values, uniform_values, words,
)  # fmt: skip

FOLDER = pathlib.Path(__file__).resolve().parents[2] / 'test' / 'golden'
STEPS = 10
VOCABULARY = 65
CORPUS_LENGTH = 2000


def course(stage: str) -> dict:
    """A stage at the course's own sizes, except for the number of steps, which is STEPS."""
    return {key: value for key, value in STAGES[stage].items() if key != 'steps'}


NARROW = dict(DEFAULTS, model='decoder', batchSize=4, blockSize=32, embed=48, heads=4, layers=2, learningRate=1e-3)
# maxNorm 0.56: the first six steps of decoder-narrow-dropout are clipped, the last four are not.
CASES = {
    'bigram': (1337, dict(DEFAULTS, model='bigram', batchSize=32, blockSize=8, learningRate=1e-2)),
    'single-head': (
        2**53 - 1,
        dict(DEFAULTS, model='single-head', batchSize=32, blockSize=8, embed=32, heads=1, learningRate=1e-3),
    ),
    'notebook': (2**64 - 1, course('00')),
    'multi-head': (1337, course('04')),
    'feed-forward': (1337, course('05')),
    'blocks': (1337, course('06')),
    'residual': (1337, course('07')),
    'layer-norm': (1337, course('08')),
    'decoder-narrow': (1337, NARROW),
    'decoder-narrow-dropout': (1337, dict(NARROW, dropout=0.2, gradientAccumulationSteps=2, maxNorm=0.56)),
    'decoder-full': (
        1337,
        dict(DEFAULTS, model='decoder', batchSize=2, blockSize=64, embed=384, heads=6, layers=6, learningRate=5e-4),
    ),
}
# The variants of docs/variants.md, one at a time, and the two models that the presets combine them
# into.
VARIANTS = {
    'rope': dict(positions='rope'),
    'rms': dict(norm='rms'),
    'layer-no-gain': dict(normAffine=False),
    'rms-no-gain': dict(norm='rms', normAffine=False),
    'relu-squared': dict(activation='relu-squared'),
    'gelu': dict(activation='gelu'),
    'gelu-tanh': dict(activation='gelu-tanh'),
    'swiglu': dict(activation='swiglu'),
    'qk-norm': dict(qkNorm=True),
    'kv-heads': dict(kvHeads=2),
    'tied': dict(tiedEmbeddings=True, init='gpt2'),
    'logit-cap': dict(logitSoftcap=2),
    'no-bias': dict(bias=False),
    'embedding-norm': dict(embeddingNorm=True),
    'dropouts': dict(dropout=0.1, attentionDropout=0.3, embeddingDropout=0.2),
    'gpt2': dict(init='gpt2'),
    'zero-residual': dict(init='zero-residual'),
    'nano-gpt': dict(NANO_GPT, dropout=0.2, embeddingDropout=0.2, maxNorm=1, weightDecay=0.1, beta2=0.99, schedule='cosine',
                     warmup=3, finalLearningRateFraction=0.1),
    'speedrun': dict(SPEEDRUN, dropout=0.1, embeddingDropout=0.1, kvHeads=2, optimizer='muon', matrixLearningRate=0.02,
                     momentum=0.95, momentumWarmup=3, weightDecay=0.1, learningRate=3e-3, beta2=0.95, schedule='wsd', warmup=2,
                     decayFraction=0.6),
}
SMALL = dict(DEFAULTS, model='gpt', batchSize=3, blockSize=11, embed=24, heads=4, layers=2, learningRate=1e-3)
CASES.update({f'gpt-{name}': (1337, gpt_config(dict(SMALL, **variant))) for name, variant in VARIANTS.items()})

# Adapters. maxNorm is chosen so that some steps are clipped and others aren't.
CASES['gpt-lora'] = (
    1337,
    gpt_config(
        dict(SMALL, activation='swiglu', kvHeads=2, dropout=0.1, learningRate=1e-2, maxNorm=0.1,
             lora=dict(rank=3, alpha=5, targets=['query', 'value', 'gate', 'contract']))
    ),
)  # fmt: skip

# Optimizers, schedules and averages. maxNorm is chosen so that some steps are clipped and others
# aren't.
TINY = dict(SMALL, model='decoder')
CASES.update({
    'sgd': (1337, dict(TINY, optimizer='sgd', momentum=0.9, learningRate=0.1, weightDecay=0.1, maxNorm=0.9, schedule='linear',
                       warmup=3, finalLearningRateFraction=0.2)),
    'sgd-nesterov': (1337, dict(TINY, optimizer='sgd', momentum=0.8, nesterov=True, learningRate=0.05, dropout=0.1)),
    'muon': (1337, dict(TINY, optimizer='muon', momentum=0.95, momentumWarmup=4, weightDecay=0.1, gradientAccumulationSteps=2, maxNorm=0.75,
                        schedule='wsd', warmup=2, decayFraction=0.6, emaDecay=0.8)),
    'adamw-cosine-average': (1337, dict(TINY, beta2=0.99, weightDecay=0.1, schedule='cosine', warmup=3, finalLearningRateFraction=0.1,
                                        emaDecay=0.9)),
})  # fmt: skip

# Tensors with at most this many elements have their first gradients stored completely.
WHOLE = {'bigram': 4500, 'single-head': 4500, 'multi-head': 1024, 'feed-forward': 1024, 'blocks': 256, 'residual': 256,
         'layer-norm': 256}  # fmt: skip

TRICKS = 'attention-tricks'
TRICKS_CONFIG = dict(batchSize=4, blockSize=8, channels=2, headSize=16)


def golden_corpus(seed: int) -> torch.Tensor:
    """token[i] = (word i mod 8) + 8 (i mod 8): all below 64, and half of each token can be learnt."""
    word = words(CORPUS_LENGTH, seed, fnv1a('golden.corpus'), 0).astype(np.int64)
    return torch.from_numpy(word % 8 + 8 * (np.arange(CORPUS_LENGTH) % 8))


def significant(value: float, digits: int) -> float:
    return float(f'{value:.{digits - 1}e}')


def norms(tensors) -> dict:
    return {name: significant(tensor.double().norm().item(), 12) for name, tensor in tensors}


def first_and_sum(tensor: torch.Tensor) -> dict:
    return {
        'shape': list(tensor.shape),
        'first': [float(value) for value in tensor.detach().flatten()[:4]],
        'sum': tensor.detach().double().sum().item(),
    }


def run(seed: int, config: dict, dtype: torch.dtype, whole: int) -> dict:
    """Ten steps in this dtype, from float32 initial weights; keeps first gradients of at most `whole` elements."""
    torch.manual_seed(0)  # nothing below uses torch's generator; this makes a mistake reproducible
    model = build(config, VOCABULARY, seed)
    initial = {name: first_and_sum(p) for name, p in model.named_parameters()}
    model.to(dtype)
    trainer = Trainer(model, dict(config, steps=STEPS), golden_corpus(seed), seed)
    result = {'initial': initial, 'losses': [], 'gradientTotals': []}
    for step in range(STEPS):
        loss, logits = trainer.gradients()
        gradients = [(name, p.grad) for name, p in model.named_parameters() if p.requires_grad]
        total = torch.stack([gradient.double().norm() for _, gradient in gradients]).norm().item()
        result['losses'].append(loss)
        result['gradientTotals'].append(significant(total, 12))
        if step == 0:
            logits = logits.double()
            result['firstLogits'] = {
                'row': [significant(value, 12) for value in logits[0, 0].tolist()],
                'sum': significant(logits.sum().item(), 12),
                'sumOfSquares': significant(logits.square().sum().item(), 12),
            }
            result['totalGradientNorm'] = significant(total, 12)
            result['gradientNorms'] = norms(gradients)
            if whole > 0:
                result['gradients'] = {
                    name: [significant(value, 9) for value in gradient.flatten().tolist()]
                    for name, gradient in gradients
                    if gradient.numel() <= whole
                }
        trainer.update()
    result['finalNorms'] = norms((name, p.detach()) for name, p in model.named_parameters())
    if config.get('emaDecay'):
        result['averageNorms'] = norms(zip((name for name, _ in model.named_parameters()), trainer.average))
    return result


def write(name: str) -> None:
    seed, config = CASES[name]
    expected, single = (run(seed, config, dtype, WHOLE.get(name, 0)) for dtype in (torch.float64, torch.float32))
    micro_batches, size, block = config['gradientAccumulationSteps'], config['batchSize'], config['blockSize']
    corpus = golden_corpus(seed)
    tokens, targets = batch(corpus, size, block, seed, 0)
    model = build(config, VOCABULARY, seed)

    sites = {'batch': fnv1a('batch'), 'golden.corpus': fnv1a('golden.corpus')}
    masks = {}
    for path, module in model.named_modules():
        if isinstance(module, Dropout) and module.p > 0:
            sites[path] = module.site
            heads = config['heads']
            shape = (size, heads, block, block) if path.endswith('attention.dropout') else (size, block, config['embed'])
            kept = [keep_mask(shape, module.p, seed, module.site, draw).flatten() for draw in range(micro_batches)]
            masks[path] = [{'first': ''.join(str(int(k)) for k in m[:32]), 'kept': int(m.sum())} for m in kept]
    for path, _ in model.named_parameters():
        sites[f'{path}.init'] = fnv1a(f'{path}.init')

    golden = {
        'about': about(),
        'config': {**config, 'vocabulary': VOCABULARY, 'steps': STEPS},
        'seed': str(seed),
        'corpusLength': CORPUS_LENGTH,
        'sites': sites,
        'firstBatch': {
            'offsets': [batch_offsets(size, CORPUS_LENGTH, block, seed, draw).tolist() for draw in range(micro_batches)],
            'tokens': tokens[0].tolist(),
            'targets': targets[0].tolist(),
        },
        **({'firstMasks': masks} if masks else {}),
        'initial': expected.pop('initial'),
        'expected': expected,
        'float32': {'losses': single['losses'], 'totalGradientNorm': single['totalGradientNorm']},
    }
    size = save(name, golden)

    def worst(key):
        pairs = [(expected[key][n], single[key][n]) for n in expected[key]]
        return max(abs(a - b) / max(abs(a), 1e-6) for a, b in pairs)

    drift = max(abs(a - b) for a, b in zip(expected['losses'], single['losses']))
    print(f'{name}: {size}, loss {expected["losses"][0]:.6f} → {expected["losses"][-1]:.6f}, '
          f'float32 strays by {drift:.1e} (losses), {worst("gradientNorms"):.1e} (gradient norms, relative), '
          f'{worst("finalNorms"):.1e} (final norms); '
          f'total gradient norms {min(expected["gradientTotals"]):.3f} … {max(expected["gradientTotals"]):.3f}')  # fmt: skip


# Stage 02


def running_means(x: torch.Tensor) -> list:
    """The mean of each token and those before it, computed in three ways."""
    B, T, C = x.shape
    loop = torch.empty_like(x)
    for b in range(B):
        for t in range(T):
            loop[b, t] = x[b, : t + 1].mean(0)
    lower = torch.tril(torch.ones(T, T, dtype=x.dtype))
    by_matmul = (lower / lower.sum(1, keepdim=True)) @ x
    by_softmax = torch.zeros(T, T, dtype=x.dtype).masked_fill(lower == 0, -math.inf).softmax(-1) @ x
    return [loop, by_matmul, by_softmax]


def attention_tricks(seed: int) -> dict:
    """
    The running mean and one causal head, without bias: q = x·Wqᵀ and so on, weights = softmax of the scores
    q·kᵀ/√16 that are not in the future, y = weights·v. Drawn like initial weights (draw 0): x [4, 8, 2] and dy [4, 8, 16]
    N(0, 1) at the sites attention-tricks.x and .dy, the matrices [16, 2] U(±1/√2) at .query, .key and .value.
    """
    B, T, C, D = TRICKS_CONFIG.values()
    sites = {f'{TRICKS}.{name}': fnv1a(f'{TRICKS}.{name}') for name in ('x', 'query', 'key', 'value', 'dy')}
    drawn = {}
    for path, site in sites.items():
        name = path.removeprefix(f'{TRICKS}.')
        if name in ('x', 'dy'):
            value = normal_values((B, T, C if name == 'x' else D), seed, site)
        else:
            value = uniform_values((D, C), 1 / math.sqrt(C), seed, site)
        drawn[name] = torch.from_numpy(value)
    x, wq, wk, wv = (drawn[name].double().requires_grad_() for name in ('x', 'query', 'key', 'value'))

    mean, *others = running_means(x.detach())
    for other in others:
        assert (mean - other).abs().max() < 1e-12
    q, k, v = x @ wq.T, x @ wk.T, x @ wv.T
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    weights = (q @ k.transpose(-2, -1) * D**-0.5).masked_fill(future, -math.inf).softmax(-1)
    y = weights @ v
    (y * drawn['dy'].double()).sum().backward()

    def whole(tensor):
        values = [significant(value, 12) for value in tensor.detach().flatten().tolist()]
        return {'shape': list(tensor.shape), 'values': values}

    return {
        'about': about(),
        'config': TRICKS_CONFIG,
        'seed': str(seed),
        'sites': sites,
        'initial': {name: first_and_sum(tensor) for name, tensor in drawn.items()},
        'expected': {
            'runningMean': whole(mean),
            'weights': whole(weights),
            'y': whole(y),
            'gradients': {
                name: whole(tensor.grad) for name, tensor in zip(('x', 'query', 'key', 'value'), (x, wq, wk, wv))
            },
        },
    }


# The files


def about() -> str:
    return f'Made by scripts/torch/golden.py with PyTorch {torch.__version__.split("+")[0]}; do not edit.'


def save(name: str, golden: dict) -> str:
    """Writes the file and returns its size."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f'{name}.json'
    path.write_text(to_json(golden) + '\n', encoding='utf-8')
    return f'{path.stat().st_size / 1000:.1f} kB'


SPREAD = {'sites', 'firstBatch', 'firstMasks', 'initial', 'expected', 'firstLogits', 'gradientNorms', 'gradients', 'finalNorms',
          'averageNorms'}  # fmt: skip


def to_json(value, key: str = None, depth: int = 0) -> str:
    """Formats the whole and the objects named in SPREAD with one line per entry, everything else on one line."""
    if key is not None and key not in SPREAD:
        return json.dumps(value, separators=(',', ':'))
    indent = ' ' * (depth + 1)
    lines = [f'{indent}{json.dumps(name)}: {to_json(item, name, depth + 1)}' for name, item in value.items()]
    return '{\n' + ',\n'.join(lines) + '\n' + ' ' * depth + '}'


if __name__ == '__main__':
    for case in sys.argv[1:] or [*CASES, TRICKS]:
        if case == TRICKS:
            print(f'{TRICKS}: {save(TRICKS, attention_tricks(1337))}, three ways to the running mean agree')
        else:
            write(case)
