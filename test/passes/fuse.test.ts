// Fusion changes how a Program is computed, not its result: every Program of every model gives the
// same results fused and not.

import { createModel } from '../../lib/architectures/create'
import type { Session } from '../../lib/backend/backend'
import { JsSession } from '../../lib/backend/js/session'
import type { TypedArray } from '../../lib/graph/dtype'
import { type Program, print } from '../../lib/graph/program'
import { Trace } from '../../lib/graph/trace'
import type { GptConfig, ModelConfig, StageConfig } from '../../lib/model/config'
import { corpusName } from '../../lib/model/programs'
import { initialValues } from '../../lib/model/weights'
import { accumulate, add, copy, dropout, fusedOpNames, matmul, relu } from '../../lib/ops'
import { embeddingBackward } from '../../lib/ops/embedding'
import { fuse } from '../../lib/passes/fuse'
import { seedFrom } from '../../lib/random/philox'
import { expectSameBits } from '../support/bits'
import { onNative } from '../support/devices'
import { allocateStores, compiled, configs, programsOf } from '../support/models'
import { goldenCorpus } from '../support/text'

const names = ({ ops }: Program) => ops.map(({ op }) => op)
const count = (program: Program, op: string) => names(program).filter((name) => name === op).length

/** Runs all Programs of a model in order on one Store, and returns all their results. */
async function runAll(session: Session, config: ModelConfig, change: (program: Program) => Program) {
  const seed = seedFrom(5)
  const { parameters } = createModel(config)
  const programs = programsOf(config)
  const known = new Set<string>()
  for (const program of Object.values(programs)) await allocateStores(session, program, known)
  await Promise.all(
    parameters.map((parameter) => session.write(parameter.path, initialValues(parameter, seed))),
  )
  await session.write(corpusName, goldenCorpus(500, seed))
  const results: Record<string, TypedArray> = {}
  const run = async (name: string, ...records: Record<string, number | number[]>[]) => {
    const program = await compiled(session, change(programs[name]))
    for (const [output, values] of Object.entries(await program.run(...records)))
      results[`${name} ${output}`] = values
  }
  const keep = async (when: string) => {
    const read = async (name: string) => (results[`${when}: ${name}`] = await session.read(name))
    await Promise.all([...known].map(read))
  }
  const rng = (draw: number) => [seed.low, seed.high, draw]
  await run('gradient', { offsets: [1, 40, 300], rng: rng(0) }, { offsets: [480, 7, 7], rng: rng(1) })
  await keep('gradient')
  await run('update', { step: 1, learningRate: 0.01 })
  await keep('update')
  await run('evaluation', { offsets: [0, 10, 20, 488] })
  const sampling = { temperature: 0.8, topK: 5, topP: 0.9, minP: 0.01 }
  const prompt = { start: 0, ...sampling, rng: rng(2) }
  await run(
    'prefill',
    { tokens: [1, 2, 3, 4, 5], slot: 3, ...prompt },
    { tokens: [6, 5, 4, 3, 2], slot: 6, ...prompt },
  )
  const both = (at: number) => ({
    ...{ start: [at, at], slot: [3, 6], ...sampling, penalty: 1.2, rng: [...rng(at), ...rng(at + 9)] },
  })
  await run('decode', both(5), both(6))
  await keep('decode')
  return results
}

/**
 * The expected numbers of fused ops: linear layers with a bias, weights whose gradient is a
 * product, and relus after the former.
 */
function ofStage({ kind, layers }: StageConfig) {
  // Per layer: linear layers with a bias, weights without one, and relus. The head is one more
  // linear layer.
  const inLayer = {
    bigram: { linears: -1, products: 0, relus: 0 },
    'single-head': { linears: 0, products: 3, relus: 0 },
    'multi-head': { linears: 0, products: 3, relus: 0 },
    'feed-forward': { linears: 1, products: 3, relus: 1 },
    blocks: { linears: 1, products: 3, relus: 1 },
    residual: { linears: 3, products: 3, relus: 1 },
    'layer-norm': { linears: 3, products: 3, relus: 1 },
    decoder: { linears: 3, products: 3, relus: 1 },
  }[kind]
  const linears = inLayer.linears * layers + 1
  return { linears, weights: linears + inLayer.products * layers, relus: layers * inLayer.relus }
}

