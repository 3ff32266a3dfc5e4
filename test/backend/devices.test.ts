// Devices: the list of them, the error for an unknown one, and the environment variables that
// switch them on and off.

import { switchOf } from '../../binding/switches'
import { devices, openSession } from '../../lib/backend/devices'
import { deviceNames } from '../../lib/backend/names'
import { loadAddon } from '../../lib/backend/native/addon'
import { onNative } from '../support/devices'
import { failureOf } from '../support/errors'

test('devices() lists each name once, in order', () => {
  expect(devices().map(({ name }) => name)).toEqual([...deviceNames])
})

test('an unknown device: the error lists all devices and suggests one', async () => {
  const known = 'there is no such device; there are auto, cuda, metal, cpu, js'
  const said = (device: string) => failureOf(() => openSession({ device }))
  expect((await said('cuad')).message).toBe(`device is "cuad": ${known}. Did you mean \`device: 'cuda'\`?`)
  expect((await said('cpu:1')).message).toMatch(/^device is "cpu:1": there is no such device/)
  expect((await said('abacus')).message).toBe(`device is "abacus": ${known}`)
  expect((await said('constructor')).message).toMatch(/there are auto, cuda, metal, cpu, js$/)
  expect((await said('')).message).toBe(`device is "": ${known}`)
  expect(await said('nvidia')).toMatchObject({
    code: 'device',
    option: 'device',
    value: 'nvidia',
    remedy: "Did you mean `device: 'cuda'`?",
  })
  expect((await said('MPS')).remedy).toBe("Did you mean `device: 'metal'`?")
})

describe('suggestions with other devices', () => {
  /** The suggestion for a name when these GPUs are usable. */
  async function remedyFor(name: string, usable: readonly string[]): Promise<string | undefined> {
    const gpu = (each: string) => ({
      present: usable.includes(each),
      available: usable.includes(each),
      reason: 'a GPU',
    })
    const info = () => ({ instructionSet: 'x', threads: 1, cuda: gpu('cuda'), metal: gpu('metal') })
    jest.resetModules()
    jest.doMock('../../lib/backend/native/addon', () => ({
      loadAddon: () => ({ addon: { info }, path: 'x' }),
    }))
    const { openSession } = require('../../lib/backend/devices') as typeof import('../../lib/backend/devices')
    const error = await openSession({ device: name }).catch((error: { remedy?: string }) => error)
    jest.dontMock('../../lib/backend/native/addon')
    return (error as { remedy?: string }).remedy
  }

  test.each([
    ['gpu', ['metal'], 'metal'],
    ['GPU', ['cuda', 'metal'], 'cuda'],
    ['gpu:0', ['cuda'], 'cuda'],
    ['gpu', [], 'auto'],
  ])('%s with %p suggests %s', async (name, usable, meant) => {
    expect(await remedyFor(name, usable)).toBe(`Did you mean \`device: '${meant}'\`?`)
  })
})

// An installation compiles only this machine's instruction set. Tests need all of them, which
// `npm test` and `npm run build:native` compile.
onNative('the kernels of every instruction set', () => {
  const expected: Record<string, readonly string[]> = {
    x64: ['avx2', 'portable'],
    arm64: ['neon', 'portable'],
  }

  test('are in the binary', () => {
    expect(loadAddon().addon!.info().instructionSets).toEqual(
      expect.arrayContaining([...(expected[process.arch] ?? ['portable'])]),
    )
  })
})

test('a binary without kernels for this processor: cpu is unavailable, and auto falls back to js', async () => {
  const no = { present: false, available: false, reason: 'no GPU' }
  const cpuReason = 'this binary has kernels for avx2 only, which this processor does not support'
  const info = () => ({ instructionSet: '', instructionSets: [], cpuReason, threads: 1, cuda: no, metal: no })
  jest.resetModules()
  jest.doMock('../../lib/backend/native/addon', () => ({
    ...jest.requireActual('../../lib/backend/native/addon'),
    loadAddon: () => ({ addon: { info }, path: 'x' }),
  }))
  const { devices, openSession } =
    require('../../lib/backend/devices') as typeof import('../../lib/backend/devices')
  const description = `${cpuReason}; "npx nano-gpt build" compiles kernels for it (x)`
  expect(devices().find(({ name }) => name === 'cpu')).toEqual({
    name: 'cpu',
    available: false,
    present: true,
    description,
  })
  const passedOver = jest.fn()
  const session = await openSession({}, passedOver)
  expect(session.device).toBe('js')
  expect(passedOver.mock.calls).toEqual([[{ device: 'cpu', reason: description, instead: 'js' }]])
  await session.dispose()
  await expect(openSession({ device: 'cpu' })).rejects.toMatchObject({
    code: 'device',
    reason: `it is not available: ${description}`,
  })
  jest.dontMock('../../lib/backend/native/addon')
})

describe('switches', () => {
  const name = 'NANO_GPT_A_TEST'
  afterEach(() => {
    delete process.env[name]
  })

  test.each([
    ['0', false],
    ['false', false],
    ['No', false],
    ['OFF', false],
    [' off ', false],
    ['1', true],
    ['True', true],
    ['yes', true],
    ['on', true],
    ['', undefined],
    ['2', undefined],
    ['constructor', undefined],
  ])('%p', (value, meaning) => {
    process.env[name] = value
    expect(switchOf(name)).toBe(meaning)
  })

  test('unset', () => {
    expect(switchOf(name)).toBeUndefined()
  })
})
