// The page of a report: one HTML file that needs no other. It embeds its data as JSON, its style, its
// script and the library that draws charts.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Comparison, compareRuns } from '../history/compare'
import type { RunRecord } from '../history/types'
import { version } from '../version'
import { type Extras, type PageRun, pageRun } from './data'

/** The parts of the page are not compiled, so that they are the same in dist/ and in lib/. */
const partsFolder = join(__dirname, '..', '..', 'lib', 'report')

/** What names the program in the head of a page. */
const generator = 'nano-gpt'
/** As many bytes of a page are enough to recognize it. */
const bytesOfHead = 512

/** Whether a file is a report, so that a newer one may replace it. */
export async function isReport(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined)
  try {
    const { buffer, bytesRead } = await file!.read(Buffer.alloc(bytesOfHead), 0, bytesOfHead, 0)
    return buffer.toString('utf8', 0, bytesRead).includes(`<meta name="generator" content="${generator} `)
  } catch {
    return false
  } finally {
    await file?.close()
  }
}

/** What the page's script reads. */
interface PageData {
  readonly version: string
  readonly runs: readonly PageRun[]
  /** null for a single run. */
  readonly comparison: Comparison | null
}

/** A run, and what its page shows beside its record. */
export interface ReportedRun {
  readonly record: RunRecord
  readonly extras?: Extras
}

/**
 * Makes the page of one or several runs. The same runs give the same bytes.
 *
 * The page loads nothing: its Content-Security-Policy forbids every request, and every script but the two
 * in it.
 */
export function reportPage(reported: readonly ReportedRun[]): string {
  const runs = reported.map(({ record, extras }) => pageRun(record, extras))
  const comparison = runs.length > 1 ? compareRuns(reported.map(({ record }) => record)) : null
  const data: PageData = { version, runs, comparison }
  const chart = chartLibrary()
  const style = `${chart.style}\n${part('page.css')}`
  const page = part('page.js')
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(chart.script)} ${hashOf(page)}`,
    // Charts set styles of elements, which no hash can name.
    "style-src 'unsafe-inline'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const values: Readonly<Record<string, string>> = {
    policy: escapeHtml(policy),
    generator: `${generator} ${version}`,
    title: escapeHtml(titleOf(runs)),
    data: escapeJson(JSON.stringify(data)),
    style,
    chart: chart.script,
    page,
  }
  return part('page.html').replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name])
}

function titleOf(runs: readonly PageRun[]): string {
  return runs.length === 1 ? runs[0].name : `${runs.length} runs compared`
}

function part(name: string): string {
  return readFileSync(join(partsFolder, name), 'utf8')
}

/** uPlot, with its license, which must accompany every copy. */
function chartLibrary(): { readonly script: string; readonly style: string } {
  const folder = dirname(require.resolve('uplot/package.json'))
  const read = (name: string) => readFileSync(join(folder, name), 'utf8').trim()
  return {
    script: `/*! uPlot\n${read('LICENSE')}\n*/\n${read('dist/uPlot.iife.min.js')}`,
    style: read('dist/uPlot.min.css'),
  }
}

/** The source of a Content-Security-Policy that allows one inline script. */
function hashOf(script: string): string {
  return `'sha256-${createHash('sha256').update(script).digest('base64')}'`
}

/** Text between tags, or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/**
 * JSON within a script element. `<` would end it (`</script`) or change how it is read (`<!--`). The
 * separators of lines and lone surrogates are escaped, so that no editor or encoder changes them.
 */
export function escapeJson(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029\u0085\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