function ofGpt({ layers, activation, bias, qkvBias, outputBias, tiedEmbeddings, lora }: GptConfig) {
  const feedForward = activation === 'swiglu' ? 3 : 2
  return {
    linears: (bias ? layers * (1 + feedForward) + Number(outputBias) : 0) + (qkvBias ? 3 * layers : 0),
    // The gradient of a table that is also the head is a sum before it is accumulated. With adapters, only
    // theirs are computed.
    weights: lora ? 2 * layers * lora.targets.length : layers * (4 + feedForward) + (tiedEmbeddings ? 0 : 1),
    relus: bias && activation === 'relu' ? layers : 0,
  }
}

describe.each(Object.keys(configs))('%s', (kind) => {
  const config = configs[kind]

  test.each([...fusedOpNames, 'all'])('float64: the same bits with and without %s', async (which) => {
    const available = which === 'all' ? fusedOpNames : [which]
    const [one, other] = [new JsSession({ precision: 'f64' }), new JsSession({ precision: 'f64' })]
    const fused = await runAll(one, config, (program) => fuse(program, available))
    const plain = await runAll(other, config, (program) => program)
    expectSameBits(fused, plain)
    expect(Object.keys(plain).length).toBeGreaterThan(10)
  })

  onNative('float32: fused and not, within rounding', ({ open }) => {
    test.each([...fusedOpNames, 'all'])('%s', async (which) => {
      const [one, other] = [open(), open()]
      const available = which === 'all' ? one.fusedOps : [which]
      const fused = await runAll(one, config, (program) => fuse(program, available))
      const plain = await runAll(other, config, (program) => program)
      await Promise.all([one.dispose(), other.dispose()])
      for (const [name, values] of Object.entries(plain)) {
        const scale = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
        // An update is almost the sign of the gradient, so where the gradient is nearly 0 its
        // rounding decides.
        const bound = (/^(update|decode): /.test(name) ? 1e-3 : 1e-5) * scale
        for (let i = 0; i < values.length; i++) {
          if (Math.abs(fused[name][i] - values[i]) <= bound) continue
          throw new Error(`${name}[${i}]: ${fused[name][i]} fused, ${values[i]} not`)
        }
      }
    })
  })

  test('the fused ops of this model', () => {
    const programs = Object.entries(programsOf(config)).map(
      ([name, program]) => [name, fuse(program, fusedOpNames)] as const,
    )
    const found = Object.fromEntries(
      programs.map(([name, program]) => [
        name,
        ['linear', 'dropout_add', 'matmul_accumulate'].map((op) => count(program, op)),
      ]),
    )
    const { layers, dropout: p } = config
    const { linears, weights, relus: fusedRelus } = config.kind === 'gpt' ? ofGpt(config) : ofStage(config)
    const forward = [linears, 0, 0]

    expect(found).toEqual({
      // Each weight's gradient is a product added to the existing value. Two dropouts per decoder
      // layer are on the residual path.
      gradient: [linears, p > 0 ? 2 * layers : 0, weights],
      update: [0, 0, 0],
      evaluation: forward,
      prefill: forward,
      decode: forward,
    })
    const relus = programs.flatMap(([, { ops }]) => ops.filter(({ attributes }) => attributes.relu === true))
    expect(relus).toHaveLength(4 * fusedRelus)
  })

  test('fusing twice changes nothing, and no temporary is unused', () => {
    for (const program of Object.values(programsOf(config))) {
      const fused = fuse(program, fusedOpNames)
      expect(fuse(fused, fusedOpNames)).toEqual(fused)
      const used = new Set(fused.ops.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]))
      const temporaries = fused.buffers.flatMap(({ role }, id) => (role === 'temporary' ? [id] : []))
      expect(temporaries.filter((id) => !used.has(id))).toEqual([])
      expect(fuse(program, [])).toEqual(program)
      const visible = ({ buffers }: Program) => buffers.filter(({ role }) => role !== 'temporary')
      expect(visible(fused)).toEqual(visible(program))
    }
  })
})

