// Exported models: folders that read back as the same weights, tokens and logits; what is refused, by name; and
// GGUF, whose numbers llama.cpp judges in scripts/ci/gguf.sh.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { load, type TrainOptions, train } from '../../lib'
import type { Model } from '../../lib/api/model'
import { encodeValues } from '../../lib/checkpoint/export/formats'
import { moveToNorm } from '../../lib/checkpoint/export/output_bias'
import { ggufHeader } from '../../lib/checkpoint/gguf/encode'
import { decodeSafetensors, readSafetensors } from '../../lib/checkpoint/safetensors'
import { bf16Bits, f16Bits, fromBf16Bits, fromF16Bits } from '../../lib/graph/rounding'
import type { ExportOptions } from '../../lib/options'
import { failureOf } from '../support/errors'
import { temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const golden = join(__dirname, '..', 'golden', 'hugging-face')
const device = 'js'

let made = 0
const fresh = () => folder.path(`export-${made++}`)

/** The folder of a golden model, with its tokenizer. */
function goldenFolder(name: string): string {
  const path = fresh()
  mkdirSync(path)
  for (const file of readdirSync(join(golden, name))) copyFileSync(join(golden, name, file), join(path, file))
  copyFileSync(join(golden, 'tokenizer.json'), join(path, 'tokenizer.json'))
  return path
}

const text = `${'the quick brown fox, 12 naïve dogs — 😀\n'.repeat(30)}`
const sizes = { embed: 32, heads: 4, layers: 2, blockSize: 12 }
const steps = { steps: 1, evalInterval: 1, evalBatches: 1, batchSize: 2, seed: 1 }
/** Variants of the recipe that Llama has. */
const llama: TrainOptions = {
  ...{ preset: 'speedrun', activation: 'swiglu', qkNorm: false, logitSoftcap: 0, embeddingNorm: false },
}

const small = (options: TrainOptions) => train({ data: { text }, ...sizes, ...steps, device, ...options })

/** Exports a model and loads it again. */
async function again(model: Model, options: ExportOptions = {}): Promise<Model> {
  const { folder } = await model.export(fresh(), options)
  return load(folder, { device })
}

async function expectSame(model: Model, other: Model, tolerance: number): Promise<void> {
  const tokens = Uint16Array.from({ length: sizes.blockSize }, (_, i) => (i * 7) % model.tokenizer.vocabSize)
  const [own, others] = [await model.logits(tokens), await other.logits(tokens)]
  expect(others.shape).toEqual(own.shape)
  const worst = own.data.reduce((most, value, i) => Math.max(most, Math.abs(value - others.data[i])), 0)
  expect(worst).toBeLessThanOrEqual(tolerance)
}

describe('a Hugging Face folder', () => {
  const masks = /\.attn\.(masked_)?bias$/
  const names = readdirSync(golden).filter((name) => !name.endsWith('.json'))

  test.each(names)('%s that is loaded and exported has the same tensors', async (name) => {
    const path = goldenFolder(name)
    await using model = await load(path, { device })
    const exported = await model.export(fresh())
    expect(exported).toMatchObject({ architecture: name.split('-')[0], dtype: 'f32', notes: [] })
    const files = readdirSync(path).filter((file) => file.endsWith('.safetensors'))
    const skips = (tensor: string) => masks.test(tensor)
    const read = await Promise.all(files.map((file) => readSafetensors(join(path, file), { skips })))
    const before = new Map(read.flatMap(({ tensors }) => [...tensors]))
    const { tensors, metadata } = decodeSafetensors(readFileSync(join(exported.folder, 'model.safetensors')))
    expect(metadata).toEqual({ format: 'pt' })
    let same = 0
    for (const [tensor, { dtype, shape, data }] of tensors) {
      const bare = tensor.replace(/^(transformer|model)\./, '')
      const original = before.get(tensor) ?? before.get(bare)
      // nanoGPT's folders lack biases, which transformers requires.
      if (!original)
        expect({ name, zero: data.every((value) => value === 0) }).toEqual({
          name: 'gpt2-no-bias',
          zero: true,
        })
      else {
        const bits = original.data as Uint16Array
        const { dtype: there } = original
        const wide =
          there === 'f32' ? original.data : there === 'f16' ? fromF16Bits(bits) : fromBf16Bits(bits)
        // Rows without tokens are left out.
        const rows = /wte|lm_head/.test(tensor) ? wide.subarray(0, data.length) : wide
        expect({ tensor, dtype, shape: shape.length, data }).toEqual({
          ...{ tensor, dtype: 'f32', shape: original.shape.length },
          data: rows,
        })
        same++
      }
    }
    const tied = before.has('lm_head.weight') && !tensors.has('lm_head.weight') ? 1 : 0
    expect(same).toBe(before.size - tied)
    await using reloaded = await load(exported.folder, { device })
    await expectSame(model, reloaded, 0)
    const {
      bias: _,
      qkvBias: __,
      ...config
    } = model.config as typeof model.config & { bias: boolean; qkvBias: boolean }
    expect(reloaded.config).toMatchObject({
      ...config,
      feedForwardWidth: expect.any(Number),
      headSize: expect.any(Number),
    })
    expect(reloaded.tokenizer.toJSON()).toMatchObject({
      model: (model.tokenizer.toJSON() as object as { model: object }).model,
    })
  })

  test.each<[string, TrainOptions]>([
    ['gpt2', { preset: 'cpu' }],
    ['gpt2', { preset: 'baby', tokenizer: 'byte', dropout: 0 }],
    [
      'gpt2',
      { preset: 'gpt', outputBias: false, normAffine: false, activation: 'relu-squared', qkvBias: true },
    ],
    [
      'gpt2',
      {
        preset: 'gpt',
        tokenizer: 'bpe',
        vocabSize: 270,
        bias: false,
        normEpsilon: 1e-3,
        feedForwardWidth: 24,
      },
    ],
    ['llama', llama],
    ['llama', { ...llama, normAffine: true, kvHeads: 2, headSize: 6, ropeBase: 300, tiedEmbeddings: true }],
    ['llama', { ...llama, qkvBias: true }],
    ['llama', { ...llama, bias: true, outputBias: false, tokenizer: 'bpe', vocabSize: 280 }],
    ['nanochat', { preset: 'speedrun' }],
    ['nanochat', { preset: 'speedrun', tokenizer: 'byte', kvHeads: 1, logitSoftcap: 0, activation: 'gelu' }],
  ])('of the architecture %s computes what a model of %p computes', async (architecture, options) => {
    await using model = await small(options)
    const exported = await model.export(fresh())
    expect(exported.architecture).toBe(architecture)
    await using other = await load(exported.folder, { device })
    // Gains and biases that a model lacks are ones and zeros there, which changes no bit.
    await expectSame(model, other, 0)
    const sample = 'the naïve fox — 😀\n'
    expect(other.tokenizer.encode(sample)).toEqual(model.tokenizer.encode(sample))
    expect(other.tokenizer.decode(model.tokenizer.encode(sample))).toBe(sample)
    expect(other.tokenizer.vocabSize).toBe(model.tokenizer.vocabSize)
  })

  test("the course's decoder becomes a GPT-2, with its output bias in the final norm", async () => {
    for (const preset of ['decoder', 'layer-norm'] as const) {
      await using model = await small({ preset })
      const exported = await model.export(fresh())
      expect(exported).toMatchObject({
        architecture: 'gpt2',
        notes: [expect.stringMatching(/became part of the bias/)],
      })
      await using other = await load(exported.folder, { device })
      await expectSame(model, other, 2e-5)
    }
  })

  test('an output bias of zero is left out', async () => {
    await using model = await small({ preset: 'gpt', tokenizer: 'byte' })
    await model.setParameter('head.bias', new Float32Array(256))
    await using other = await again(model)
    await expectSame(model, other, 0)
  })

  test('weights in f16 and bf16 are rounded', async () => {
    await using model = await small({ preset: 'cpu' })
    for (const [dtype, bits, from] of [
      ['f16', f16Bits, fromF16Bits],
      ['bf16', bf16Bits, fromBf16Bits],
    ] as const) {
      await using other = await again(model, { dtype })
      const [own, others] = [await model.parameters(), await other.parameters()]
      for (const [path, { data }] of own) expect(others.get(path)!.data).toEqual(from(bits(data)))
    }
    const wide = new Float32Array(32 * 12).fill(70_000)
    await model.setParameter('positionEmbedding.weight', wide)
    expect((await failureOf(() => model.export(fresh(), { dtype: 'f16' }))).message).toMatch(
      /^export: dtype is "f16": element 0 of transformer\.wpe\.weight is 70000, and f16 has no numbers beyond 65504\. Give `dtype: 'f32'`$/,
    )
  })
})

describe('what is written', () => {
  test('a folder is not replaced unless it is asked for, and never a run', async () => {
    const run = folder.path('run')
    await using model = await small({ preset: 'cpu', out: run })
    const path = fresh()
    mkdirSync(path)
    writeFileSync(join(path, 'notes.txt'), 'mine')
    const { files } = await model.export(path)
    expect(files.map(({ name }) => name)).toEqual([
      ...['model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'config.json'],
    ])
    for (const { name, bytes } of files) expect(readFileSync(join(path, name))).toHaveLength(bytes)
    const refused = await failureOf(() => model.export(path))
    expect(refused).toMatchObject({ code: 'foreign_files', option: 'out' })
    expect(refused.message).toMatch(/already contains .*`overwrite: true`$/)
    await model.export(path, { overwrite: true })
    await model.export(path, { format: 'gguf' })
    expect(readdirSync(path).sort()).toEqual([
      'Modelfile',
      'config.json',
      'model.gguf',
      'model.safetensors',
      'notes.txt',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    for (const overwrite of [false, true])
      expect(await failureOf(() => model.export(run, { overwrite }))).toMatchObject({
        ...{ code: 'foreign_files', reason: 'it is the folder of a run' },
      })
    // A run that has no checkpoint yet.
    const begun = fresh()
    mkdirSync(begun)
    copyFileSync(join(run, 'config.json'), join(begun, 'config.json'))
    expect(await failureOf(() => model.export(begun, { overwrite: true }))).toMatchObject({
      ...{ code: 'foreign_files', reason: 'its config.json is not that of a model' },
    })
    await model.export(begun, { format: 'gguf' })
    const file = join(path, 'notes.txt')
    expect(await failureOf(() => model.export(file))).toMatchObject({ code: 'write_failed' })
  })

  test('nothing is written if a weight is not finite', async () => {
    await using model = await small({ preset: 'cpu' })
    await model.setParameter('finalNorm.weight', new Float32Array(32).fill(Number.NaN))
    const path = fresh()
    expect(await failureOf(() => model.export(path))).toMatchObject({
      ...{
        code: 'non_finite',
        message: 'export: element 0 of finalNorm.weight is NaN. Export another checkpoint',
      },
    })
    expect(existsSync(path) ? readdirSync(path) : []).toEqual([])
  })

  test('options are checked, and a disposed model is refused', async () => {
    const model = await small({ preset: 'cpu' })
    const message = async (path: unknown, options: unknown) =>
      (await failureOf(() => model.export(path as string, options as ExportOptions))).message
    expect(await message(fresh(), { format: 'onnx' })).toMatch(
      /format is "onnx": must be 'huggingface', 'gguf' or 'peft'/,
    )
    expect(await message(fresh(), { format: 'gguf', dtype: 'bf16' })).toBe(
      "export: dtype is \"bf16\": it does not apply to `format: 'gguf'`. Give `dtype: 'f16'` or `dtype: 'f32'`",
    )
    expect(await message(fresh(), { dtype: 'q8_0' })).toMatch(/dtype is "q8_0": it does not apply to/)
    expect(await message('', {})).toMatch(/path/)
    await model.dispose()
    expect(await message(fresh(), {})).toMatch(/disposed/)
  })
})

describe('what is refused is named', () => {
  test.each<[TrainOptions, ExportOptions, RegExp]>([
    [
      { preset: 'bigram' },
      {},
      /^export: a model of the kind "bigram" has parts of its own.*`preset: 'cpu'`$/,
    ],
    [{ preset: 'residual' }, {}, /a model of the kind "residual"/],
    [
      { preset: 'speedrun' },
      { format: 'gguf' },
      /^export: activation is "relu-squared": Llama, .* gguf, cannot express it, nor `qkNorm: true`, `logitSoftcap: 15` or `embeddingNorm: true`\. Export it with `format: 'huggingface'`/,
    ],
    [
      { preset: 'gpt' },
      { format: 'gguf' },
      /^export: activation is "relu": GPT-2, .* gguf, cannot express it\. Export/,
    ],
    [
      { preset: 'gpt', kvHeads: 2 },
      {},
      /^export: kvHeads is 2: GPT-2, .* cannot express it\. Train a model without/,
    ],
    [{ preset: 'gpt', tokenizer: 'byte' }, {}, /^export: outputBias is true: .*`outputBias: false`$/],
    [{ ...llama, bias: true }, {}, /^export: outputBias is true/],
    [{ preset: 'speedrun', normEpsilon: 1e-5 }, {}, /^export: normEpsilon is 0\.00001: nanochat/],
  ])('%p with %p', async (options, exporting, message) => {
    await using model = await small(options)
    const error = await failureOf(() => model.export(fresh(), exporting))
    expect(error).toMatchObject({ code: 'export', message: expect.stringMatching(message) })
  })
})

/** Reads a GGUF file as its specification says. */
function readGguf(file: string) {
  const bytes = readFileSync(file)
  let at = 0
  const skip = (length: number) => {
    at += length
    return at - length
  }
  const u32 = () => bytes.readUInt32LE(skip(4))
  const u64 = () => Number(bytes.readBigUInt64LE(skip(8)))
  const string = () => {
    const begin = skip(u64())
    return bytes.toString('utf8', begin, at)
  }
  const value = (type: number): unknown => {
    if (type === 4 || type === 5) return u32()
    if (type === 6) return bytes.readFloatLE(skip(4))
    if (type === 7) return bytes[skip(1)] === 1
    if (type === 8) return string()
    const [of, count] = [u32(), u64()]
    return Array.from({ length: count }, () => value(of))
  }
  expect(bytes.toString('latin1', 0, 4)).toBe('GGUF')
  at = 4
  expect(u32()).toBe(3)
  const [tensorCount, entryCount] = [u64(), u64()]
  const metadata = Object.fromEntries(Array.from({ length: entryCount }, () => [string(), value(u32())]))
  const infos = Array.from({ length: tensorCount }, () => {
    const name = string()
    const dimensions = Array.from({ length: u32() }, u64)
    return { name, dimensions, type: u32(), offset: u64() }
  })
  const start = Math.ceil(at / 32) * 32
  const tensors = new Map(
    infos.map(({ name, dimensions, type, offset }) => {
      expect(offset % 32).toBe(0)
      const count = dimensions.reduce((product, n) => product * n, 1)
      const length = type === 8 ? (count / 32) * 34 : count * (type === 0 ? 4 : 2)
      return [name, { dimensions, type, data: bytes.subarray(start + offset, start + offset + length) }]
    }),
  )
  const last = Math.max(...infos.map(({ name, offset }) => offset + tensors.get(name)!.data.length))
  expect(bytes.length).toBe(start + Math.ceil(last / 32) * 32)
  return { metadata, tensors }
}

describe('GGUF', () => {
  test('a GPT-2 has the metadata and the tensors that llama.cpp reads', async () => {
    await using model = await small({ preset: 'cpu', tokenizer: 'bpe', vocabSize: 260, normEpsilon: 1e-3 })
    const path = fresh()
    const { notes } = await model.export(path, { format: 'gguf' })
    expect(notes).toEqual([expect.stringMatching(/approximates GELU/)])
    const { metadata, tensors } = readGguf(join(path, 'model.gguf'))
    expect(metadata).toMatchObject({
      'general.architecture': 'gpt2',
      'general.file_type': 0,
      'gpt2.context_length': 12,
      'gpt2.embedding_length': 32,
      'gpt2.feed_forward_length': 128,
      'gpt2.attention.head_count': 4,
      'gpt2.block_count': 2,
      'gpt2.attention.layer_norm_epsilon': Math.fround(1e-3),
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.add_bos_token': false,
      'tokenizer.ggml.eos_token_id': 0,
    })
    const tokens = metadata['tokenizer.ggml.tokens'] as string[]
    const merges = metadata['tokenizer.ggml.merges'] as string[]
    expect(tokens).toHaveLength(model.tokenizer.vocabSize)
    expect(merges.map((merge) => merge.replace(' ', ''))).toEqual(tokens.slice(256))
    const own = await model.parameters()
    const floats = (name: string) => new Float32Array(Uint8Array.from(tensors.get(name)!.data).buffer)
    const all = ['query', 'key', 'value'].flatMap((part) => [
      ...own.get(`blocks.1.attention.${part}.weight`)!.data,
    ])
    expect(tensors.get('blk.1.attn_qkv.weight')).toMatchObject({ dimensions: [32, 96], type: 0 })
    expect([...floats('blk.1.attn_qkv.weight')]).toEqual(all)
    expect(floats('blk.1.attn_qkv.bias')).toEqual(new Float32Array(96))
    expect(floats('output_norm.weight')).toEqual(own.get('finalNorm.weight')!.data)
    expect(tensors.has('output.weight')).toBe(false)
    expect(readFileSync(join(path, 'Modelfile'), 'utf8')).toBe(
      'FROM ./model.gguf\nTEMPLATE "{{ .Prompt }}"\nPARAMETER num_ctx 12\n',
    )
  })

  test("a Llama's queries and keys are interleaved, and narrow matrices stay in f16", async () => {
    await using model = await small({
      ...llama,
      embed: 40,
      heads: 2,
      feedForwardWidth: 64,
      tokenizer: 'byte',
    })
    const path = fresh()
    const { notes } = await model.export(path, { format: 'gguf', dtype: 'q8_0' })
    expect(notes).toEqual([
      expect.stringMatching(/^matrices such as token_embd\.weight are in f16, .* theirs have 40$/),
    ])
    const { metadata, tensors } = readGguf(join(path, 'model.gguf'))
    expect(metadata).toMatchObject({
      ...{ 'general.architecture': 'llama', 'general.file_type': 7, 'llama.rope.dimension_count': 20 },
      ...{ 'tokenizer.ggml.model': 'rwkv' },
    })
    expect((metadata['tokenizer.ggml.tokens'] as string[]).slice(91, 94)).toEqual(['[', '\\\\', ']'])
    const own = await model.parameters()
    const key = own.get('blocks.0.attention.key.weight')!.data
    const there = new Uint16Array(Uint8Array.from(tensors.get('blk.0.attn_k.weight')!.data).buffer)
    const row = (values: ArrayLike<number>, i: number) =>
      Array.from({ length: 40 }, (_, c) => values[i * 40 + c])
    for (const [to, from] of [
      [0, 0],
      [1, 10],
      [2, 1],
      [19, 19],
      [20, 20],
      [21, 30],
    ] as const)
      expect(row(there, to)).toEqual([...f16Bits(row(key, from))])
    expect(tensors.get('blk.0.ffn_down.weight')).toMatchObject({ type: 8, dimensions: [64, 40] })
    expect(tensors.get('output_norm.weight')).toMatchObject({ type: 0 })
  })

  test('characters beyond ASCII have a tokenizer, but not with ▁', async () => {
    await using model = await small({ preset: 'cpu' })
    const path = fresh()
    await model.export(path, { format: 'gguf' })
    const { metadata } = readGguf(join(path, 'model.gguf'))
    expect(metadata['tokenizer.ggml.model']).toBe('gemma4')
    expect((metadata['tokenizer.ggml.tokens'] as string[]).join('')).toBe(
      [...new Set(text)]
        .sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)
        .join('')
        .replace(' ', '▁'),
    )
    await using other = await small({ preset: 'cpu', data: { text: `${text}▁` } })
    expect((await failureOf(() => other.export(fresh(), { format: 'gguf' }))).message).toMatch(
      /^export: the tokenizer: .*▁, which stands for a space\. Export it with `format: 'huggingface'`/,
    )
  })

  test('tokenizers of other models are named as llama.cpp does, or refused', async () => {
    const change = async (edit: (json: Record<string, unknown>) => void) => {
      const path = goldenFolder('llama')
      const json = JSON.parse(readFileSync(join(path, 'tokenizer.json'), 'utf8'))
      edit(json)
      writeFileSync(join(path, 'tokenizer.json'), JSON.stringify(json))
      await using model = await load(path, { device })
      const out = fresh()
      await model.export(out, { format: 'gguf' })
      return readGguf(join(out, 'model.gguf')).metadata
    }
    const plain = await change(() => {})
    expect(plain).toMatchObject({ 'tokenizer.ggml.pre': 'gpt-2', 'tokenizer.ggml.eos_token_id': 0 })
    expect((plain['tokenizer.ggml.token_type'] as number[]).slice(0, 2)).toEqual([3, 1])
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true }
    const digits = { type: 'Digits', individual_digits: true }
    const smol = await change((json) => {
      json.pre_tokenizer = { type: 'Sequence', pretokenizers: [digits, byteLevel] }
    })
    expect(smol['tokenizer.ggml.pre']).toBe('smollm')
    const unknown = change((json) => {
      json.pre_tokenizer = {
        type: 'Sequence',
        pretokenizers: [{ ...digits, individual_digits: false }, byteLevel],
      }
    })
    expect((await failureOf(() => unknown)).message).toMatch(
      /^export: the tokenizer: llama\.cpp has no name for its/,
    )
    const normalized = change((json) => {
      json.normalizer = { type: 'NFC' }
    })
    expect((await failureOf(() => normalized)).message).toMatch(/normalizes texts \(NFC\)/)
  })

  test('the header begins as the specification says', () => {
    const header = ggufHeader({ 'a.b': { kind: 'string', value: 'é' } }, [
      { name: 't', shape: [2, 3], type: 'f16', bytes: 12 },
    ])
    const expected = Buffer.from(
      '4747554603000000' +
        '0100000000000000' +
        '0100000000000000' +
        '0300000000000000612e62' +
        '08000000' +
        '0200000000000000c3a9' +
        '010000000000000074' +
        '02000000' +
        '03000000000000000200000000000000' +
        '01000000' +
        '0000000000000000',
      'hex',
    )
    expect(Buffer.from(header.subarray(0, expected.length)).toString('hex')).toBe(expected.toString('hex'))
    expect(header.length).toBe(Math.ceil(expected.length / 32) * 32)
  })
})

describe('number formats', () => {
  test('every number of f16 rounds to itself, and numbers between two to the nearest, with ties to even', () => {
    const halves = Uint16Array.from({ length: 0x7c00 }, (_, i) => i)
    const values = fromF16Bits(halves)
    expect(f16Bits(values)).toEqual(halves)
    expect(f16Bits(values.map((value) => -value))).toEqual(halves.map((half) => half | 0x8000))
    const middle = values.subarray(1).map((value, i) => (value + values[i]) / 2)
    expect(f16Bits(middle)).toEqual(Uint16Array.from(middle, (_, i) => i + (i % 2)))
    expect([...f16Bits([65_519, 65_520, Infinity, -Infinity, 1e-8])]).toEqual([
      0x7bff, 0x7c00, 0x7c00, 0xfc00, 0,
    ])
    expect(fromF16Bits(f16Bits([Number.NaN]))[0]).toBeNaN()
  })

  test('a number in Q8_0 differs by at most half a step of its block', () => {
    const block = fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 64, maxLength: 64 })
    fc.assert(
      fc.property(block, (numbers) => {
        const values = Float32Array.from(numbers)
        const bytes = encodeValues('q8_0', values, 'w')
        expect(bytes).toHaveLength(68)
        for (const at of [0, 1]) {
          const [scale] = fromF16Bits(Uint16Array.of(bytes[34 * at] | (bytes[34 * at + 1] << 8)))
          const part = values.subarray(32 * at, 32 * at + 32)
          const most = part.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
          expect(Math.abs(scale - most / 127)).toBeLessThanOrEqual(most / 127 / 2000 + 2 ** -24)
          part.forEach((value, i) => {
            const whole = (bytes[34 * at + 2 + i] << 24) >> 24
            expect(Math.abs(whole)).toBeLessThanOrEqual(127)
            expect(Math.abs(whole * (most / 127) - value)).toBeLessThanOrEqual((most / 127) * 0.5001)
          })
        }
      }),
      { numRuns: 50 },
    )
  })
})

test('an output bias moves to the norm if the matrix allows it', () => {
  const weight = Float32Array.of(1, 2, 3, -1, 0.5, 2)
  const moved = moveToNorm(weight, Float32Array.of(4, -2), Float32Array.of(0.5, 0, -1))!
  const added = [moved[0] - 0.5, moved[1], moved[2] + 1]
  expect(added[0] + 2 * added[1] + 3 * added[2]).toBeCloseTo(4, 5)
  expect(-added[0] + 0.5 * added[1] + 2 * added[2]).toBeCloseTo(-2, 5)
  // Two equal rows cannot have different biases, and three rows of two channels seldom fit.
  expect(moveToNorm(Float32Array.of(1, 2, 1, 2), Float32Array.of(1, 2), new Float32Array(2))).toBeUndefined()
  expect(moveToNorm(new Float32Array(6), Float32Array.of(1, 2, 3), new Float32Array(2))).toBeUndefined()
})

test('a folder that the export left incomplete is not taken for a model', async () => {
  await using model = await small({ preset: 'cpu' })
  const { folder } = await model.export(fresh())
  rmSync(join(folder, 'config.json'))
  expect((await failureOf(() => load(folder, { device }))).code).toBe('file_not_found')
})
