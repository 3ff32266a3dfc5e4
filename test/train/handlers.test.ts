// An error in the code that handles a run's events ends the loop over them, and the process if nobody
// catches it. It never changes or damages the run.

import { spawn } from 'node:child_process'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import type { TrainEvent } from '../../lib/train/events'
import { train } from '../../lib/train/train'
import { compiled, ended, ensureBuilt } from '../cli/command'
import { expectSameBits } from '../support/bits'
import { onEveryDevice, onNative } from '../support/devices'
import { decoder, eventsOf, lossesOf, parametersOf, short, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()
const mistake = new Error('a mistake in the handler')

async function weightsOf(run: ReturnType<typeof train>) {
  await using model = await run
  return parametersOf(model)
}

/** How callers handle events, in the JavaScript of a child process. */
const loops = [
  'for await (const event of run) handle(event)',
  `const events = new (require('node:events'))().on('event', handle)
    for await (const event of run) events.emit('event', event)`,
  'for await (const event of run) await (async () => handle(event))()',
  'for await (const event of run) (async () => handle(event))()',
]

onEveryDevice('a handler', ({ name: device }) => {
  const options = { ...short, device, steps: 6, evalInterval: 3, sampleInterval: 3, sampleTokens: 3 }
  const types = ['start', 'step', 'evaluating', 'evaluation', 'sample', 'checkpoint', 'end'] as const

  test.each(types)('that throws at %s ends its loop, and neither the run nor another loop', async (type) => {
    const expected = train({ ...options, out: folder.path(`${device}-${type}-expected`) })
    const run = train({ ...options, out: folder.path(`${device}-${type}`) })
    const seen: TrainEvent[] = []
    const loop = (async () => {
      for await (const event of run) {
        seen.push(event)
        if (event.type === type) throw mistake
      }
    })()
    const other = eventsOf(run)
    await expect(loop).rejects.toBe(mistake)
    expect(seen.at(-1)).toMatchObject({ type })
    const [events, expectedEvents] = await Promise.all([other, eventsOf(expected)])
    expect(events.at(-1)).toMatchObject({ type: 'end', step: 6, stopped: false, saved: { step: 6 } })
    expect(lossesOf(events)).toEqual(lossesOf(expectedEvents))
    expectSameBits(await weightsOf(run), await weightsOf(expected))
  })
})

onNative('without a catch, a handler', ({ name: device }) => {
  const { data: _, ...sizes } = decoder
  const options = { ...sizes, device, steps: 100, evalInterval: 10, sampleInterval: 7, sampleTokens: 3 }
  const saving = { ...options, checkpointInterval: 15 }
  const types = ['step', 'evaluation', 'sample', 'checkpoint']

  /** Trains in a process whose handler fails at the first event of a type after a checkpoint. */
  function fail(loop: string, type: string, out: string) {
    const script = `(async () => {
      const { train } = require(${JSON.stringify(compiled('index.js'))})
      const run = train(${JSON.stringify({ ...saving, data: { text: someText() }, out })})
      let saved = false
      const handle = (event) => {
        saved ||= event.type === 'checkpoint'
        if (saved && event.type === '${type}') throw new Error('${mistake.message}')
      }
      ${loop}
      console.log('the loop ended')
    })()`
    ensureBuilt()
    return ended(spawn(process.execPath, ['-e', script]))
  }

  test('that throws or rejects ends the process, and the run resumes to the same bits', async () => {
    const expected = weightsOf(train({ ...options, data: decoder.data }))
    await Promise.all(
      types.map(async (type, i) => {
        const out = folder.path(`child-${type}`)
        const { code, stdout, stderr } = await fail(loops[i], type, out)
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
        expect(stderr).toContain(`Error: ${mistake.message}`)
        const { step } = (await readCheckpoint(out, 'last')).info
        expect(step).toBeGreaterThan(0)
        expect(step).toBeLessThan(options.steps)
        const run = train({ resume: out })
        const events = await eventsOf(run)
        expect(events.find(({ type }) => type === 'start')).toMatchObject({ step })
        expectSameBits(await weightsOf(run), await expected)
      }),
    )
  })
})
