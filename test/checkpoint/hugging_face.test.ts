// Models in Hugging Face folders: the logits and the greedy tokens of transformers, for the small models that
// scripts/torch/hugging_face.py writes; and folders that are refused.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluate, load, train } from '../../lib'
import type { Model } from '../../lib/api/model'
import { createModel } from '../../lib/architectures/create'
import { openSession } from '../../lib/backend/devices'
import { RecordLayout } from '../../lib/backend/records'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { decodeSafetensors, encodeSafetensors } from '../../lib/checkpoint/safetensors'
import { fromF16Bits } from '../../lib/graph/rounding'
import { Trace } from '../../lib/graph/trace'
import { loadWeights } from '../../lib/model/weights'
import { failureOf } from '../support/errors'
import { short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const golden = join(__dirname, '..', 'golden', 'hugging-face')
const names = readdirSync(golden).filter((name) => !name.endsWith('.json'))

interface Golden {
  readonly prompt: string
  readonly tokens: readonly number[]
  /** Every seventh, by position. */
  readonly logits: readonly (readonly number[])[]
  readonly greedy: readonly number[]
  readonly text: string
}
const goldenOf = (name: string): Golden => JSON.parse(readFileSync(join(golden, name, 'golden.json'), 'utf8'))

/** A copy of the folder of a model, with its tokenizer. */
function copyOf(name: string, change: (config: Record<string, unknown>) => void = () => {}): string {
  const path = folder.path(name)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path)
  for (const file of readdirSync(join(golden, name))) copyFileSync(join(golden, name, file), join(path, file))
  copyFileSync(join(golden, 'tokenizer.json'), join(path, 'tokenizer.json'))
  const config = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'))
  change(config)
  writeFileSync(join(path, 'config.json'), JSON.stringify(config))
  return path
}

/** The logits of tokens at all positions, in rows. */
async function logitsOf(path: string, device: string, tokens: readonly number[]): Promise<number[][]> {
  const checkpoint = await readCheckpoint(path)
  const { model, parameters } = createModel(checkpoint.info.model)
  const session = await openSession({ device })
  try {
    await loadWeights(session, parameters, checkpoint)
    const trace = new Trace('logits')
    trace.output('logits', model.forward(trace.input('tokens', 'i32', [1, tokens.length])))
    const program = trace.finish()
    const handle = await session.compile(program)
    const inputs = new RecordLayout(program, 'input').pack([{ tokens }])
    const { outputs } = await session.run(1, [{ program: handle, times: 1, inputs }])
    const logits = [...new RecordLayout(program, 'output').unpack(outputs[0], 'logits')]
    const { vocabSize } = checkpoint.info.model
    return tokens.map((_, t) => logits.slice(t * vocabSize, (t + 1) * vocabSize))
  } finally {
    await session.dispose()
  }
}

test('there are five models of each architecture', () => {
  for (const kind of ['gpt2', 'llama']) expect(names.filter((name) => name.startsWith(kind))).toHaveLength(5)
})

describe.each(['js', 'cpu'])('on %s', (device) => {
  test.each(names)('%s has the logits and the greedy tokens of transformers', async (name) => {
    const { tokens, logits, prompt, greedy, text } = goldenOf(name)
    const path = copyOf(name)
    const found = await logitsOf(path, device, tokens)
    for (const [t, row] of logits.entries()) {
      const own = found[t].filter((_, at) => at % 7 === 0)
      expect(own).toHaveLength(row.length)
      for (const [at, value] of row.entries()) expect(Math.abs(own[at] - value)).toBeLessThan(2e-5)
    }
    await using model = await load(path, { device: device as 'js' })
    const [completion] = await model.complete({ prompt, temperature: 0, maxTokens: greedy.length })
    expect([...completion.tokens]).toEqual(greedy)
    expect(completion.text).toBe(text)
  })
})
