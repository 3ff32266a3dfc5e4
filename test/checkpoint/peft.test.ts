// Adapters in PEFT's format: those that PEFT writes (scripts/torch/adapters.py), those that nano-gpt
// writes, and folders that are refused.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { load, train } from '../../lib'
import { decodeSafetensors, encodeSafetensors } from '../../lib/checkpoint/safetensors'
import type { TrainOptions } from '../../lib/options'
import { onEveryDevice } from '../support/devices'
import { failureOf, hasControls } from '../support/errors'
import { decoder, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const golden = join(__dirname, '..', 'golden')
const names = readdirSync(join(golden, 'peft'))
const tokens = (list: readonly number[]) => Uint16Array.from(list)
const text = 'the quick brown fox jumps over the lazy dog. '

/** A copy of the folder of a model, with its tokenizer. */
function modelFolder(name: string): string {
  const path = folder.path(name)
  if (existsSync(path)) return path
  cpSync(join(golden, 'hugging-face', name), path, { recursive: true })
  cpSync(join(golden, 'hugging-face', 'tokenizer.json'), join(path, 'tokenizer.json'))
  return path
}

/** A copy of a folder with adapters. The base is beside it. */
function adapterFolder(name: string, change: (config: Record<string, unknown>) => void = () => {}): string {
  const path = folder.path('adapters', name)
  rmSync(path, { recursive: true, force: true })
  cpSync(join(golden, 'peft', name), path, { recursive: true })
  const file = join(path, 'adapter_config.json')
  const config = JSON.parse(readFileSync(file, 'utf8'))
  config.base_model_name_or_path = modelFolder(config.base_model_name_or_path)
  change(config)
  writeFileSync(file, JSON.stringify(config))
  return path
}

function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0)
}

test('there are adapters for both architectures', () => {
  for (const kind of ['gpt2', 'llama']) expect(names.filter((name) => name.startsWith(kind))).toHaveLength(2)
})

onEveryDevice("PEFT's adapters", ({ name: device }) => {
  test.each(names)('%s: the logits are those of PEFT', async (name) => {
    const { tokens: list, logits } = JSON.parse(
      readFileSync(join(golden, 'peft', name, 'golden.json'), 'utf8'),
    )
    await using model = await load(adapterFolder(name), { device })
    expect(model.config).not.toHaveProperty('lora')
    expect(model.info.training).toBeNull()
    const { data, shape } = await model.logits(tokens(list))
    const own = (logits as number[][]).map((_, t) =>
      Array.from(data.subarray(t * shape[1], (t + 1) * shape[1])).filter((_, at) => at % 7 === 0),
    )
    expect(apart(own.flat(), logits.flat())).toBeLessThan(3e-5)
  })
})

