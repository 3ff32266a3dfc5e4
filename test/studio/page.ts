// Modules of the page that need no browser.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/**
 * Runs code with an import of a module of the page.
 *
 * @param code an expression of `page`, the module, and of `given`, plain data
 * @returns the value of the expression, as plain data
 */
export function onPage<T>(module: string, code: string, given: unknown): T {
  const script = `
    import * as page from './lib/studio/page/${module}'
    const given = ${JSON.stringify(given)}
    console.log(JSON.stringify(${code}))`
  const cwd = join(__dirname, '..', '..')
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd })
  expect(String(stderr)).toBe('')
  return JSON.parse(String(stdout))
}
