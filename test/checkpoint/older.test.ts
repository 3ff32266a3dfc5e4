// Run folders written by version 0.1.0, which predates the table of options. They load, resume with
// the same bits, and their config.json is accepted.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { load, train } from '../../lib'
import { eventsOf, lossesOf, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const written = join(__dirname, '..', 'fixtures', '0.1.0')
/**
 * The text of both runs. 0.1.0 kept line endings, so the carriage returns are in the vocabulary.
 */
const text = 'the quick brown fox jumps over the lazy dog.\r\n'.repeat(40)

/** The losses of steps 8 to 15 as 0.1.0 computed them on the device 'js'. */
const resumed = {
  decoder: [
    3.6049423217773438, 3.5714409351348877, 3.632303476333618, 3.496544361114502, 3.606506109237671,
    3.6670854091644287, 3.451803207397461, 3.565967321395874,
  ],
  gpt: [
    3.344398617744446, 3.4895561933517456, 3.3133490085601807, 3.260035753250122, 3.0371897220611572,
    3.364229202270508, 3.4012627601623535, 3.1460269689559937,
  ],
}

describe.each(['decoder', 'gpt'] as const)('a %s of 0.1.0', (name) => {
  const copy = (to: string) => {
    cpSync(join(written, name), folder.path(to), { recursive: true })
    return folder.path(to)
  }

  test('loads', async () => {
    await using model = await load(join(written, name), { device: 'js' })
    expect(model.info).toMatchObject({ step: 8, model: { kind: name, embed: 8, vocabSize: 30 } })
    expect(Number.isFinite(await model.loss(text.slice(0, 100)))).toBe(true)
  })

  test('resumes with the same losses and the original line endings', async () => {
    const run = train({ resume: copy(`${name}-resumed`), data: { text }, steps: 16, device: 'js' })
    const events = await eventsOf(run)
    await using model = await run
    expect(lossesOf(events)).toEqual(resumed[name])
    expect(model.tokenizer.vocabSize).toBe(30)
  })

  test('its config.json starts a run of the same model', async () => {
    const run = train({ config: join(written, name), data: { text }, steps: 2, device: 'js' })
    const [start] = await eventsOf(run)
    await using model = await run
    expect(start).toMatchObject({ type: 'start', steps: 2 })
    expect(model.config).toMatchObject({ kind: name, embed: 8, heads: 2, layers: 1, vocabSize: 30 })
  })
})
