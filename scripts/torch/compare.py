"""
Trains a stage in PyTorch with nano-gpt's initial weights and batches, and prints one JSON line per step.

    python compare.py --text tinyshakespeare.txt --stage 09 --batch-size 8 --steps 100 --masks ours > losses.jsonl

Lines: {"config": …} first, then {"step": s, "loss": …} (the loss before update s, counted from 0), and at the end
{"validationLoss": …} if --eval-batches is given. --masks selects whose dropout masks are used.
"""

import argparse
import json
import math
import time

import torch

from nano_torch import STAGES, Trainer, build


def read_corpus(path: str):
    """(training tokens, validation tokens, vocabulary size): sorted distinct code points, the first 90 % for training."""
    with open(path, encoding='utf-8', newline='') as file:
        text = file.read()
    index = {character: i for i, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([index[character] for character in text])
    split = math.floor(0.9 * len(tokens))
    return tokens[:split], tokens[split:], len(index)


@torch.no_grad()
def estimate(model, corpus, config, batches: int, seed: int) -> float:
    """Mean loss over random batches without dropout. These batches are PyTorch's own."""
    generator = torch.Generator().manual_seed(seed)
    model.eval()
    total = 0.0
    for _ in range(batches):
        offsets = torch.randint(len(corpus) - config['blockSize'], (config['batchSize'], 1), generator=generator)
        index = offsets + torch.arange(config['blockSize'])
        total += model.loss(corpus[index], corpus[index + 1])[0].item()
    model.train()
    return total / batches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--text', required=True, help='a UTF-8 text file')
    parser.add_argument('--stage', choices=STAGES, default='09')
    parser.add_argument('--seed', type=int, default=1337)
    parser.add_argument('--masks', choices=['ours', 'torch'], default='ours')
    parser.add_argument('--eval-batches', type=int, default=0, help='validation batches after the last step')
    parser.add_argument('--threads', type=int, help='threads of PyTorch')
    overrides = {'batch-size': int, 'steps': int, 'block-size': int, 'embed': int, 'heads': int, 'layers': int,
                 'dropout': float, 'learning-rate': float, 'gradient-accumulation-steps': int, 'max-norm': float}  # fmt: skip
    for option, kind in overrides.items():
        parser.add_argument(f'--{option}', type=kind, help='instead of the stage\'s own')
    args = parser.parse_args()

    config = dict(STAGES[args.stage])
    for option in overrides:
        value = getattr(args, option.replace('-', '_'))
        if value is not None:
            first, *rest = option.split('-')
            config[first + ''.join(part.capitalize() for part in rest)] = value
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    train, validation, vocabulary = read_corpus(args.text)
    model = build(config, vocabulary, args.seed, args.masks)
    parameters = sum(p.numel() for p in model.parameters())
    print(json.dumps({'config': {**config, 'vocabulary': vocabulary, 'seed': str(args.seed), 'masks': args.masks,
                                 'parameters': parameters}}), flush=True)  # fmt: skip

    trainer = Trainer(model, config, train, args.seed)
    started = time.perf_counter()
    for step in range(config['steps']):
        print(json.dumps({'step': step, 'loss': trainer.step()}), flush=True)
    end = {'seconds': round(time.perf_counter() - started, 1)}
    if args.eval_batches:
        end['validationLoss'] = estimate(model, validation, config, args.eval_batches, args.seed)
    print(json.dumps(end), flush=True)


if __name__ == '__main__':
    main()