/** The ops of the fused Program that `build` makes. */
function fusedOf(build: (trace: Trace) => void, available = fusedOpNames): string[] {
  const trace = new Trace('pattern')
  build(trace)
  return names(fuse(trace.finish(), available))
}
const x = (trace: Trace) => trace.input('x', 'f32', [2, 3])
const w = (trace: Trace, ...shape: number[]) => trace.store(`w${shape}`, 'f32', shape)
const rng = (trace: Trace) => trace.rng()

describe('patterns', () => {
  test('patterns that fuse', () => {
    expect(fusedOf((t) => t.output('y', add(matmul(x(t), w(t, 4, 3), false, true), w(t, 4))))).toEqual([
      'linear',
    ])
    expect(fusedOf((t) => t.output('y', relu(add(matmul(x(t), w(t, 4, 3), false, true), w(t, 4)))))).toEqual([
      'linear',
    ])
    expect(fusedOf((t) => t.output('y', add(dropout(x(t), rng(t), 0.5, 1), w(t, 2, 3))))).toEqual([
      'dropout_add',
    ])
    expect(fusedOf((t) => t.output('y', add(w(t, 2, 3), dropout(x(t), rng(t), 0.5, 1))))).toEqual([
      'dropout_add',
    ])
    expect(fusedOf((t) => accumulate(w(t, 2, 2), matmul(x(t), x(t), false, true)))).toEqual([
      'matmul_accumulate',
    ])
  })

  test('only one of two candidates fuses', () => {
    const both = (t: Trace) =>
      t.output('y', add(dropout(x(t), rng(t), 0.5, 1), dropout(x(t), rng(t), 0.5, 2)))
    expect(fusedOf(both)).toEqual(['dropout', 'dropout_add'])
  })

  test('only ops that the backend supports fuse', () => {
    const linear = (t: Trace) => t.output('y', relu(add(matmul(x(t), w(t, 4, 3), false, true), w(t, 4))))
    expect(fusedOf(linear, [])).toEqual(['matmul', 'add', 'relu'])
    expect(fusedOf(linear, ['dropout_add', 'matmul_accumulate'])).toEqual(['matmul', 'add', 'relu'])
  })

  test('not if the intermediate result is used twice', () => {
    const twice = (t: Trace) => {
      const product = matmul(x(t), w(t, 4, 3), false, true)
      t.output('y', add(product, w(t, 4)))
      t.output('z', relu(product))
    }
    expect(fusedOf(twice)).toEqual(['matmul', 'add', 'relu'])
    const bySame = (t: Trace) => {
      const product = matmul(x(t), w(t, 3, 3), false, true)
      t.output('y', add(product, product))
    }
    expect(fusedOf(bySame)).toEqual(['matmul', 'add'])
    const dropped = (t: Trace) => {
      const kept = dropout(x(t), rng(t), 0.5, 1)
      t.output('y', add(kept, kept))
    }
    expect(fusedOf(dropped)).toEqual(['dropout', 'add'])
    const beforeRelu = (t: Trace) => {
      const sum = add(matmul(x(t), w(t, 4, 3), false, true), w(t, 4))
      t.output('y', relu(sum))
      t.output('z', copy(sum))
    }
    expect(fusedOf(beforeRelu)).toEqual(['linear', 'relu', 'copy'])
  })

  test('not if the intermediate result is an output', () => {
    const seen = (t: Trace) => {
      const product = matmul(x(t), w(t, 4, 3), false, true)
      t.output('product', product)
      t.output('y', add(product, w(t, 4)))
    }
    expect(fusedOf(seen)).toEqual(['matmul', 'add'])
  })

  test('not with other transposes', () => {
    expect(fusedOf((t) => t.output('y', add(matmul(x(t), w(t, 3, 4)), w(t, 4))))).toEqual(['matmul', 'add'])
    expect(fusedOf((t) => t.output('y', add(matmul(x(t), w(t, 4, 2), true, true), w(t, 4))))).toEqual([
      'matmul',
      'add',
    ])
  })

  test('not with a bias of another shape, or the product as the bias', () => {
    expect(fusedOf((t) => t.output('y', add(matmul(x(t), w(t, 4, 3), false, true), w(t, 2, 4))))).toEqual([
      'matmul',
      'add',
    ])
    expect(fusedOf((t) => t.output('y', add(matmul(x(t), w(t, 4, 3), false, true), w(t))))).toEqual([
      'matmul',
      'add',
    ])
    const swapped = (t: Trace) => t.output('y', add(w(t, 2, 4), matmul(x(t), w(t, 4, 3), false, true)))
    expect(fusedOf(swapped)).toEqual(['matmul', 'add'])
    const weight = (t: Trace) => t.output('y', add(matmul(x(t), w(t, 2, 2, 3), false, true), w(t, 4)))
    expect(fusedOf(weight)).toEqual(['matmul', 'add'])
  })

  test('not even if only the operand order or the rank differs', () => {
    const square = (t: Trace) => t.output('y', add(matmul(x(t), w(t, 3, 3)), w(t, 3)))
    expect(fusedOf(square)).toEqual(['matmul', 'add'])
    const swapped = (t: Trace) => t.output('y', add(w(t, 4), matmul(w(t, 3), w(t, 4, 3), false, true)))
    expect(fusedOf(swapped)).toEqual(['matmul', 'add'])
    const rank3 = (t: Trace) => t.output('y', add(matmul(x(t), w(t, 4, 1, 3), false, true), w(t, 4)))
    expect(fusedOf(rank3)).toEqual(['matmul', 'add'])
    const twice = (t: Trace) => t.output('y', relu(relu(add(matmul(x(t), w(t, 4, 3), false, true), w(t, 4)))))
    expect(fusedOf(twice)).toEqual(['linear', 'relu'])
  })

  test('not with a residual of another shape', () => {
    expect(fusedOf((t) => t.output('y', add(dropout(x(t), rng(t), 0.5, 1), w(t, 3))))).toEqual([
      'dropout',
      'add',
    ])
    expect(fusedOf((t) => t.output('y', add(w(t, 4, 2, 3), dropout(x(t), rng(t), 0.5, 1))))).toEqual([
      'dropout',
      'add',
    ])
  })

  test('not if the product is the total instead of the addend', () => {
    const product = (t: Trace) => {
      accumulate(w(t, 2, 2), relu(matmul(x(t), x(t), false, true)))
    }
    expect(fusedOf(product)).toEqual(['matmul', 'relu', 'accumulate'])
  })

  test('not if an operand is the total, which would be read while it is written', () => {
    const square = (t: Trace) => accumulate(w(t, 2, 2), matmul(w(t, 2, 2), w(t, 2, 2)))
    expect(fusedOf(square)).toEqual(['matmul', 'accumulate'])
    const right = (t: Trace) => accumulate(w(t, 2, 3), matmul(w(t, 2, 2), w(t, 2, 3)))
    expect(fusedOf(right)).toEqual(['matmul', 'accumulate'])
  })

  test('not if operands change before the product is used', () => {
    const both = (t: Trace) => {
      const product = matmul(x(t), w(t, 4, 3), false, true)
      accumulate(w(t, 4, 3), copy(w(t, 4, 3)))
      accumulate(w(t, 4), copy(w(t, 4)))
      t.output('y', add(product, w(t, 4)))
    }
    expect(fusedOf(both)).toEqual(['matmul', 'copy', 'accumulate', 'copy', 'accumulate', 'add'])
  })
})

