// A folder of case files with their index, for nano-run and the scripts that run it.

import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Case, Reference } from './case'
import { encodeCase, expectationsOf } from './case_file'
import { describeCase } from './case_index'

/** Writes cases to `folder` and returns the paths of their files. */
export async function writeCases(
  folder: string,
  cases: readonly Case[],
  referenceOf: (it: Case) => Reference | Promise<Reference>,
): Promise<string[]> {
  mkdirSync(folder, { recursive: true })
  const files: string[] = []
  for (const [i, it] of cases.entries()) {
    const readable = it.name.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 60)
    const path = join(folder, `${String(i).padStart(4, '0')}-${readable}.case`)
    writeFileSync(path, encodeCase(it, expectationsOf(it, await referenceOf(it))))
    files.push(path)
  }
  // Written last: a folder with an index contains all cases.
  const index = cases.map((it, i) => JSON.stringify(describeCase(basename(files[i]), it)))
  writeFileSync(join(folder, 'cases.json'), `[\n${index.join(',\n')}\n]\n`)
  return files
}
