// The score of the guessing game, which is a module of the browser: it has to be a loss in nats like a model's.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Numbers } from '../support/numeric'

const levels = ['no idea', 'think so', 'sure']
const starts = [0.15, 0.5, 0.9]

interface Guess {
  readonly guess: string
  readonly truth: string
  readonly level: string
}
interface Case {
  readonly guess: Guess
  readonly earlier: readonly { level: string; isRight: boolean }[]
  readonly shares: Readonly<Record<string, number>>
}

/** What guess_math.mjs computes. */
function lossesOf(cases: readonly Case[]): number[] {
  const script = `
    import { readFileSync } from 'node:fs'
    import { lossOf } from './lib/studio/page/guess_math.mjs'
    const cases = JSON.parse(readFileSync(0, 'utf8'))
    console.log(JSON.stringify(cases.map(({ guess, earlier, shares }) => lossOf(guess, earlier, shares))))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: join(__dirname, '..', '..'),
    input: JSON.stringify(cases),
    maxBuffer: 1 << 24,
  })
  expect(String(stderr)).toBe('')
  return JSON.parse(String(stdout))
}

const numbers = new Numbers('guess')
const random = () => numbers.doubles(1, 0, 1)[0]
const below = (n: number) => Math.min(n - 1, Math.floor(n * random()))

function randomCase(): Omit<Case, 'guess'> & { level: string; guess: string } {
  const raw = Array.from({ length: 2 + below(9) }, () => 0.01 + random())
  const sum = raw.reduce((a, b) => a + b)
  const shares = Object.fromEntries(raw.map((each, i) => ['abcdefghijk'[i], each / sum]))
  const earlier = Array.from({ length: below(30) }, () => ({
    level: levels[below(3)],
    isRight: random() < 0.5,
  }))
  return { shares, earlier, level: levels[below(3)], guess: 'abcdefghijk'[below(raw.length)] }
}

test('the chances that a guess gives to all characters sum to 1, and none is 0', () => {
  const all = Array.from({ length: 100 }, randomCase)
  const cases = all.flatMap(({ shares, earlier, level, guess }) =>
    Object.keys(shares).map((truth) => ({ shares, earlier, guess: { guess, truth, level } })),
  )
  const losses = lossesOf(cases)
  let at = 0
  for (const { shares } of all) {
    const some = losses.slice(at, at + Object.keys(shares).length)
    at += some.length
    for (const loss of some) expect(loss > 0 && loss < 20).toBe(true)
    expect(some.reduce((sum, loss) => sum + Math.exp(-loss), 0)).toBeCloseTo(1, 9)
  }
})

test('a right guess costs less the surer it was, a wrong one more', () => {
  const cases = levels.flatMap((level) => [
    { shares: { a: 0.5, b: 0.3, c: 0.2 }, earlier: [], guess: { guess: 'a', truth: 'a', level } },
    { shares: { a: 0.5, b: 0.3, c: 0.2 }, earlier: [], guess: { guess: 'a', truth: 'b', level } },
  ])
  const losses = lossesOf(cases)
  starts.forEach((start, i) => {
    expect(losses[2 * i]).toBeCloseTo(-Math.log(start), 9)
    expect(losses[2 * i + 1]).toBeCloseTo(-Math.log(((1 - start) * 0.3) / 0.5), 9)
  })
})

test('the chance moves to how often such guesses were right', () => {
  const shares = { a: 0.6, b: 0.4 }
  const guess = { guess: 'a', truth: 'a', level: 'sure' }
  const earlier = (right: number, wrong: number, level: string) => [
    ...Array(right).fill({ level, isRight: true }),
    ...Array(wrong).fill({ level, isRight: false }),
  ]
  const [none, others, good, bad, long] = lossesOf([
    { shares, guess, earlier: [] },
    { shares, guess, earlier: earlier(0, 50, 'no idea') },
    { shares, guess, earlier: earlier(10, 0, 'sure') },
    { shares, guess, earlier: earlier(0, 10, 'sure') },
    { shares, guess, earlier: earlier(3000, 7000, 'sure') },
  ])
  expect(others).toBe(none)
  expect(good).toBeLessThan(none)
  expect(bad).toBeGreaterThan(none)
  expect(Math.exp(-long)).toBeCloseTo(0.3, 3)
})

test('to say truly how sure one is, is best in the long run', () => {
  // A person who is right 9 of 10 times when sure, and 2 of 10 when not.
  const shares = Object.fromEntries(Array.from('abcdefghij', (each) => [each, 0.1]))
  const play = (levelOf: (isSure: boolean) => string) => {
    const earlier: { level: string; isRight: boolean }[] = []
    const cases: Case[] = []
    for (let i = 0; i < 200; i++) {
      const isSure = i % 2 === 0
      const isRight = (i >> 1) % 10 < (isSure ? 9 : 2)
      const guess = { guess: 'a', truth: isRight ? 'a' : 'b', level: levelOf(isSure) }
      cases.push({ shares, earlier: [...earlier], guess })
      earlier.push({ level: guess.level, isRight })
    }
    return lossesOf(cases).reduce((sum, loss) => sum + loss, 0)
  }
  const honest = play((isSure) => (isSure ? 'sure' : 'no idea'))
  expect(honest).toBeLessThan(play(() => 'think so'))
  expect(honest).toBeLessThan(play(() => 'sure'))
  expect(honest).toBeLessThan(play((isSure) => (isSure ? 'no idea' : 'sure')))
})