describe('the position of the fused op', () => {
  const product = (t: Trace) => matmul(x(t), w(t, 4, 3), false, true)
  const square = (t: Trace) => matmul(x(t), x(t), true, false)

  test('is the first position, so that the inputs can be freed early', () => {
    const gradient = (t: Trace) => {
      const dw = square(t)
      t.output('y', relu(x(t)))
      accumulate(w(t, 3, 3), dw)
    }
    expect(fusedOf(gradient)).toEqual(['matmul_accumulate', 'relu'])
    const changed = (t: Trace) => {
      const y = product(t)
      accumulate(w(t, 4, 3), copy(w(t, 4, 3)))
      t.output('y', add(y, w(t, 4)))
    }
    expect(fusedOf(changed)).toEqual(['linear', 'copy', 'accumulate'])
  })

  test('is the second position if its inputs come later', () => {
    const changed = (t: Trace) => {
      const y = product(t)
      accumulate(w(t, 4), copy(w(t, 4)))
      t.output('y', add(y, w(t, 4)))
    }
    expect(fusedOf(changed)).toEqual(['copy', 'accumulate', 'linear'])
    const residual = (t: Trace) => {
      const dropped = dropout(x(t), rng(t), 0.5, 1)
      t.output('y', add(relu(w(t, 2, 3)), dropped))
    }
    expect(fusedOf(residual)).toEqual(['relu', 'dropout_add'])
  })

  test('is the second position if its output is accessed before', () => {
    const read = (t: Trace) => {
      const dw = square(t)
      t.output('y', copy(w(t, 3, 3)))
      accumulate(w(t, 3, 3), dw)
    }
    expect(fusedOf(read)).toEqual(['copy', 'matmul_accumulate'])
    const written = (t: Trace) => {
      const dw = square(t)
      accumulate(w(t, 3, 3), relu(w(t, 3, 3)))
      accumulate(w(t, 3, 3), dw)
    }
    expect(fusedOf(written)).toEqual(['relu', 'accumulate', 'matmul_accumulate'])
  })

  test('allows fusion with the ops that follow', () => {
    const linear = (t: Trace) => {
      const y = add(product(t), w(t, 4))
      accumulate(w(t, 4, 3), copy(w(t, 4, 3)))
      t.output('y', relu(y))
    }
    expect(fusedOf(linear)).toEqual(['linear', 'copy', 'accumulate'])
  })
})

