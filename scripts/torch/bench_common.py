"""
Shared by the scripts that `nano-gpt bench --compare` starts, including scripts/mlx/bench.py: the shapes that both time,
and the commands. Requires neither PyTorch nor MLX.
"""

import json
import sys

VOCABULARY = 65
CORPUS_LENGTH = 1_003_854  # Tiny Shakespeare's training split; the characters do not affect the time of a step
DECODER = dict(batch_size=64, block_size=256, embed=384, heads=6, layers=6, dropout=0.2)
STAGE_09 = dict(DECODER, learning_rate=5e-4, weight_decay=0.01)
NANOGPT = dict(learning_rate=1e-3, weight_decay=0.1, betas=(0.9, 0.99), clip=1.0, nanogpt=True)
PRESETS = {
    'cpu': dict(NANOGPT, batch_size=12, block_size=64, embed=128, heads=4, layers=4, dropout=0.0),
    'baby': dict(NANOGPT, **DECODER),
}
# Fine-tuning GPT-2 124M
GPT2 = dict(batch_size=4, block_size=64, embed=768, heads=12, layers=12, vocabulary=50257, dropout=0.0,
            learning_rate=1e-4, weight_decay=0.01)


def say(result) -> None:
    print(json.dumps(result), flush=True)


def obey(answer) -> None:
    """Prints answer(line) for each line of standard input, up to "quit" or the end of input."""
    for line in map(str.strip, sys.stdin):
        if line == 'quit':
            return
        if not line:
            continue
        try:
            result = answer(line)
        except Exception as error:  # for example, torch.compile fails in many ways
            result = {'error': f'{type(error).__name__}: {error}'.splitlines()[0]}
        say(result)


def obey_words(commands) -> None:
    """The same for commands of a word and positive numbers: `commands` maps (word, count of numbers) to a function."""

    def answer(line):
        word, *rest = line.split()
        numbers = [int(number) for number in rest if number.isdecimal() and int(number) > 0]
        call = commands.get((word, len(rest)))
        if call is None or len(numbers) < len(rest):
            return {'error': f'not a command: {" ".join([word, *rest])}'}
        return call(*numbers)

    obey(answer)
