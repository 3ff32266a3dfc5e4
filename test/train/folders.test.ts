// The files in a run folder. Files of another run are replaced only with `overwrite`. Files that no
// run wrote are never replaced.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { lstat, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { evaluate, load, NanoGptError, type TrainOptions, train } from '../../lib'
import { loadText } from '../../lib/data/corpus'
import { withConfig } from '../../lib/train/config_file'
import { runChild } from '../support/child'
import { failureOf } from '../support/errors'
import { short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const small = { ...short, steps: 4, device: 'js' } as const
const text = 'the quick brown fox jumps over the lazy dog.\n'.repeat(40)

async function run(options: TrainOptions) {
  await using model = await train({ ...small, ...options })
  return model.info
}

/** A run that stores its text in its folder. */
async function keeping(name: string, data: TrainOptions['data'] = { text }) {
  const out = folder.path(name)
  await run({ data, out })
  return out
}

describe('overwriting a run keeps its text if the new run uses it', () => {
  test.each([
    ['named by config', (out: string): TrainOptions => ({ config: out, data: undefined })],
    ['named as data', (out: string): TrainOptions => ({ data: `${out}/text.txt` })],
    ['one of several', (out: string): TrainOptions => ({ data: [`${out}/text.txt`, { text: 'more' }] })],
  ])('%s', async (name, options) => {
    const out = await keeping(name)
    await run({ ...options(out), out, overwrite: true })
    expect(readFileSync(`${out}/text.txt`, 'utf8').slice(0, text.length)).toBe(text)
    expect((await evaluate({ model: out, device: 'js' })).valLoss).toBeGreaterThan(0)
  })
})

test('a text.txt that no run wrote is not replaced', async () => {
  const out = folder.path('mine')
  const file = folder.path('file.txt')
  writeFileSync(file, text)
  await run({ data: file, out })
  writeFileSync(`${out}/text.txt`, 'mine')
  const error = await failureOf(() => train({ ...small, data: file, out, overwrite: true }))
  expect(error).toMatchObject({ code: 'foreign_files', option: 'out', value: out })
  expect(error.reason).toBe('it contains text.txt, which no run wrote')
  expect(readFileSync(`${out}/text.txt`, 'utf8')).toBe('mine')
})

test('a run resumed into the folder of another run replaces all of its files', async () => {
  const [first, second] = [await keeping('first'), await keeping('second')]
  await run({ data: { text: `${text}#` }, out: second, overwrite: true, steps: 6 })
  await using model = await train({ resume: first, out: second, overwrite: true, steps: 8, device: 'js' })
  expect(JSON.parse(readFileSync(`${second}/config.json`, 'utf8'))).toMatchObject({ steps: 8 })
  await using saved = await load(second, { device: 'js' })
  expect(saved.tokenizer.vocabSize).toBe(model.tokenizer.vocabSize)
  expect(readFileSync(`${second}/text.txt`, 'utf8')).toBe(text)
})

test('a run resumed into a new folder writes a config.json there', async () => {
  const first = await keeping('origin')
  const out = folder.path('elsewhere')
  await (await train({ resume: first, out, steps: 6, device: 'js' })).dispose()
  expect(
    (
      await run({
        config: out,
        data: undefined,
        steps: undefined,
        preset: undefined,
        batchSize: undefined,
        evalInterval: undefined,
        evalBatches: undefined,
        seed: undefined,
      })
    ).step,
  ).toBe(6)
})

test('resuming from another checkpoint does not overwrite the last.safetensors beside it', async () => {
  const out = await keeping('beside')
  cpSync(`${out}/last.safetensors`, `${out}/mine.safetensors`)
  for (const name of ['mine', 'best']) {
    const resume = `${out}/${name}.safetensors`
    const error = await failureOf(() => train({ resume, steps: 6, device: 'js' }))
    expect(error).toMatchObject({ code: 'run_exists', option: 'resume', value: resume })
    expect(error.message).toContain(
      `the run would overwrite ${out}/last.safetensors. Give a new folder as \`out\``,
    )
  }
  await (await train({ resume: `${out}/last.safetensors`, steps: 6, device: 'js' })).dispose()
})

test.each([
  ['a byte order mark', `\uFEFF${text}`],
  ['a zero', `${text}\0`],
  ['zeros that look like UTF-16', 'a\0b\0'.repeat(200)],
  ['the beginning of a PDF', `%PDF-1.4 ${text}`],
  ['the beginning of an archive', `PK\x03\x04${text}`],
])('a stored text with %s is read back unchanged', async (name, data) => {
  const out = await keeping(`kept ${name}`, { text: data })
  const read = await loadText({ kept: `${out}/text.txt` }, { lineEndings: 'keep' })
  expect(read.text).toBe(data)
  await using model = await train({ resume: out, steps: 6, device: 'js' })
  expect(model.info.step).toBe(6)
  await evaluate({ model: out, device: 'js' })
  expect((await run({ config: out, data: undefined })).data!.digest).toBe(model.info.data!.digest)
})

test('a config.json of another program does not count as a run’s, whatever its contents', async () => {
  const out = folder.path('other')
  mkdirSync(out)
  const theirs = '{"model":"resnet","steps":1000,"batchSize":64,"seed":3,"device":"cuda"}'
  writeFileSync(`${out}/config.json`, theirs)
  expect((await failureOf(() => train({ ...small, out }))).code).toBe('foreign_files')
  expect(readFileSync(`${out}/config.json`, 'utf8')).toBe(theirs)
})

describe('texts named in a config file', () => {
  test('the text stored by the run is read from beside the file, never from the current folder', async () => {
    const out = await keeping('moved')
    const copy = folder.path('copy')
    cpSync(out, copy, { recursive: true, filter: (path) => !path.endsWith('text.txt') })
    const before = process.cwd()
    try {
      process.chdir(folder.path())
      writeFileSync('text.txt', 'of the current folder')
      const error = await failureOf(() => train({ config: copy }))
      expect(error).toMatchObject({ code: 'data_not_found', value: `${copy}/text.txt` })
    } finally {
      process.chdir(before)
    }
  })

  test('a corpus takes precedence over a file of the same name', async () => {
    mkdirSync(folder.path('written', 'shakespeare'), { recursive: true })
    writeFileSync(folder.path('written', 'c.json'), '{ "data": "shakespeare" }')
    expect((await withConfig({ config: folder.path('written', 'c.json') })).data).toEqual(['shakespeare'])
  })

  test('a binary file as `config`: the error says what `config` takes', async () => {
    const out = await keeping('binary')
    const error = await failureOf(() => train({ config: `${out}/last.safetensors` }))
    expect(error.code).toBe('config')
    expect(error.remedy).toBe('`config` takes a run folder or a JSON file with options of train()')
  })
})

test('a path that cannot be a folder is rejected, and the error names it', async () => {
  const file = folder.path('a file')
  writeFileSync(file, text)
  for (const out of [file, `${file}/x`, folder.path('x'.repeat(300))]) {
    const error = await failureOf(() => train({ ...small, out }))
    expect(error).toMatchObject({ code: 'write_failed', option: 'out', value: out })
  }
  expect(existsSync(file)).toBe(true)
})

test('a path to resume that cannot be examined is reported as a missing checkpoint', async () => {
  const file = folder.path('no folder')
  writeFileSync(file, text)
  for (const resume of [`${file}/x`, 'x'.repeat(300)]) {
    const error = await failureOf(() => train({ resume, device: 'js' }))
    expect(error).toBeInstanceOf(NanoGptError)
    expect(error.code).toBe('file_not_found')
  }
})

test('modifying an event does not affect the run', async () => {
  const running = train(small)
  for await (const event of running) {
    if (event.type === 'start') (event.plan.training as { steps: number }).steps = 1
  }
  await using model = await running
  expect(model.info.step).toBe(4)
  expect(model.info.training!.steps).toBe(4)
})

test('files follow the umask of the process', async () => {
  const out = folder.path('umask')
  const { code } = await runChild(`
    process.umask(0o077)
    await (await nano.train({ data: { text }, preset: 'bigram', device: 'js', steps: 2, batchSize: 4, evalBatches: 1, out: ${JSON.stringify(out)} })).dispose()
  `)
  expect(code).toBe(0)
  for (const name of ['config.json', 'last.safetensors', 'text.txt']) {
    expect([name, (await stat(join(out, name))).mode & 0o777]).toEqual([name, 0o600])
  }
})

test('links in a run folder are replaced, and never followed', async () => {
  const out = folder.path('links')
  await mkdir(out)
  const victim = folder.path('victim')
  await writeFile(victim, 'mine')
  const names = ['last.safetensors', 'best.safetensors', 'step-1.safetensors']
  for (const name of names) await symlink(victim, join(out, name))
  const run = { ...short, device: 'js', steps: 3, evalInterval: 2, checkpointInterval: 1, out } as const
  await (await train({ ...run, overwrite: true })).dispose()
  expect(await readFile(victim, 'utf8')).toBe('mine')
  for (const name of ['config.json', 'last.safetensors']) {
    expect((await lstat(join(out, name))).isFile()).toBe(true)
  }
})
