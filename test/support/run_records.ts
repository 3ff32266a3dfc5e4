// Records of runs that were never trained, with curves like those of real ones.

import type { RunRecord, StepRecord } from '../../lib/history/types'

const text = `ROMEO:
But soft, what light through yonder window breaks?
It is the east, and Juliet is the sun.
Arise, fair sun, and kill the envious moon.
`

/** Numbers from 0 to 1 that look random, the same ones every time. */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

export interface RunToMake {
  readonly folder?: string
  readonly steps?: number
  readonly evalInterval?: number
  /** The loss towards which the run falls. */
  readonly floor?: number
  readonly options?: Readonly<Record<string, unknown>>
}

/** The record of a finished run. */
export function runRecord(make: RunToMake = {}): RunRecord {
  const { folder = 'runs/first', steps = 3000, evalInterval = 250, floor = 1.45, options = {} } = make
  const random = numbers(steps + folder.length)
  const lossAt = (step: number) => floor + (4.17 - floor) * (1 + step / 60) ** -0.85
  const tokensPerStep = 4096
  const secondsPerStep = 0.081
  const records: StepRecord[] = []
  for (let from = 0; from < steps; ) {
    const size = from < 1024 ? 1 : 2 ** (Math.floor(Math.log2(from)) - 9)
    const to = Math.min(steps, from + size)
    const noise = (random() - 0.5) * 0.22 * size ** -0.5
    records.push({
      from,
      to,
      loss: lossAt(from) - 0.12 * (from / steps) + noise,
      learningRate: 1e-3 * Math.min(1, (to + 1) / 101) * (0.55 + 0.45 * Math.cos((Math.PI * to) / steps)),
      gradientNorm: 0.35 + 3 / (1 + from / 25) + 0.2 * random(),
      tokensPerSecond: tokensPerStep / (secondsPerStep * (1 + 0.1 * random())),
      seconds: to * secondsPerStep,
    })
    from = to
  }
  const points = Array.from({ length: Math.floor(steps / evalInterval) + 1 }, (_, i) =>
    Math.min(steps, i * evalInterval),
  )
  const evaluations = points.map((step) => {
    const [trainLoss, valLoss] = [lossAt(step) - 0.14 * (step / steps), lossAt(step) + 0.04]
    const bits = (loss: number) => loss / Math.LN2
    return {
      step,
      trainLoss,
      valLoss,
      trainBitsPerByte: bits(trainLoss),
      valBitsPerByte: bits(valLoss),
      best: true,
      seconds: step * secondsPerStep,
    }
  })
  const letters = 'etaoinshrdlu mfwy,\n'
  const garble = (share: number) =>
    Array.from(text.repeat(2), (letter) =>
      random() < share ? letters[Math.floor(random() * letters.length)] : letter,
    ).join('')
  return {
    folder,
    state: 'finished',
    step: steps,
    steps,
    parameters: 10_795_776,
    tokensPerStep,
    options: {
      preset: 'decoder',
      tokenizer: 'char',
      data: 'shakespeare',
      layers: 6,
      heads: 6,
      embed: 384,
      blockSize: 256,
      dropout: 0.2,
      batchSize: 16,
      steps,
      learningRate: 1e-3,
      optimizer: 'adamw',
      schedule: 'cosine',
      warmup: 100,
      seed: 1337,
      device: 'cpu',
      ...options,
    },
    model: {
      kind: 'decoder',
      vocabSize: 65,
      blockSize: 256,
      layers: 6,
      heads: 6,
      embed: 384,
      dropout: 0.2,
    } as RunRecord['model'],
    data: {
      name: 'Tiny Shakespeare',
      digest: '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
      source: 'shakespeare',
      lineEndings: 'normalize',
      trainTokens: 1_003_854,
      validationTokens: 111_540,
      bytesPerToken: { train: 1, validation: 1 },
    },
    tokenizer: String(options.tokenizer ?? 'char'),
    bestValLoss: evaluations.at(-1)?.valLoss ?? null,
    started: '2026-03-01T10:00:00.000Z',
    updated: '2026-03-01T10:05:12.000Z',
    history: {
      steps: records,
      evaluations,
      samples: points.map((step) => ({ step, text: garble(0.95 * (1 + step / 80) ** -0.9) })),
      checkpoints: [{ step: steps, name: 'last.safetensors' }],
      sessions: [
        {
          step: 0,
          time: '2026-03-01T10:00:00.000Z',
          version: '0.1.0',
          device: 'cpu',
          machine: 'Linux x64, 8 cores',
          resumed: false,
        },
      ],
      warnings: [],
    },
    notices: [],
  }
}

/** The record without its evaluations and samples. */
export function withoutEvaluations(record: RunRecord): RunRecord {
  return { ...record, bestValLoss: null, history: { ...record.history, evaluations: [], samples: [] } }
}
