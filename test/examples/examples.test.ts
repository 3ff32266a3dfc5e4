// Each program of examples/ runs as its README says, with a small text and few steps.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from '../../lib/api/model'
import { train } from '../../lib/train/train'
import { ended, ensureBuilt } from '../cli/command'
import { decoder, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

jest.setTimeout(120_000)

const examples = join(__dirname, '..', '..', 'examples')
const folder = temporaryFolder()
const running: ChildProcessWithoutNullStreams[] = []

/** Starts an example where a reader has texts and runs. */
function start(name: string, args: readonly string[], env: Record<string, string> = {}) {
  const options = { cwd: folder.path(), env: { ...process.env, ...env } }
  const child = spawn(process.execPath, [join(examples, name), ...args], options)
  running.push(child)
  return child
}

beforeAll(async () => {
  ensureBuilt()
  writeFileSync(folder.path('my-notes.txt'), someText(20_000))
  writeFileSync(folder.path('letters.txt'), someText(3_000).split('\n').reverse().join('\n'))
  const options = { ...decoder, steps: 10, device: 'js', out: folder.path('runs', 'base') } as const
  await (await train(options)).dispose()
})
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})

test('the README has a command for each, and each says how it is run', async () => {
  const names = readdirSync(examples).filter((name) => name.endsWith('.mjs'))
  const page = readFileSync(join(examples, 'README.md'), 'utf8')
  const rows = [...page.matchAll(/^\| \[(.+)\]\((.+)\) \| .+ \| `node (\S+) .+` \|$/gm)]
  expect(rows.map((row) => row.slice(1))).toEqual(
    expect.arrayContaining(names.map((name) => [name, name, name])),
  )
  expect(rows).toHaveLength(names.length)
  for (const name of names) {
    expect(readFileSync(join(examples, name), 'utf8')).toContain(`//   node ${name} `)
    const { code, stdout, stderr } = await ended(start(name, []))
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(`^usage: node ${name} <.*>.*\n$`)])
  }
})

test('a text of your own', async () => {
  const { code, stdout, stderr } = await ended(start('own_text.mjs', ['my-notes.txt', '0.01', 'runs/notes']))
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^\d+ layers? of \d+ channels, \d+ steps\nstep 0: validation loss \d/)
  expect(stdout).toMatch(
    /In the style of my-notes\.txt:\n[\s\S]{300,}\n\nTo write more: .* --model runs\/notes\n$/,
  )
  expect(existsSync(folder.path('runs', 'notes', 'last.safetensors'))).toBe(true)
})

test('fine-tuning', async () => {
  const args = ['runs/base', 'letters.txt', '10', 'runs/letters']
  const { code, stdout, stderr } = await ended(start('fine_tune.mjs', args))
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^step 0: training \d.*\nstep 2: training/)
  expect(stdout).toMatch(/^step 10: training/m)
  expect(stdout).toMatch(/\nruns\/base:\n[\s\S]{200}\n\nruns\/letters:\n[\s\S]{200}\n$/)
})

test('a server streams texts, answers wrong options, and stops for a client that leaves', async () => {
  const child = start('server.mjs', ['runs/base'], { PORT: '0' })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const result = ended(child)
  const printed = async (pattern: RegExp) => {
    for (let tries = 0; !pattern.test(output); tries++) {
      if (child.exitCode !== null || tries > 3000) throw new Error(`no ${pattern} in ${output}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return output.match(pattern)!
  }
  const [url] = await printed(/^http:\S+/)
  const ask = (query: string, init: RequestInit = {}) => fetch(`${url}/?${query}`, init)

  const model = await load(folder.path('runs', 'base'))
  const prompts = ['The', 'A dog', 'cats']
  const wanted = []
  for (const prompt of prompts) wanted.push(await model.generate({ prompt, maxTokens: 40, seed: 3 }))
  await model.dispose()
  const answers = await Promise.all(
    prompts.map(async (prompt) => {
      const answer = await ask(`prompt=${encodeURIComponent(prompt)}&maxTokens=40&seed=3`)
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8'])
      return answer.text()
    }),
  )
  expect(answers).toEqual(wanted)

  for (const [query, message] of [
    ['maxTokens=0', 'stream: maxTokens is 0: must be at least 1\n'],
    ['maxTokens=many', 'stream: maxTokens is NaN: must be a number\n'],
    ['topk=3', 'stream: there is no option topk. Did you mean `topK`?\n'],
    ['prompt=%F0%9F%98%80', 'is not in the vocabulary'],
  ]) {
    const answer = await ask(query)
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(message)])
  }

  const leaving = new AbortController()
  const endless = await ask('maxTokens=100000000', { signal: leaving.signal })
  const reader = endless.body!.getReader()
  expect((await reader.read()).value!.length).toBeGreaterThan(0)
  leaving.abort()
  await printed(/a client has left, and its text has ended/)
  expect(await (await ask('prompt=The&maxTokens=40&seed=3')).text()).toBe(wanted[0])

  // The end of the server also ends texts in progress.
  const last = await ask('maxTokens=100000000')
  child.kill('SIGTERM')
  await expect(last.text()).rejects.toThrow()
  expect(await result).toMatchObject({ code: 0, stderr: '' })
})

test('a worker trains and posts its progress; Ctrl-C saves', async () => {
  const { code, stdout, stderr } = await ended(start('worker.mjs', ['my-notes.txt', '3', 'runs/worker']))
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^(step \d of 3: loss \d\.\d{3}\n)+\n[\s\S]{200}\n$/)

  const child = start('worker.mjs', ['my-notes.txt', '1000000', 'runs/stopped'])
  const result = ended(child)
  await new Promise((resolve) => child.stdout.once('data', resolve))
  child.kill('SIGINT')
  expect(await result).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/[\s\S]{200}\n$/) })
  expect(existsSync(folder.path('runs', 'stopped', 'last.safetensors'))).toBe(true)
  // What a worker throws ends the process.
  const failed = await ended(start('worker.mjs', ['missing.txt']))
  expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('missing.txt')])
})

test('a sweep trains the grid, and prints a row for each learning rate; a second call trains nothing', async () => {
  const rows = /\n(learning rate 0\.\d+: validation loss \d\.\d{3} ± \d\.\d{3} {2}.*\n){2}$/
  for (const trained of [6, 0]) {
    const { code, stdout, stderr } = await ended(start('sweep.mjs', ['my-notes.txt', '1', 'runs/rates']))
    expect([code, stderr]).toEqual([0, ''])
    const runs = stdout.match(/^\d of 6: learning-rate=0\.\d+,seed=[123]: \d\.\d{3}$/gm) ?? []
    expect([runs.length, stdout]).toEqual([trained, expect.stringMatching(rows)])
  }
})
