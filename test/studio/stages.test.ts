// The ten stages in the studio: what the page is told, and runs of stages.

import { readRun } from '../../lib/history/read'
import { stages } from '../../lib/stages'
import { diagramOf } from '../../lib/stages/diagram'
import { pictureOf } from '../../lib/studio/picture'
import { stageOf } from '../../lib/studio/stage_of'
import { plan, train } from '../../lib/train/train'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { type Client, type Listener, studioIn } from './client'

const folder = temporaryFolder()
const text = { name: 'My story.txt', text: someText() }
const runsFolder = () => folder.path(expect.getState().currentTestName!.replace(/\W+/g, '-'))

let client: Client & { reports: string[] }
let page: Listener
beforeEach(async () => {
  client = await studioIn(runsFolder())
  page = await client.listen()
})
afterEach(async () => {
  await client.studio.close()
  expect(client.reports).toEqual([])
})

const inState = (state: string) =>
  page.find(({ type, data }) => type === 'update' && data.status.state === state)

test('the page is told all about each stage', async () => {
  const { status, body } = await client.post('/api/stages', {})
  expect(status).toBe(200)
  expect(body.texts).toEqual(['Tiny Shakespeare', 'Moby Dick'])
  expect(body.stages.map(({ number }: { number: string }) => number)).toEqual(
    stages.map(({ number }) => number),
  )
  expect(body.stages[7]).toMatchObject({
    name: 'residual',
    title: 'A direct path',
    facts:
      '41,921 weights · 4 heads · 3 blocks · 32 windows of 8 characters per step · learning rate 0.001 · 5,000 steps',
    file: 'lib/stages/07_residual.ts',
    reference: { split: 'validation', losses: [[5000, 2.1338]] },
    isLong: false,
    canDemonstrate: false,
  })
  expect(body.stages[2]).toMatchObject({ numbers: null, reference: null, canDemonstrate: true })
  expect(body.stages.map(({ isLong }: { isLong: boolean }) => isLong)).toEqual(
    stages.map(({ number }) => number === '09'),
  )
})

test('a stage is run with its own options, and its run is known by them', async () => {
  const { status, body } = await client.post('/api/stages/start', { stage: '07', text, steps: 200 })
  expect([status, body]).toEqual([200, { id: 'Mystorytxt-0' }])
  const begun = page.events.find(({ type }) => type === 'run')!
  expect(begun.data).toMatchObject({ stage: '07', state: 'preparing' })
  await inState('finished')
  const run = await readRun(`${runsFolder()}/${body.id}`)
  expect(run.model).toMatchObject({ kind: 'residual', embed: 32, heads: 4, layers: 3, blockSize: 8 })
  expect(run.options).toMatchObject({ batchSize: 32, learningRate: 1e-3, steps: 200 })
  // Ten evaluations besides the first, with a sample each.
  const steps = Array.from({ length: 11 }, (_, i) => 20 * i)
  expect(run.history.evaluations.map(({ step }) => step)).toEqual(steps)
  expect(run.history.samples.map(({ step }) => step)).toEqual(steps)
  expect(JSON.parse((await client.ask(`/api/run?id=${body.id}`)).body)).toMatchObject({ stage: '07' })
  const late = await client.listen()
  const { data } = await late.find(({ type }) => type === 'snapshot')
  expect(data.runs).toMatchObject([{ id: body.id, stage: '07' }])
})

test('evaluations do not change what a stage learns', async () => {
  const { body } = await client.post('/api/stages/start', { stage: '01', text, steps: 100 })
  await inState('finished')
  const { history } = await readRun(`${runsFolder()}/${body.id}`)
  const run = train({ preset: 'bigram', data: text, steps: 100, evalInterval: 100 })
  await (await run).dispose()
  expect(history.evaluations.at(-1)!.valLoss).toBe(run.history().evaluations.at(-1)!.valLoss)
})

test('a run of the command line is known by its options, and another run is of no stage', async () => {
  for (const { name, number, numbers } of stages) {
    if (!numbers) continue
    const { model, training } = await plan({ preset: name as 'bigram', data: text, steps: 7, evalBatches: 1 })
    expect(stageOf(model, training)).toBe(number)
    expect(stageOf(model, { ...training, learningRate: 0.5 })).toBe(null)
    expect(stageOf({ ...model, embed: 48 } as typeof model, training)).toBe(null)
  }
  const { body } = await client.post('/api/start', {
    text,
    options: {
      ...{ layers: '1', heads: '1', embed: '8', blockSize: '8', batchSize: '4', steps: '20' },
      ...{ evalInterval: '20', evalBatches: '1', sampleTokens: '20' },
    },
  })
  await inState('finished')
  expect(JSON.parse((await client.ask(`/api/run?id=${body.id}`)).body).stage).toBe(null)
})

