// Tables of results, and comparison with a saved file.

import { writeFileSync } from 'node:fs'
import { changeOf, differences, readBaseline, saveResults } from '../../lib/bench/file'
import { achieved } from '../../lib/bench/peak'
import { figures, linesOf, titles, totalOf } from '../../lib/bench/report'
import type { Result } from '../../lib/bench/result'
import { groupOps } from '../../lib/bench/roofline'
import { Trace } from '../../lib/graph/trace'
import { add, matmul } from '../../lib/ops'
import { temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const step: Result = {
  kind: 'steps',
  name: '09',
  preset: 'decoder',
  device: 'cpu',
  threads: 2,
  batchSize: 8,
  ms: 880.61,
}
const plain = { torch: false, baseline: false }

test('figures() rounds to about four significant digits', () => {
  expect([0.05712, 9.9996, 12.345, 123.45, 12345.6, NaN].map(figures)).toEqual([
    '0.057',
    '10.000',
    '12.35',
    '123.5',
    '12,346',
    '–',
  ])
})

test('titles align with their columns', () => {
  const [line] = linesOf(step, plain)
  const head = titles('steps', plain)
  expect(line).toMatch(/^09 +decoder +8 +880\.6$/)
  expect(head.length).toBe(line.length)
  expect(head.indexOf('preset')).toBe(line.indexOf('decoder'))
})

test('one line per comparison, then one for peak memory', () => {
  const compared = (variant: string, ratio: number, peakBytes: number) => ({
    variant,
    ms: ratio * step.ms,
    ratio,
    ratios: [ratio, ratio],
    peakBytes,
  })
  const torch = [compared('reference', 1.5, 9e9), compared('fused', 1.25, 3e9)]
  const lines = linesOf({ ...step, torch, peakBytes: 2e9 }, { torch: true, baseline: false })
  expect(lines).toHaveLength(3)
  expect(lines[0]).toMatch(/^09 .* 880\.6 +reference +1,321 +1\.50 +1\.50 1\.50$/)
  expect(lines[1]).toMatch(/^ +fused +1,101 +1\.25/)
  expect(lines[1].indexOf('fused')).toBe(lines[0].indexOf('reference'))
  expect(lines[2].trim()).toBe('peak memory: nano-gpt 2.00 GB, reference 9.00 GB, fused 3.00 GB')
})

test('the bound is the slower of compute and memory traffic', () => {
  const peak = { flopsPerSecond: 100e9, bytesPerSecond: 10e9 }
  // 1 ms of compute and 0.5 ms of memory traffic; the measured time is 4 ms.
  expect(achieved({ flops: 1e8, bytes: 5e6 }, 4, peak)).toEqual({
    flopsPerSecond: 25e9,
    bytesPerSecond: 1.25e9,
    share: 0.25,
    limit: 'compute',
  })
  expect(achieved({ flops: 1e6, bytes: 2e7 }, 4, peak)).toMatchObject({ share: 0.5, limit: 'memory' })
  expect(achieved({ flops: 1e6, bytes: 2e7 }, 4, undefined)).not.toHaveProperty('share')
  const total = { ...step, kind: 'roofline', flopsPerSecond: 160e9, share: 0.8, peak } as const
  expect(totalOf(total)).toBe(
    '09: 880.6 ms/step, 160.0 GFLOP/s, 80.0% of the peak (100.0 GFLOP/s and 10.0 GB/s, measured with 2 threads)',
  )
  expect(totalOf({ ...total, device: 'cuda' })).toMatch(
    /measured with a large matrix product and a large copy\)$/,
  )
})

test('ops with the same sizes form one group; the slowest group is first', () => {
  const trace = new Trace('t')
  const x = trace.store('x', 'f32', [4, 4])
  const y = add(matmul(matmul(x, x), x), x)
  matmul(y, x, false, true)
  const groups = groupOps([trace.finish()], [[1, 2, 10, 5]])
  expect(groups.map(({ name, calls, ms }) => [name, calls, ms])).toEqual([
    ['add [4,4]', 1, 10],
    ['matmul [4,4]·[4,4]ᵀ', 1, 5],
    ['matmul [4,4]·[4,4]', 2, 3],
  ])
  expect(groups[2].cost).toEqual({ flops: 256, bytes: 384 })
})

describe('a baseline', () => {
  test('a saved file can be read again; a ratio is before / now', async () => {
    const path = folder.path('saved.json')
    await saveResults(path, [step], { torch: '2.13.0' })
    const saved = await readBaseline(path)
    expect(saved).toMatchObject({
      type: 'nano-gpt bench',
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      machine: { platform: `${process.platform}-${process.arch}`, cores: expect.any(Number) },
      versions: { node: process.version, torch: '2.13.0' },
      results: [step],
    })
    const faster = { ...step, ms: step.ms / 2 }
    expect(changeOf(faster, saved)).toEqual({ ms: step.ms, ratio: 2 })
    expect(changeOf({ ...step, kind: 'ops' }, saved)).toBeUndefined()
    const [line] = linesOf(faster, { torch: false, baseline: true }, changeOf(faster, saved))
    expect(line).toMatch(/440\.3 +880\.6 +2\.00$/)
    expect(linesOf(faster, { torch: false, baseline: true })[0]).toMatch(/new$/)
    expect(differences(faster, saved)).toEqual([])
    expect(differences({ ...faster, threads: 4, batchSize: 64 }, saved)).toEqual([
      'threads 2 (now 4)',
      'batch size 8 (now 64)',
    ])
  })

  test.each(['', '{}', '[1]', '{"type":"nano-gpt bench","version":1}'])('%j is rejected', async (text) => {
    const path = folder.path('bad.json')
    writeFileSync(path, text)
    await expect(readBaseline(path)).rejects.toMatchObject({
      code: 'baseline',
      message: expect.stringContaining('`save`'),
    })
  })

  test('the error for a missing file names it', async () => {
    await expect(readBaseline(folder.path('none.json'))).rejects.toMatchObject({
      code: 'file_not_found',
      message: expect.stringContaining('none.json'),
    })
  })
})
