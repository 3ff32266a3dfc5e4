// The sides of PyTorch and MLX: Python processes that read commands from standard input, so that
// they can alternate with nano-gpt.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openSession } from '../backend/devices'
import { NanoGptError, option, reasonOf, say } from '../errors'
import type { Side } from './measure'
import type { BenchOptions } from './result'

/** dist/bench and lib/bench are equally deep. */
const scripts = join(__dirname, '..', '..', 'scripts')

export type Competitor = 'torch' | 'mlx'

const nameOf: Readonly<Record<Competitor, string>> = { torch: 'PyTorch', mlx: 'MLX' }
/** Python code that prints the version. */
const probe: Readonly<Record<Competitor, string>> = {
  torch: 'import torch; print(torch.__version__)',
  mlx: 'import mlx.core; print(mlx.core.__version__)',
}

export interface Python {
  readonly path: string
  readonly versions: Readonly<Partial<Record<Competitor, string>>>
}

/**
 * Finds a Python interpreter that can import the competitors: the given one, that of
 * NANO_GPT_PYTHON, or `python3`.
 *
 * @throws NanoGptError 'torch' with the commands to install one
 */
export function findPython(compared: readonly Competitor[], asked?: string): Python {
  const path = asked ?? process.env.NANO_GPT_PYTHON ?? 'python3'
  return {
    path,
    versions: Object.fromEntries(compared.map((competitor) => [competitor, versionOf(competitor, path)])),
  }
}

function versionOf(competitor: Competitor, path: string): string {
  const { status, stdout, error } = spawnSync(path, ['-c', probe[competitor]], { encoding: 'utf8' })
  if (status === 0) return stdout.trim()
  const what = error ? `${path} does not start (${reasonOf(error)})` : `${path} cannot import ${competitor}`
  const python = `${competitor}/bin/python`
  throw new NanoGptError('torch', {
    where: 'bench',
    reason: what,
    remedy: say`To compare with ${nameOf[competitor]}, install it: python3 -m venv ${competitor} && ${competitor}/bin/pip install ${competitor}. Then give ${option('python', python)}, or set NANO_GPT_PYTHON`,
  })
}

const gpus = [
  { ours: 'cuda', torch: 'cuda' },
  { ours: 'metal', torch: 'mps' },
] as const

/**
 * The arguments with which a script uses the same kind of device, threads and precision as
 * nano-gpt.
 */
export async function rivalArguments(competitor: Competitor, options: BenchOptions): Promise<string[]> {
  const { threads, precision = 'f32' } = options
  const session = await openSession(options)
  await session.dispose()
  const gpu = gpus.find(({ ours }) => session.device.startsWith(ours))
  if (competitor === 'mlx') return ['--device', gpu ? 'gpu' : 'cpu', '--precision', precision]
  return ['--threads', String(threads), '--device', gpu?.torch ?? 'cpu', '--precision', precision]
}

type Answer = Readonly<Record<string, unknown>> & { readonly error?: string }

/** A running script. */
export class RivalProcess {
  private readonly child: ChildProcessWithoutNullStreams
  private readonly answers: AsyncIterator<string>
  private failure: Error | undefined
  private errors = ''

  constructor(
    private readonly competitor: Competitor,
    python: string,
    script: 'bench.py' | 'bench_ops.py',
    args: readonly string[],
  ) {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
    this.child = spawn(python, [join(scripts, competitor, script), ...args], { env })
    this.child.on('error', (error) => {
      this.failure = error
    })
    // Writing to a process that has ended fails. The error of the missing answer includes its last
    // output.
    this.child.stdin.on('error', () => {})
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-2000)
    })
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  /** @throws NanoGptError 'torch' if the answer has an `error`, or the process ends */
  async ask(command: string): Promise<Answer> {
    this.child.stdin.write(`${command}\n`)
    const { value, done } = await this.answers.next()
    if (done) throw new NanoGptError('torch', `${nameOf[this.competitor]} ended early: ${this.lastWords()}`)
    const answer = JSON.parse(value) as Answer
    if (answer.error !== undefined)
      throw new NanoGptError('torch', `${nameOf[this.competitor]}: ${answer.error}`)
    return answer
  }

  /** A side that sends `command(count)` and reads `ms` from the answer. */
  side(name: string, command: (count: number) => string): Side {
    return { name, run: async (count) => (await this.ask(command(count))).ms as number }
  }

  close(): void {
    this.child.stdin.end('quit\n')
  }

  private lastWords(): string {
    return this.failure?.message ?? (this.errors.trim().split('\n').at(-1) || 'no error message')
  }
}