test('a stage shows what it computes besides its training', async () => {
  const notebook = await client.post('/api/stages/show', { stage: '00', text })
  const titles = notebook.body.shown.flatMap(({ kind, text: words }: { kind: string; text: string }) =>
    kind === 'title' ? [words] : [],
  )
  expect(titles).toEqual([
    'The text',
    'Characters and tokens',
    'Training and validation splits',
    'Contexts and targets',
    'A batch and an embedding table',
    'A bigram table and its loss before training',
    'Text generated before training',
  ])
  expect(notebook.body.shown[1]).toEqual({ kind: 'say', text: 'The text is My story.txt. It begins:' })
  const tricks = await client.post('/api/stages/show', { stage: '02' })
  const said = tricks.body.shown.map(({ text: words }: { text: string }) => words).join('\n')
  expect(said.match(/agree: the largest difference is/g)).toHaveLength(4)
  expect((await client.post('/api/stages/show', { stage: '07' })).body).toEqual({ shown: [] })
})

test.each([
  ['a stage that there is not', 'start', { stage: '10' }, 404, 'numbered 00 to 09'],
  ['a stage that is no text', 'show', { stage: 7 }, 404, 'numbered 00 to 09'],
  ['a stage that trains nothing', 'start', { stage: '02' }, 400, 'trains nothing'],
  ['the time of a stage that trains nothing', 'time', { stage: '02' }, 400, 'trains nothing'],
  ['steps that are none', 'start', { stage: '01', steps: 'many' }, 422, 'steps'],
  ['too few steps', 'start', { stage: '01', steps: 0 }, 422, 'steps'],
  ['a text that is none', 'start', { stage: '01', text: 5 }, 400, 'strings'],
] as const)('an error for %s', async (_, call, body, status, message) => {
  const answer = await client.post(`/api/stages/${call}`, body)
  expect([answer.status, answer.body.error.message]).toEqual([status, expect.stringContaining(message)])
})

test('while a run trains, no stage begins, and no time is measured', async () => {
  await client.post('/api/stages/start', { stage: '01', text, steps: 1_000_000 })
  for (const call of ['start', 'time']) {
    const { status } = await client.post(`/api/stages/${call}`, { stage: '03', text })
    expect([call, status]).toEqual([call, 409])
  }
  expect((await client.post('/api/stages/show', { stage: '02' })).status).toBe(200)
  await client.post('/api/stop', {})
  await inState('stopped')
})

test.each(stages.map((stage) => [stage.number, stage] as const))(
  'no boxes overlap in the picture of stage %s',
  (_, stage) => {
    const diagram = diagramOf(stage, 65)
    const { parts, frames, width, height, sentences } = pictureOf(diagram)
    type Box = (typeof frames)[number] | (typeof parts)[number]
    const overlaps = (a: Box, b: Box) =>
      a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
    const contains = (a: Box, b: Box) =>
      a.x < b.x && a.y < b.y && a.x + a.w > b.x + b.w && a.y + a.h > b.y + b.h
    parts.forEach((a, i) => {
      for (const b of parts.slice(i + 1)) expect(overlaps(a, b)).toBe(false)
      // A part is in the frames of its groups only.
      const inside = frames
        .filter((frame) => contains(frame, a))
        .map(({ title }) => title.replace(/ ×.*/, ''))
      const groups: string[] = []
      for (let at = diagram.parts[i].group; at >= 0; at = diagram.groups[at].group)
        groups.unshift(diagram.groups[at].label)
      expect(inside).toEqual(groups)
      for (const frame of frames) expect(overlaps(frame, a)).toBe(contains(frame, a))
    })
    const whole = { x: -1, y: 0, w: width + 2, h: height } as Box
    for (const box of [...parts, ...frames]) expect(contains(whole, box)).toBe(true)
    expect(sentences).toHaveLength(parts.length)
  },
)

test('the time of a step is measured once', async () => {
  // A small stage, so that it takes moments.
  const first = await client.post('/api/stages/time', { stage: '01', text })
  expect([first.status, first.body.secondsPerStep > 0]).toEqual([200, true])
  expect((await client.post('/api/stages/time', { stage: '01', text })).body).toEqual(first.body)
})

test('no time is measured while a step is rebuilt', async () => {
  const { body } = await client.post('/api/stages/start', { stage: '01', text, steps: 3000 })
  await inState('finished')
  const rebuilding = client.post('/api/rebuild', { id: body.id, step: 2999 })
  await page.find(({ type }) => type === 'rebuild')
  const { status, body: refused } = await client.post('/api/stages/time', { stage: '01', text })
  expect([status, refused.error.message]).toEqual([409, expect.stringContaining('being rebuilt')])
  await client.post('/api/rebuild/cancel', {})
  await rebuilding
})
