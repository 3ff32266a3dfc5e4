// report(), and the report that every run with a folder ends with.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainOptions } from '../../lib/options'
import type { PageRun } from '../../lib/report/data'
import { report } from '../../lib/train/report'
import { train } from '../../lib/train/train'
import { failureOf } from '../support/errors'
import { decoder, eventsOf, ofType, short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const sampling = { sampleInterval: 5, sampleTokens: 20 }

async function trained(name: string, options: TrainOptions): Promise<string> {
  const out = folder.path(name)
  await (await train({ ...options, ...sampling, device: 'js', out })).dispose()
  return out
}

function runsIn(path: string): PageRun[] {
  const html = readFileSync(path, 'utf8')
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]).runs
}

describe('at the end of a run', () => {
  test('the page has its curves, samples, options and the losses of the validation text', async () => {
    const out = await trained('first', decoder)
    const [run] = runsIn(join(out, 'report.html'))
    expect(run).toMatchObject({
      name: expect.stringMatching(/first$/),
      state: 'finished',
      step: 10,
      steps: 10,
    })
    expect(run.training.step).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(run.evaluations.step).toEqual([0, 5, 10])
    expect(run.samples.map(({ step }) => step)).toEqual([0, 5, 10])
    expect(run.options).toMatchObject({ seed: 7, layers: 2 })
    expect(run.data.digest).toMatch(/^[0-9a-f]{64}$/)
    const { step, pieces } = run.text!
    expect(step).toBe(10)
    expect(pieces).toHaveLength(decoder.batchSize! * 2 * decoder.blockSize!) // as many as in a step
    expect(run.times).toBeUndefined()
  })

  test('the losses are those of the model', async () => {
    const out = folder.path('same')
    await using model = await train({ ...short, device: 'js', out })
    const [{ text }] = runsIn(join(out, 'report.html'))
    const losses = await model.tokenLosses(text!.pieces.map(([piece]) => piece).join(''))
    expect(text!.pieces.slice(1).map(([, loss]) => loss)).toEqual(
      [...losses].map((loss) => Number(loss.toFixed(3))),
    )
  })

  test('a run from the weights of another says which tokens it has, and its adapters', async () => {
    const base = folder.path('base')
    await (await train({ ...decoder, tokenizer: 'byte', device: 'js', out: base })).dispose()
    const out = folder.path('adapted')
    const options = { from: base, data: decoder.data, steps: 5, loraRank: 2, device: 'js', out } as const
    await (await train(options)).dispose()
    const [run] = runsIn(join(out, 'report.html'))
    expect(run).toMatchObject({ unit: 'byte', tokenizer: 'byte', options: { from: base, loraRank: 2 } })
    expect(run.model).toMatchObject({ lora: { rank: 2, alpha: 4 } })

    // The base has moved.
    const moved = folder.path('moved')
    renameSync(base, moved)
    const without = await report(out, { device: 'js', timings: false, out: folder.path('without.html') })
    expect(without.missing).toEqual([expect.stringContaining('base')])
    const { missing, path } = await report(out, { base: moved, device: 'js', out: folder.path('with.html') })
    expect(missing).toEqual([])
    expect(runsIn(path)[0].text!.step).toBe(run.text!.step)
  })

  test('a run that is stopped has one too, without those losses', async () => {
    const out = folder.path('stopped')
    const run = train({ ...short, steps: 1000, device: 'js', out })
    for await (const event of run) if (event.type === 'evaluation' && event.step === 5) run.stop()
    await (await run).dispose()
    const [page] = runsIn(join(out, 'report.html'))
    expect(page.state).toBe('stopped')
    expect(page.text).toBeUndefined()
  })

  test('a run that fails has one that says why', async () => {
    const out = folder.path('failed')
    const options = { ...short, optimizer: 'sgd', learningRate: 1e30, steps: 50, device: 'js', out } as const
    const error = await failureOf(() => train(options))
    expect(error.code).toBe('non_finite')
    const [page] = runsIn(join(out, 'report.html'))
    expect(page).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('a value that is not finite'),
    })
  })

  test('a page that cannot be written is a warning', async () => {
    const out = folder.path('blocked')
    const run = train({ ...short, device: 'js', out })
    const reading = eventsOf(run)
    for await (const event of run.events) {
      if (event.type === 'start') mkdirSync(join(out, 'report.html'))
    }
    await (await run).dispose()
    const events = await reading
    expect(events.at(-1)!.type).toBe('end')
    const [warning] = ofType(events, 'warning')
    expect(warning.code).toBe('write_failed')
    expect(String(warning.message)).toMatch(/^the report is not written: cannot write .*report\.html/)
  })

  test('without a folder there is none', async () => {
    const before = await readdir('.')
    await (await train({ ...short, device: 'js' })).dispose()
    expect(await readdir('.')).toEqual(before)
  })

  test('a resumed run replaces it, and overwrite removes it, but nothing that only has its name', async () => {
    const out = await trained('again', short)
    await (await train({ resume: out, steps: 20, device: 'js' })).dispose()
    expect(runsIn(join(out, 'report.html'))[0].step).toBe(20)
    writeFileSync(join(out, 'report.html'), '<!doctype html><title>mine</title>')
    const resumed = await failureOf(() => train({ resume: out, steps: 30, device: 'js' }))
    expect([resumed.code, resumed.reason]).toEqual([
      'foreign_files',
      'its folder contains report.html, which no run wrote',
    ])
    const replaced = await failureOf(() => train({ ...short, out, overwrite: true, device: 'js' }))
    expect(replaced.code).toBe('foreign_files')
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('mine')
  })
})