describe('adapters that nano-gpt trained', () => {
  const cases: [base: string, targets: TrainOptions['loraTargets']][] = [
    ['gpt2', ['query', 'value']],
    ['gpt2-untied', ['key', 'projection']],
    ['gpt2-odd', 'all'],
    ['llama-grouped', 'all'],
    ['llama-odd', ['query', 'gate']],
  ]
  const options: TrainOptions = {
    ...{ data: { text: text.repeat(40) }, device: 'js', blockSize: 12, steps: 4, batchSize: 2 },
    ...{ gradientAccumulationSteps: 1, evalInterval: 4, evalBatches: 1 },
    ...{ loraRank: 3, loraAlpha: 5, learningRate: 0.05 },
  }

  test.each(cases)('on %s, %j: PEFT format and merged model compute the same', async (base, loraTargets) => {
    await using model = await train({ ...options, from: modelFolder(base), loraTargets })
    const own = await model.logits('the quick')
    const most = own.data.reduce((all, value) => Math.max(all, Math.abs(value)), 1)
    for (const format of ['peft', 'huggingface'] as const) {
      const out = folder.path(`${format}-${base}-${loraTargets}`)
      const { notes } = await model.export(out, { format })
      expect(notes).toEqual([])
      await using again = await load(out, { device: 'js' })
      expect(apart((await again.logits('the quick')).data, own.data)).toBeLessThan(1e-5 * most)
    }
    const [adapters, merged] = ['peft', 'huggingface'].map((name) =>
      folder.path(`${name}-${base}-${loraTargets}`),
    )
    for (const [out, format] of [
      [adapters, 'huggingface'],
      [merged, 'peft'],
    ] as const) {
      const error = await failureOf(() => model.export(out, { format, overwrite: true }))
      expect(error).toMatchObject({ code: 'foreign_files', option: 'out' })
      expect(error.message).toMatch(/config\.json, and adapters and models need folders of their own/)
    }
    await using before = await load(modelFolder(base), { device: 'js' })
    expect(apart((await before.logits('the quick')).data, own.data)).toBeGreaterThan(0.1)
  })

  test('query and value of GPT-2 are one adapter of twice the rank, in blocks', async () => {
    const from = modelFolder('gpt2')
    await using model = await train({ ...options, from, loraTargets: ['query', 'value'] })
    const out = folder.path('blocks')
    await model.export(out, { format: 'peft' })
    const config = JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'))
    expect(config).toMatchObject({
      ...{ peft_type: 'LORA', task_type: 'CAUSAL_LM', base_model_name_or_path: from, fan_in_fan_out: true },
      ...{ r: 3, lora_alpha: 5, target_modules: ['c_attn'] },
      ...{ rank_pattern: { c_attn: 6 }, alpha_pattern: { c_attn: 10 } },
    })
    const { tensors } = decodeSafetensors(readFileSync(join(out, 'adapter_model.safetensors')))
    const layers = [0, 1].map((i) => `base_model.model.transformer.h.${i}.attn.c_attn`)
    expect([...tensors.keys()].sort()).toEqual(
      layers.flatMap((layer) => [`${layer}.lora_A.weight`, `${layer}.lora_B.weight`]),
    )
    const own = await model.parameters()
    const a = tensors.get(`${layers[0]}.lora_A.weight`)!
    const b = tensors.get(`${layers[0]}.lora_B.weight`)!
    expect([a.shape, b.shape]).toEqual([
      [6, 8],
      [24, 6],
    ])
    const of = (path: string) => Array.from(own.get(`blocks.0.attention.${path}`)!.data)
    expect(Array.from(a.data)).toEqual([...of('query.loraA'), ...of('value.loraA')])
    const row = (i: number) => Array.from(b.data.subarray(6 * i, 6 * i + 6))
    expect(row(1)).toEqual([...of('query.loraB').slice(3, 6), 0, 0, 0])
    expect(row(8 + 1)).toEqual([0, 0, 0, 0, 0, 0])
    expect(row(16 + 1)).toEqual([0, 0, 0, ...of('value.loraB').slice(3, 6)])
  })

  test('modules are named in full where the last name is ambiguous', async () => {
    const targetsOf = async (base: string, loraTargets: TrainOptions['loraTargets']) => {
      await using model = await train({ ...options, steps: 1, from: modelFolder(base), loraTargets })
      const out = folder.path(`targets-${base}-${loraTargets}`)
      await model.export(out, { format: 'peft', dtype: 'bf16' })
      return JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8')).target_modules
    }
    expect(await targetsOf('gpt2', ['contract'])).toEqual(['mlp.c_proj'])
    expect(await targetsOf('gpt2', ['contract', 'projection'])).toEqual(['c_proj'])
    expect(await targetsOf('llama', ['query', 'contract'])).toEqual(['q_proj', 'down_proj'])
  })

  test('a base of nano-gpt is named, with what to do', async () => {
    const base = folder.path('base')
    const small: TrainOptions = { ...decoder, device: 'js', steps: 1, out: base }
    await (await train(small)).dispose()
    await using model = await train({ from: base, data: decoder.data, device: 'js', steps: 2, loraRank: 2 })
    const out = folder.path('ours')
    const { notes } = await model.export(out, { format: 'peft' })
    expect(notes).toEqual([
      expect.stringMatching(/the base is a checkpoint of nano-gpt: for PEFT, export it too/),
    ])
    // nano-gpt reads it as it is.
    await using again = await load(out, { device: 'js' })
    expect(apart((await again.logits('The cat')).data, (await model.logits('The cat')).data)).toBeLessThan(
      1e-5,
    )
  })

  test('a model without adapters, and numbers that PEFT does not read, are refused', async () => {
    await using plain = await load(modelFolder('gpt2'), { device: 'js' })
    const without = await failureOf(() => plain.export(folder.path('without'), { format: 'peft' }))
    expect(without).toMatchObject({ code: 'export', option: 'format' })
    expect(without.message).toMatch(/it is the format of adapters, and the model has none/)
    await using model = await load(adapterFolder('gpt2'), { device: 'js' })
    const q8 = await failureOf(() => model.export(folder.path('q8'), { format: 'peft', dtype: 'q8_0' }))
    expect(q8).toMatchObject({ code: 'option', option: 'dtype' })
  })
})

