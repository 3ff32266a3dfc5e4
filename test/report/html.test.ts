// The page of a report: what it embeds, and that nothing in a run can break out of its data.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import type { RunRecord } from '../../lib/history/types'
import { escapeHtml, escapeJson, reportPage } from '../../lib/report/html'
import { runRecord, withoutEvaluations } from '../support/run_records'

const dataOf = (html: string) => /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]
const pageOf = (...records: RunRecord[]) => reportPage(records.map((record) => ({ record })))
/** What the page contains beside its data. */
const shell = (html: string) => html.replace(dataOf(html), '')

const hostile = '</script><script>alert(1)</script><!-- & \u2028 \u2029 ]]> {{page}} $& "\'\\'

function withSample(text: string): RunRecord {
  const record = runRecord({ steps: 10, evalInterval: 5 })
  return { ...record, history: { ...record.history, samples: [{ step: 0, text }] } }
}

test('a page is complete: no file, no address, and no script that it does not name', () => {
  const html = pageOf(runRecord())
  const head = shell(html)
  expect(head).not.toMatch(/<(link|img|iframe|object|embed)\b/)
  expect(head).not.toMatch(/\s(src|href)="(?!#)/)
  expect(head).not.toMatch(/@import|url\(/)
  expect(head).not.toMatch(/\son\w+="/)
  expect(head.match(/<script/g)).toHaveLength(3)
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/
    .exec(html)![1]
    .replaceAll('&#39;', "'")
  expect(policy).toContain("default-src 'none'")
  const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script]) => script)
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`)
  expect(policy).toContain(`script-src ${hashes.join(' ')};`)
})

test('it names the license of the library that draws its charts', () => {
  expect(pageOf(runRecord())).toMatch(/uPlot\n.*MIT License.*Copyright \(c\) \d+ Leon Sorokin/s)
})

test('without its data it has at most 400 kB', () => {
  expect(Buffer.byteLength(shell(pageOf(runRecord())))).toBeLessThan(400_000)
})

test('every section is there, and every part that the script fills', () => {
  const html = pageOf(runRecord())
  const script = html.slice(html.lastIndexOf('<script>'))
  for (const id of ['comparison', 'learning', 'samples', 'surprise', 'time', 'card'])
    expect(html).toContain(`<section id="${id}"`)
  const ids = new Set([...html.matchAll(/ id="([\w-]+)"/g)].map(([, id]) => id))
  for (const [, id] of script.matchAll(/byId\('([\w-]+)'\)/g)) expect(ids).toContain(id)
  for (const [, id] of script.matchAll(/addChart\('([\w-]+)'/g)) expect(ids).toContain(id)
})

test('no text of a run ends the data, or is read as a page', () => {
  const html = pageOf({ ...withSample(hostile), folder: hostile, reason: hostile })
  expect(dataOf(html)).not.toMatch(/[<>&\u2028\u2029]/)
  const { runs } = JSON.parse(dataOf(html))
  expect(runs[0].samples[0].text).toBe(hostile)
  expect(runs[0].folder).toBe(hostile)
  expect(html.match(/<script/g)).toHaveLength(3)
  expect(/<title>(.*)<\/title>/s.exec(html)![1]).not.toMatch(/[<>]/)
})

test('any text survives in the data', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = escapeJson(JSON.stringify(text))
      expect(json).not.toMatch(/[<>&\u2028\u2029]/)
      expect(JSON.parse(json)).toBe(text)
    }),
  )
})

test('any text is one text in HTML', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const html = escapeHtml(text)
      expect(html).not.toMatch(/[<>"']|&(?!#\d+;)/)
      const read = html.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
      expect(read).toBe(text)
    }),
  )
})

test('the same runs give the same bytes', () => {
  expect(pageOf(runRecord(), runRecord({ folder: 'runs/b' }))).toBe(
    pageOf(runRecord(), runRecord({ folder: 'runs/b' })),
  )
})

test('a title names the run, or the number of runs', () => {
  expect(pageOf(runRecord())).toContain('<title>runs/first</title>')
  expect(pageOf(runRecord(), runRecord({ folder: 'runs/b' }))).toContain('<title>2 runs compared</title>')
})

test('a run without evaluations or samples has a page', () => {
  const { runs, comparison } = JSON.parse(dataOf(pageOf(withoutEvaluations(runRecord()))))
  expect(runs[0]).toMatchObject({ best: null, samples: [], evaluations: { step: [] } })
  expect(comparison).toBeNull()
})

test('a long history makes no large page', () => {
  const record = runRecord({ steps: 200_000, evalInterval: 20 })
  expect(record.history.evaluations.length).toBeGreaterThan(10_000)
  const samples = record.history.samples.map(({ step }) => ({ step, text: 'x'.repeat(1000) }))
  const html = pageOf({ ...record, history: { ...record.history, samples } })
  expect(dataOf(html).length).toBeLessThan(400_000)
})