describe('report()', () => {
  test('adds the times of a step, and the losses of the best checkpoint', async () => {
    const out = await trained('whole', decoder)
    const { path, bytes, runs, missing } = await report(out, { device: 'js' })
    expect(missing).toEqual([])
    expect([path, runs]).toEqual([join(out, 'report.html'), [out]])
    expect(readFileSync(path).length).toBe(bytes)
    const [run] = runsIn(path)
    expect(run.text!.step).toBe(run.best!.step)
    const { device, ms, ops } = run.times!
    expect(device).toBe('js')
    expect(ops.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['matrix products', 'attention', 'optimizer']),
    )
    const inOps = ops.reduce((sum, op) => sum + op.ms, 0)
    expect(inOps).toBeGreaterThan(0)
    expect(inOps).toBeLessThanOrEqual(ms)
  })

  test('compares several runs, and measures nothing unless asked', async () => {
    const [a, b] = [await trained('a', short), await trained('b', { ...short, learningRate: 0.01 })]
    const out = folder.path('both.html')
    await report([a, b], { out, losses: false, timings: false })
    const runs = runsIn(out)
    expect(runs.map(({ folder }) => folder)).toEqual([a, b])
    for (const run of runs) expect([run.text, run.times]).toEqual([undefined, undefined])
  })

  test('what cannot be computed is left out, and told', async () => {
    const out = folder.path('gone')
    const text = folder.path('text.txt')
    writeFileSync(text, 'to be or not to be, that is the question. '.repeat(40))
    await (await train({ ...short, data: text, device: 'js', out })).dispose()
    writeFileSync(text, '')
    const { path, missing } = await report(out, { device: 'js' })
    expect(missing).toHaveLength(2)
    expect(missing[0]).toMatch(/gone: The losses of the validation text are missing: .*text\.txt/)
    expect(missing[1]).toMatch(/gone: The times of its steps are missing: .*text\.txt/)
    const [run] = runsIn(path)
    expect(run.notices).toHaveLength(2)
    expect(run.training.step).toHaveLength(10)
  })

  test('refuses a folder without a run, no run, and a file that is no report', async () => {
    const none = await failureOf(() => report(folder.path('nowhere')))
    expect(none.code).toBe('file_not_found')
    const empty = await failureOf(() => report([]))
    expect(empty.message).toMatch(/^report: runs is an array: must not be empty/)
    const out = folder.path('mine.html')
    writeFileSync(out, '<!doctype html><title>mine</title>')
    const run = await trained('fine', short)
    const foreign = await failureOf(() => report(run, { out }))
    expect([foreign.code, foreign.reason]).toEqual(['foreign_files', 'it exists, and it is not a report'])
    expect(readFileSync(out, 'utf8')).toContain('mine')
  })

  test('ends with its signal', async () => {
    const out = await trained('signal', short)
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(report(out, { signal, device: 'js' })).rejects.toThrow('enough')
  })
})