describe('the base', () => {
  test('may be given, and be a checkpoint of nano-gpt', async () => {
    const path = adapterFolder('gpt2', (config) => {
      config.base_model_name_or_path = 'openai/gpt2'
    })
    const error = await failureOf(() => load(path, { device: 'js' }))
    expect(error.message).toMatch(
      /base_model_name_or_path is "openai\/gpt2": there is no such file or folder\. Give the folder of the model .* as `base`/,
    )
    await using base = await load(modelFolder('gpt2'), { device: 'js' })
    const file = folder.path('gpt2.safetensors')
    await base.save(file)
    await using one = await load(path, { device: 'js', base: file })
    await using other = await load(path, { device: 'js', base: modelFolder('gpt2') })
    const same = await Promise.all([one, other].map((model) => model.logits('the')))
    expect(apart(same[0].data, same[1].data)).toBe(0)
  })

  test('is found beside the folder of the adapters', async () => {
    const path = adapterFolder('gpt2', (config) => {
      config.base_model_name_or_path = '../../gpt2'
    })
    await using model = await load(path, { device: 'js', blockSize: 5 })
    expect(model.config.blockSize).toBe(5)
  })

  test('of other sizes is refused', async () => {
    const error = await failureOf(() =>
      load(adapterFolder('gpt2'), { device: 'js', base: modelFolder('gpt2-odd') }),
    )
    expect(error.message).toMatch(
      /its tensor ".*c_attn\.lora_A\.weight" is f32 \[4, 8\], and should be \[4, 9\]/,
    )
    const llama = await failureOf(() =>
      load(adapterFolder('gpt2'), { device: 'js', base: modelFolder('llama') }),
    )
    expect(llama.message).toMatch(/belongs to no adapter of a linear layer of the base/)
  })
})

