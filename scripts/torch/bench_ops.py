"""
Times single operations of PyTorch. `nano-gpt bench ops --compare torch` sends the commands and alternates with it.

    python bench_ops.py --threads 2
    python bench_ops.py --device cuda --precision bf16    products and attention in bf16

Commands, one per line: a JSON object such as {"op": "matmul", "m": 1024, "k": 1024, "n": 1024, "a": false, "b": true}
prepares an operation (a, b: whether the operand is read transposed) and prints {"ready": true}; "run N" calls it N times
and prints {"ms": per call}; "quit" or the end of input exits. An error is printed as {"error": …}.
"""

import argparse
import json
import time

import torch
from torch.nn import functional as F

from bench_common import obey
from nano_torch import Muon

DTYPE = torch.float32  # of products and attention


def matmul(m, k, n, a, b):
    left = torch.randn((k, m) if a else (m, k), dtype=DTYPE)
    right = torch.randn((n, k) if b else (k, n), dtype=DTYPE)
    if b and not a:
        return lambda: F.linear(left, right)
    return lambda: torch.mm(left.t() if a else left, right.t() if b else right)


def backward_of(forward, inputs):
    """Forward and backward, with a given gradient of the output."""
    gradient = torch.randn_like(forward())

    def call():
        torch.autograd.grad(forward(), inputs, gradient)

    return call


def attention(batch, tokens, heads, size, dropout, backward):
    def operand():
        # The layout of a Linear's output: heads side by side.
        return torch.randn(batch, tokens, heads, size, dtype=DTYPE).transpose(1, 2).requires_grad_(backward)

    q, k, v = operand(), operand(), operand()

    def forward():
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)

    return backward_of(forward, (q, k, v)) if backward else forward


def layer_norm(rows, columns, backward):
    x, gain, bias = torch.randn(rows, columns), torch.ones(columns), torch.zeros(columns)
    for tensor in (x, gain, bias):
        tensor.requires_grad_(backward)

    def forward():
        return F.layer_norm(x, (columns,), gain, bias)

    return backward_of(forward, (x, gain, bias)) if backward else forward


def cross_entropy(rows, columns):
    logits = torch.randn(rows, columns, requires_grad=True)
    targets = torch.randint(columns, (rows,))
    return backward_of(lambda: F.cross_entropy(logits, targets), (logits,))


def adamw(shapes):
    parameters = [torch.randn(shape, requires_grad=True) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    return torch.optim.AdamW(parameters, lr=1e-3, fused=True).step


def muon(shapes):
    parameters = [torch.randn(shape, requires_grad=True) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    return Muon(parameters, lr=0.02, momentum=0.95, weight_decay=0.01).step


OPERATIONS = {
    function.__name__: function for function in (matmul, attention, layer_norm, cross_entropy, adamw, muon)
}


class Bench:
    def __init__(self, device):
        self.call, self.device = None, device

    def synchronize(self) -> None:
        if self.device != 'cpu':
            getattr(torch, self.device).synchronize()

    def answer(self, line: str) -> dict:
        if line.startswith('{'):
            options = json.loads(line)
            self.call = None  # frees its memory before the next operation allocates
            self.call = OPERATIONS[options.pop('op')](**options)
            return {'ready': True}
        word, count = line.split()
        if word != 'run' or self.call is None:
            return {'error': f'not a command: {line}'}
        self.synchronize()
        started = time.perf_counter()
        for _ in range(int(count)):
            self.call()
        self.synchronize()
        return {'ms': (time.perf_counter() - started) * 1000 / int(count)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--device', choices=('cpu', 'cuda', 'mps'), default='cpu')
    parser.add_argument('--precision', choices=('f32', 'tf32', 'bf16'), default='f32')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_default_device(args.device)
    torch.set_float32_matmul_precision('high' if args.precision == 'tf32' else 'highest')
    if args.precision == 'bf16':
        global DTYPE
        DTYPE = torch.bfloat16
    torch.manual_seed(1337)
    obey(Bench(args.device).answer)


if __name__ == '__main__':
    main()