test('print() shows buffers and ops', () => {
  const trace = new Trace('example')
  const x = trace.input('x', 'f32', [2, 3])
  const weight = trace.store('w', 'f32', [4, 3])
  const y = relu(add(matmul(x, weight, false, true), trace.store('b', 'f32', [4])))
  trace.output('y', dropout(y, trace.rng(), 0.25, 7))
  accumulate(trace.store('total', 'f32', [2, 4]), copy(y))
  const program = trace.finish()
  expect(print(program)).toBe(`program example
  input x: f32 [2, 3]
  store w: f32 [4, 3]
  store b: f32 [4]
  input rng: u32 [3]
  output y: f32 [2, 4]
  store total: f32 [2, 4]
  %2 f32 [2, 4] = matmul(x, w) transpose_a=false transpose_b=true
  %4 f32 [2, 4] = add(%2, b)
  %5 f32 [2, 4] = relu(%4)
  y f32 [2, 4] = dropout(%5, rng) p=0.25 site=7
  %9 f32 [2, 4] = copy(%5)
  total f32 [2, 4] = accumulate(total, %9)
`)
  expect(print(fuse(program, fusedOpNames))).toContain('= linear(x, w, b) relu=true\n')
})

test('the time of fusing grows with the number of ops, not with its square', () => {
  // Between the two ops of each pair are all others.
  const trace = new Trace('apart')
  const x = trace.input('x', 'f32', [2, 3])
  const w = trace.store('w', 'f32', [3, 3])
  const b = trace.store('b', 'f32', [3])
  const products = Array.from({ length: 15_000 }, () => matmul(x, w, false, true))
  const sums = products.map((product) => add(product, b))
  trace.output('y', copy(sums[0]))
  const program = trace.finish()
  const begun = performance.now()
  expect(count(fuse(program, fusedOpNames), 'linear')).toBe(products.length)
  expect(performance.now() - begun).toBeLessThan(5_000)
})

test('the gradient of a large table is added in place; that of a small one is not', () => {
  const program = (vocabulary: number, dy: readonly number[]) => {
    const trace = new Trace('tables')
    const tokens = trace.input('tokens', 'i32', dy.slice(0, -1))
    const gradient = embeddingBackward(tokens, trace.input('dy', 'f32', dy), vocabulary)
    accumulate(trace.store('total', 'f32', [vocabulary, dy.at(-1)!]), gradient)
    return trace.finish()
  }
  expect(print(fuse(program(2 ** 20, [2, 3, 8]), fusedOpNames))).toBe(`program tables
  input tokens: i32 [2, 3]
  input dy: f32 [2, 3, 8]
  store total: f32 [1048576, 8]
  total f32 [1048576, 8] = embedding_accumulate(total, tokens, dy)
`)
  const small = fuse(program(2 ** 20 - 1, [2, 3, 8]), fusedOpNames)
  expect(small.ops.map(({ op }) => op)).toEqual(['embedding_backward', 'accumulate'])
})