describe('adapter_config.json', () => {
  test.each<[Record<string, unknown>, RegExp]>([
    [{ peft_type: 'LOHA' }, /peft_type is "LOHA": only LORA is supported/],
    [{ bias: 'all' }, /bias is "all": only 'none' is supported/],
    [{ use_dora: true }, /use_dora is true: nano-gpt does not support this entry/],
    [{ modules_to_save: ['lm_head'] }, /modules_to_save is .*does not support/],
    [{ init_lora_weights: 'pissa' }, /init_lora_weights is "pissa": the base is not the one/],
    [{ r: 0 }, /r is 0: must be a whole number above 0/],
    [{ r: 2.5 }, /r is 2\.5: must be a whole number/],
    [{ lora_alpha: 'much' }, /lora_alpha is "much": must be a number above 0/],
    [
      { rank_pattern: { '(a+)+$': 3 } },
      /rank_pattern\.\(a\+\)\+\$ is 3: a name of a module is supported, and no pattern/,
    ],
    [{ rank_pattern: { c_attn: -1 } }, /rank_pattern\.c_attn is -1/],
    [{ alpha_pattern: [1] }, /alpha_pattern is .*must be an object/],
    [{ r: 5 }, /lora_A\.weight" is f32 \[4, 8\], and should be \[5, 8\]/],
    [{ new_in_2030: { on: true } }, /new_in_2030 is .*does not support/],
  ])('with %j is refused', async (change, message) => {
    const path = adapterFolder('gpt2', (config) => Object.assign(config, change))
    const error = await failureOf(() => load(path, { device: 'js' }))
    expect(error.code).toBe('checkpoint')
    expect(error.message).toMatch(message)
  })

  test('any other value is accepted or refused', async () => {
    const config = JSON.parse(readFileSync(join(golden, 'peft', 'gpt2', 'adapter_config.json'), 'utf8'))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(config), '\u202e'),
        fc.jsonValue(),
        async (name, value) => {
          const path = adapterFolder('gpt2', (all) => Object.assign(all, { [name]: value }))
          try {
            await (await load(path, { device: 'js' })).dispose()
          } catch (error) {
            expect(error).toMatchObject({ name: 'NanoGptError' })
            expect(hasControls((error as Error).message)).toBe(false)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  test.each(['', '[]', '{', 'null'])('%j is refused', async (json) => {
    const path = adapterFolder('gpt2')
    writeFileSync(join(path, 'adapter_config.json'), json)
    const error = await failureOf(() => load(path, { device: 'js' }))
    expect(error.message).toMatch(/adapter_config\.json: it is not (valid JSON|a JSON object)/)
  })
})

describe('adapter_model.safetensors', () => {
  const changed = async (edit: (tensors: Map<string, ReturnType<typeof tensorOf>>) => void) => {
    const path = adapterFolder('gpt2')
    const file = join(path, 'adapter_model.safetensors')
    const tensors = new Map([...decodeSafetensors(readFileSync(file)).tensors])
    edit(tensors as never)
    writeFileSync(file, encodeSafetensors(tensors.values()))
    return failureOf(() => load(path, { device: 'js' }))
  }
  const tensorOf = (name: string, shape: readonly number[]) => ({
    ...{ name, dtype: 'f32' as const, shape },
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  })
  const layer = 'base_model.model.transformer.h.0.attn.c_attn'

  test('without a half of an adapter is refused', async () => {
    const error = await changed((tensors) => tensors.delete(`${layer}.lora_B.weight`))
    expect(error.message).toMatch(
      /it lacks base_model\.model\.transformer\.h\.0\.attn\.c_attn\.lora_B\.weight/,
    )
  })

  test('without the adapter of a layer is refused, unless the config chooses layers', async () => {
    const withoutLayer = (tensors: Map<string, unknown>) => {
      for (const half of ['A', 'B']) tensors.delete(`${layer}.lora_${half}.weight`)
    }
    expect((await changed(withoutLayer)).message).toMatch(
      /it lacks base_model\.model\.transformer\.h\.0\.attn\.c_attn\.lora_A\.weight, which the base needs/,
    )
    expect((await changed((tensors) => tensors.clear())).message).toMatch(/it contains no adapters/)
    const path = adapterFolder('gpt2', (config) => Object.assign(config, { layers_to_transform: [1] }))
    const file = join(path, 'adapter_model.safetensors')
    const tensors = new Map(decodeSafetensors(readFileSync(file)).tensors)
    withoutLayer(tensors)
    writeFileSync(file, encodeSafetensors(tensors.values()))
    await (await load(path, { device: 'js' })).dispose()
  })

  test.each([
    'lm_head.weight',
    'base_model.model.transformer.wte.lora_A.weight',
    `${layer}.lora_magnitude_vector`,
  ])('with %s is refused', async (name) => {
    const error = await changed((tensors) => tensors.set(name, tensorOf(name, [4, 8])))
    expect(error.message).toMatch(/belongs to no adapter of a linear layer of the base/)
  })

  test('that is missing is reported', async () => {
    const path = adapterFolder('gpt2')
    rmSync(join(path, 'adapter_model.safetensors'))
    const error = await failureOf(() => load(path, { device: 'js' }))
    expect(error.message).toMatch(/adapter_model\.safetensors/)
  })
})

beforeAll(() => {
  mkdirSync(folder.path('adapters'))
})
