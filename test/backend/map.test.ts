// Tensors whose elements are in a file, on every device of this machine.

import { truncateSync, writeFileSync } from 'node:fs'
import { RecordLayout } from '../../lib/backend/records'
import { bytesOf, type Dtype, type TypedArray } from '../../lib/graph/dtype'
import { Trace } from '../../lib/graph/trace'
import { copy, gatherBatch, zero } from '../../lib/ops'
import { onEveryDevice, onNative } from '../support/devices'
import { failureOf } from '../support/errors'
import { temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const header = 12

function written(name: string, values: TypedArray): { path: string; offset: number } {
  const path = folder.path(name)
  writeFileSync(path, Buffer.concat([Buffer.alloc(header, 7), bytesOf(values)]))
  return { path, offset: header }
}

const arrays: [Dtype, TypedArray][] = [
  ['u8', Uint8Array.from({ length: 5001 }, (_, i) => (i * 7) % 251)],
  ['u16', Uint16Array.from({ length: 5001 }, (_, i) => (i * 77) % 65521)],
  ['u32', Uint32Array.from({ length: 5001 }, (_, i) => (i * 77777) % 100003)],
]

onEveryDevice('a tensor that is a file', ({ name: device, open }) => {
  test.each(arrays)('%s: reads and gathers what the file contains', async (dtype, values) => {
    const session = open()
    await session.map('corpus', dtype, [values.length], written(`${device}.${dtype}`, values))
    expect(await session.read('corpus')).toEqual(values)
    const trace = new Trace('gather')
    const corpus = trace.store('corpus', dtype, [values.length])
    const [tokens, targets] = gatherBatch(corpus, trace.input('offsets', 'u32', [2]), 10)
    trace.output('tokens', copy(tokens))
    trace.output('targets', copy(targets))
    const program = trace.finish()
    const handle = await session.compile(program)
    const inputs = new RecordLayout(program, 'input').pack([{ offsets: [0, 4990] }])
    const { outputs, failure } = await session.run(1, [{ program: handle, times: 1, inputs }])
    expect(failure).toBeUndefined()
    const layout = new RecordLayout(program, 'output')
    const expected = (from: number) => [
      ...values.slice(from, from + 10),
      ...values.slice(4990 + from, 5000 + from),
    ]
    expect([...layout.unpack(outputs[0], 'tokens')]).toEqual(expected(0))
    expect([...layout.unpack(outputs[0], 'targets')]).toEqual(expected(1))
    await session.dispose()
  })

  test('cannot be written, by a call or by a Program', async () => {
    const session = open()
    await session.map('corpus', 'u8', [4], written(`${device}.readonly`, Uint8Array.of(1, 2, 3, 4)))
    expect(await failureOf(() => session.write('corpus', Uint8Array.of(0, 0, 0, 0)))).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining("is a file, which can't be written"),
    })
    const trace = new Trace('zero')
    zero([trace.store('corpus', 'u8', [4])])
    expect(await failureOf(() => session.compile(trace.finish()))).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining("can't be written"),
    })
    expect(await session.read('corpus')).toEqual(Uint8Array.of(1, 2, 3, 4))
    await session.dispose()
  })

  test('a missing or short file is an error, and the name stays free', async () => {
    const session = open()
    const short = written(`${device}.short`, Uint8Array.of(1, 2, 3))
    const cases = [{ path: folder.path('none'), offset: 0 }, { path: folder.path('.'), offset: 0 }, short]
    for (const file of cases) {
      const { code, message } = await failureOf(() => session.map('corpus', 'u8', [4], file))
      expect([code, message]).toEqual(['read_failed', expect.stringContaining('corpus')])
    }
    await session.map('corpus', 'u8', [3], short)
    await session.dispose()
  })
})

onNative('a mapped file (cpu)', ({ open }) => {
  const mapped = process.env.NANO_GPT_TEST_DEVICE === undefined ? test : test.skip
  mapped('that becomes shorter ends the run with an error, not the process', async () => {
    const session = open()
    const file = written('truncated', new Uint8Array(100_000))
    await session.map('corpus', 'u8', [100_000], file)
    const trace = new Trace('copy')
    trace.output('sum', copy(trace.store('corpus', 'u8', [100_000])))
    const handle = await session.compile(trace.finish())
    const phases = [{ program: handle, times: 1, inputs: new Uint8Array(0) }]
    expect((await session.run(1, phases)).failure).toBeUndefined()
    truncateSync(file.path, 1000)
    for (const call of [() => session.run(1, phases), () => session.read('corpus')]) {
      const { code, message } = await failureOf(call)
      expect([code, message]).toEqual([
        'read_failed',
        'tensor "corpus": its file has 1000 bytes, but 100012 are needed',
      ])
    }
    await session.dispose()
  })
})
