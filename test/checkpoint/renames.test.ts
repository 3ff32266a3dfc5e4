// Renamed options: files with the old names still load. For an old name in a call, the error gives
// the new one.

import { readFileSync, writeFileSync } from 'node:fs'
import { load, train } from '../../lib'
import { trainNames, trainOptions } from '../../lib/options'
import { renamed, rowOf } from '../../lib/options/check'
import { failureOf } from '../support/errors'
import { decoder, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const names = trainNames.flatMap((name) => {
  const { formerly } = rowOf(trainOptions, name)
  return formerly === undefined ? [] : [[formerly, name] as const]
})

test.each(names)('%s is now %s, and no option has the old name', async (old, name) => {
  expect(trainNames).not.toContain(old)
  const error = await failureOf(() => train({ [old]: 1 } as object))
  expect(error.message).toBe(`train: there is no option ${old}. Did you mean \`${name}\`?`)
})

test('an old name is left as it is if the file also has the new name', () => {
  const stored = { microBatches: 2, gradientAccumulationSteps: 3, average: 0.5 }
  expect(renamed(trainOptions, stored)).toEqual({
    microBatches: 2,
    gradientAccumulationSteps: 3,
    emaDecay: 0.5,
  })
})

test('a config.json with the old names gives the same run', async () => {
  const out = folder.path('run')
  const variants = { preset: 'gpt', logitSoftcap: 7, init: 'gpt2', normAffine: false } as const
  const training = {
    schedule: 'wsd',
    finalLearningRateFraction: 0.3,
    decayFraction: 0.5,
    emaDecay: 0.4,
  } as const
  const options = {
    ...decoder,
    ...variants,
    ...training,
    data: textFile(),
    steps: 2,
    device: 'js',
    out,
  } as const
  await (await train(options)).dispose()
  const back = new Map(names.map(([old, name]) => [name as string, old]))
  const config = JSON.parse(readFileSync(`${out}/config.json`, 'utf8')) as Record<string, unknown>
  const older = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [back.get(key) ?? key, value]),
  )
  expect(Object.keys(older)).toEqual(expect.arrayContaining(names.map(([old]) => old)))
  writeFileSync(folder.path('older.json'), JSON.stringify(older))
  await using again = await train({ config: folder.path('older.json') })
  await using first = await load(out, { checkpoint: 'last', device: 'js' })
  expect(again.info.training).toEqual(first.info.training)
  expect(again.config).toEqual(first.config)
})

function textFile(): string {
  const path = folder.path('text.txt')
  writeFileSync(path, 'the quick brown fox jumps over the lazy dog.\n'.repeat(40))
  return path
}
