// Arrays too large for memory must fail with a NanoGptError that says what was being allocated.

import { totalmem } from 'node:os'
import { runInNewContext } from 'node:vm'
import { RecordLayout } from '../../lib/backend/records'
import { NanoGptError } from '../../lib/errors'
import { allocate, arrayClass, arrayFrom, copyOf } from '../../lib/graph/dtype'
import { allocating, bytesInWords, memoryOfMachine } from '../../lib/graph/memory'
import { Parameter, tensor } from '../../lib/graph/tensor'
import { initialValues } from '../../lib/model/weights'
import { seedFrom } from '../../lib/random/philox'

/** More elements than any array can have. */
const tooMany = 2 ** 40

function failure(work: () => unknown): NanoGptError {
  try {
    work()
  } catch (error) {
    if (error instanceof NanoGptError) return error
    throw error
  }
  throw new Error('expected an error')
}

test('an array', () => {
  const error = failure(() => allocate('f32', tooMany))
  expect(error.code).toBe('out_of_memory')
  expect(error.message).toBe(`there is no memory for the ${4 * tooMany} bytes of an array of ${tooMany} f32`)
  expect(error.cause).toMatchObject({ name: 'RangeError' })
})

test('a weight, by name', () => {
  const weight = new Parameter([2 ** 20, 2 ** 20], { kind: 'constant', value: 0 })
  weight.path = 'blocks.0.weight'
  expect(failure(() => initialValues(weight, seedFrom(1))).message).toBe(
    `there is no memory for the ${4 * tooMany} bytes of the weight blocks.0.weight`,
  )
})

test('the inputs of a run', () => {
  const program = {
    name: 'large',
    buffers: [{ name: 'x', dtype: 'f32', role: 'input', shape: [2 ** 20, 2 ** 20] }],
    ops: [],
  } as const
  const { message } = failure(() => new RecordLayout(program, 'input').pack([{ x: [] }]))
  expect(message).toBe(`there is no memory for the ${4 * tooMany} bytes of the inputs of a run`)
})

test.each([
  'Array buffer allocation failed',
  'Invalid typed array length: 8589934592',
  'Invalid array buffer length',
])('%s', (message) => {
  const fail = () => {
    throw new RangeError(message)
  }
  expect(failure(() => allocating('the corpus', 7, fail)).message).toBe(
    'there is no memory for the 7 bytes of the corpus',
  )
  // A RangeError of another realm has another class.
  const foreign = () => runInNewContext(`throw new RangeError(${JSON.stringify(message)})`)
  expect(failure(() => allocating('the corpus', 7, foreign)).code).toBe('out_of_memory')
})

test('other errors pass through unchanged', () => {
  for (const error of [new RangeError('Invalid count value: -1'), new TypeError('x'), undefined, 7]) {
    let thrown: unknown = 'nothing'
    try {
      allocating('x', 1, () => {
        throw error
      })
    } catch (caught) {
      thrown = caught
    }
    expect(thrown).toBe(error)
  }
})

test('arrays of every class are created, copied and recognized in every realm', () => {
  for (const [dtype, name] of [
    ['f32', 'Float32Array'],
    ['f64', 'Float64Array'],
    ['bf16', 'Uint16Array'],
    ['f16', 'Uint16Array'],
    ['i32', 'Int32Array'],
    ['u16', 'Uint16Array'],
    ['u32', 'Uint32Array'],
  ] as const) {
    const array = allocate(dtype, 3)
    array.set([1, 2, 3])
    const copy = copyOf(array, 'a copy')
    array.fill(0)
    expect(Array.from(copy)).toEqual([1, 2, 3])
    expect([arrayClass(array), arrayClass(copy)]).toEqual([name, name])
    expect(arrayFrom(dtype, new Uint8Array(copy.buffer))).toEqual(copy)
  }
  expect(arrayClass(runInNewContext('new Float32Array(1)'))).toBe('Float32Array')
  expect(arrayClass(Buffer.from('x'))).toBe('Uint8Array')
  for (const other of [[1], 'Float32Array', null, undefined, new DataView(new ArrayBuffer(1)), {}]) {
    expect(arrayClass(other)).toBeUndefined()
  }
})

test('a tensor from another realm’s array has its dtype; a big one is rejected', () => {
  expect(tensor(runInNewContext('new Float32Array([1.5])') as Float32Array).dtype).toBe('f32')
  expect(tensor(runInNewContext('new Int32Array([1])') as Int32Array).dtype).toBe('i32')
  expect(failure(() => tensor(new BigInt64Array(1) as never)).message).toMatch(
    /^a tensor can't be made of a BigInt64Array; it can of Float32Array, /,
  )
})

test('bytesInWords() formats sizes with three digits', () => {
  expect([999, 1500, 2.5e9, 1.23e13].map(bytesInWords)).toEqual([
    '999 bytes',
    '1.50 kB',
    '2.50 GB',
    '12.3 TB',
  ])
})

test('memoryOfMachine() is that of the machine, or of its container', () => {
  const limit = process.constrainedMemory()
  expect(memoryOfMachine()).toBe(limit > 0 ? Math.min(totalmem(), limit) : totalmem())
  const asked = jest.spyOn(process, 'constrainedMemory')
  try {
    asked.mockReturnValue(1e6)
    expect(memoryOfMachine()).toBe(1e6)
    asked.mockReturnValue(0)
    expect(memoryOfMachine()).toBe(totalmem())
    asked.mockImplementation(() => {
      throw new Error('denied')
    })
    expect(memoryOfMachine()).toBe(totalmem())
  } finally {
    asked.mockRestore()
  }
})
