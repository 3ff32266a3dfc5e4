// Models in Hugging Face folders: the logits and the greedy tokens of transformers, for the small models that
// scripts/torch/hugging_face.py writes; and folders that are refused.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { evaluate, load, train } from '../../lib'
import type { Model } from '../../lib/api/model'
import { createModel } from '../../lib/architectures/create'
import { openSession } from '../../lib/backend/devices'
import { RecordLayout } from '../../lib/backend/records'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { readForeignConfig } from '../../lib/checkpoint/hugging_face/config'
import { decodeSafetensors, encodeSafetensors } from '../../lib/checkpoint/safetensors'
import { fromF16Bits } from '../../lib/graph/rounding'
import { Trace } from '../../lib/graph/trace'
import { checkSizes } from '../../lib/model/config'
import { loadWeights } from '../../lib/model/weights'
import { failureOf, hasControls } from '../support/errors'
import { temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const golden = join(__dirname, '..', 'golden', 'hugging-face')
const names = readdirSync(golden).filter((name) => !name.endsWith('.json'))

interface Golden {
  readonly prompt: string
  readonly tokens: readonly number[]
  /** Every seventh, by position. */
  readonly logits: readonly (readonly number[])[]
  readonly greedy: readonly number[]
  readonly text: string
}
const goldenOf = (name: string): Golden => JSON.parse(readFileSync(join(golden, name, 'golden.json'), 'utf8'))

/** A copy of the folder of a model, with its tokenizer. */
function copyOf(name: string, change: (config: Record<string, unknown>) => void = () => {}): string {
  const path = folder.path(name)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path)
  for (const file of readdirSync(join(golden, name))) copyFileSync(join(golden, name, file), join(path, file))
  copyFileSync(join(golden, 'tokenizer.json'), join(path, 'tokenizer.json'))
  const config = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'))
  change(config)
  writeFileSync(join(path, 'config.json'), JSON.stringify(config))
  return path
}

/** The logits of tokens at all positions, in rows. */
async function logitsOf(path: string, device: string, tokens: readonly number[]): Promise<number[][]> {
  const checkpoint = await readCheckpoint(path)
  const { model, parameters } = createModel(checkpoint.info.model)
  const session = await openSession({ device })
  try {
    await loadWeights(session, parameters, checkpoint)
    const trace = new Trace('logits')
    trace.output('logits', model.forward(trace.input('tokens', 'i32', [1, tokens.length])))
    const program = trace.finish()
    const handle = await session.compile(program)
    const inputs = new RecordLayout(program, 'input').pack([{ tokens }])
    const { outputs } = await session.run(1, [{ program: handle, times: 1, inputs }])
    const logits = [...new RecordLayout(program, 'output').unpack(outputs[0], 'logits')]
    const { vocabSize } = checkpoint.info.model
    return tokens.map((_, t) => logits.slice(t * vocabSize, (t + 1) * vocabSize))
  } finally {
    await session.dispose()
  }
}

test('there are models of each architecture', () => {
  for (const [kind, count] of Object.entries({ gpt2: 5, llama: 5, nanochat: 2 }))
    expect(names.filter((name) => name.startsWith(kind))).toHaveLength(count)
})

describe.each(['js', 'cpu'])('on %s', (device) => {
  test.each(names)('%s has the logits and the greedy tokens of transformers', async (name) => {
    const { tokens, logits, prompt, greedy, text } = goldenOf(name)
    const path = copyOf(name)
    const found = await logitsOf(path, device, tokens)
    for (const [t, row] of logits.entries()) {
      const own = found[t].filter((_, at) => at % 7 === 0)
      expect(own).toHaveLength(row.length)
      for (const [at, value] of row.entries()) expect(Math.abs(own[at] - value)).toBeLessThan(2e-5)
    }
    await using model = await load(path, { device: device as 'js' })
    const [completion] = await model.complete({ prompt, temperature: 0, maxTokens: greedy.length })
    expect([...completion.tokens]).toEqual(greedy)
    expect(completion.text).toBe(text)
  })
})

const device = 'js'
const text = { text: 'the quick brown fox jumps over the lazy dog. '.repeat(30) }

describe('a folder is a model', () => {
  test('it evaluates, and its info is that of a model without training', async () => {
    const path = copyOf('llama-grouped')
    const { valLoss, blockSize, best, checkpoint } = await evaluate({ model: path, data: text, device })
    expect(valLoss).toBeGreaterThan(1)
    expect({ blockSize, best, checkpoint }).toEqual({ blockSize: 24, best: null, checkpoint: path })
    await using model = await load(path, { device })
    expect(model.info).toMatchObject({ training: null, step: 0, data: null })
    expect(model.config).toMatchObject({
      ...{ embed: 8, heads: 4, kvHeads: 2, ropeBase: 100_000, normEpsilon: 1e-5, activation: 'swiglu' },
      ...{ tiedEmbeddings: true, bias: false, qkvBias: false, feedForwardWidth: 20 },
    })
    expect((await failureOf(() => evaluate({ model: path, device }))).message).toMatch(
      /it does not record a training text\. Give a text as `data`$/,
    )
    const saved = folder.path('saved.safetensors')
    await model.save(saved)
    await using again = await load(saved, { device })
    expect(await again.loss('the quick brown fox')).toBe(await model.loss('the quick brown fox'))
  })

  test.each(['gpt2-odd', 'llama-odd'])('%s is fine-tuned, and the run resumes', async (name) => {
    const [path, out] = [copyOf(name), folder.path(`${name}-tuned`)]
    const numbers = { learningRate: 1e-3, evalInterval: 4, evalBatches: 1, gradientAccumulationSteps: 1 }
    await using tuned = await train({ from: path, data: text, device, steps: 8, ...numbers, out })
    expect(tuned.info.training).toMatchObject({ batchSize: 1, schedule: 'linear', gradientClip: 1 })
    await using before = await load(path, { device })
    const loss = (model: Model) => model.loss(text.text.slice(0, 200))
    expect(await loss(tuned)).toBeLessThan((await loss(before)) - 0.1)
    await using more = await train({ resume: out, steps: 9, device, data: text })
    expect(more.info.step).toBe(9)
    expect(more.config).toEqual({ ...before.config })
  })

  test('fine-tuning needs a text, and can take a smaller context', async () => {
    const path = copyOf('gpt2-untied')
    expect((await failureOf(() => train({ from: path, device }))).message).toMatch(
      /^train: .*: it does not record a training text\. Give a text as `data`$/,
    )
    await using model = await train({
      from: path,
      data: text,
      device,
      steps: 1,
      blockSize: 6,
      evalInterval: 1,
    })
    expect(model.config.blockSize).toBe(6)
    expect((await failureOf(() => train({ resume: path, device }))).message).toMatch(
      /it has no training state.*`from` instead of `resume`/,
    )
  })

  test('a long context is limited to 1,024 tokens, unless more are asked for', async () => {
    const path = copyOf('llama', (config) => {
      config.max_position_embeddings = 8192
    })
    await using usual = await load(path, { device })
    expect(usual.config.blockSize).toBe(1024)
    await using long = await load(path, { device, blockSize: 3000 })
    expect(long.config.blockSize).toBe(3000)
  })

  test('rows that the tokenizer has no tokens for are left out', async () => {
    const { model } = (await readCheckpoint(copyOf('gpt2-sharded'))).info
    expect(model.vocabSize).toBe(264)
    const config = JSON.parse(readFileSync(join(golden, 'gpt2-sharded', 'config.json'), 'utf8'))
    expect(config.vocab_size).toBe(272)
  })
})

describe('config.json', () => {
  const messageFor = async (name: string, change: Record<string, unknown>) => {
    const path = copyOf(name, (config) => Object.assign(config, change))
    const error = await failureOf(() => load(path, { device }))
    expect(error).toMatchObject({ code: 'checkpoint', file: join(path, 'config.json') })
    return error.message.slice(path.length + 1)
  }

  test.each<[string, Record<string, unknown>, RegExp]>([
    [
      'gpt2',
      { model_type: 'mistral' },
      /model_type is "mistral": must be gpt2, llama or nanochat\. nano-gpt loads/,
    ],
    ['gpt2', { model_type: undefined }, /model_type is missing: must be gpt2, llama or nanochat/],
    [
      'gpt2',
      { activation_function: 'tanh' },
      /activation_function is "tanh": must be gelu_new, gelu_pytorch_tanh, .*Use another/,
    ],
    [
      'gpt2',
      { scale_attn_by_inverse_layer_idx: true },
      /scale_attn_by_inverse_layer_idx is true: only false is/,
    ],
    ['gpt2', { scale_attn_weights: false }, /scale_attn_weights is false: only true is supported/],
    ['gpt2', { add_cross_attention: true }, /add_cross_attention is true/],
    [
      'gpt2',
      { quantization_config: { bits: 4 } },
      /quantization_config is an object: nano-gpt does not know/,
    ],
    ['gpt2', { n_head: 3 }, /heads is 3: it must divide `embed`, which is 8/],
    ['gpt2', { n_layer: 1e9 }, /n_layer is 1000000000: must be at most 1000/],
    ['gpt2', { n_embd: -1 }, /n_embd is -1: must be at least 1/],
    ['gpt2', { n_embd: null }, /n_embd is missing: must be a number/],
    ['gpt2', { layer_norm_epsilon: 'a' }, /layer_norm_epsilon is "a": must be a number/],
    ['gpt2', { vocab_size: 200 }, /vocab_size is 200: the tokenizer has 264 tokens, so the model lacks/],
    ['llama', { hidden_act: 'gelu' }, /hidden_act is "gelu": only silu and swish is supported/],
    ['llama', { attention_bias: true }, /attention_bias is true: mlp_bias is false, and only both/],
    [
      'llama',
      { sliding_window: 4096 },
      /sliding_window is 4096: nano-gpt does not know this entry.*remove it/,
    ],
    ['llama', { rope_interleaved: true }, /rope_interleaved is true: only false is supported/],
    [
      'llama',
      { rope_scaling: { type: 'linear', factor: 2 } },
      /rope_scaling\.type is "linear": only default is supported/,
    ],
    [
      'llama',
      { rope_parameters: { rope_type: 'llama3', rope_theta: 5e5, factor: 8 } },
      /rope_parameters\.rope_type is "llama3": only default is supported/,
    ],
    ['llama', { rope_parameters: 7 }, /rope_parameters is 7: must be an object or null/],
    ['llama', { rope_parameters: { factor: 8 } }, /rope_parameters\.factor is 8: nano-gpt does not know/],
    ['llama', { num_key_value_heads: 3 }, /kvHeads is 3: it must divide `heads`/],
    ['llama', { head_dim: 5 }, /positions is "rope": .*`headSize`/],
    ['nanochat', { attention_bias: true }, /attention_bias is true: only false is supported/],
    ['nanochat', { rms_norm_eps: 1e-5 }, /rms_norm_eps is 0\.00001: only 0\.000001 is supported/],
    ['nanochat', { hidden_act: 'silu' }, /hidden_act is "silu": must be gelu_new, .* or relu2/],
    ['nanochat', { final_logit_softcapping: -1 }, /final_logit_softcapping is -1: must be at least 0/],
  ])('of %s with %p is refused', async (name, change, message) => {
    expect(await messageFor(name, change)).toMatch(message)
  })

  test.each(['gpt2', 'llama', 'nanochat'])('any other value of %s is accepted or refused', async (name) => {
    const config = JSON.parse(readFileSync(join(golden, name, 'config.json'), 'utf8'))
    const values = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.integer(), fc.constantFrom(0, 1, 0.5, 1e300))
    const key = fc.oneof(fc.constantFrom(...Object.keys(config)), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(fc.dictionary(key, values, { minKeys: 1, maxKeys: 3 }), (changes) => {
        try {
          const { model } = readForeignConfig('config.json', { ...config, ...changes })
          expect(() => checkSizes(model)).not.toThrow()
        } catch (error) {
          expect(error).toMatchObject({ name: 'NanoGptError', code: 'checkpoint' })
          expect(hasControls((error as Error).message)).toBe(false)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('the files of gpt2-medium, distilgpt2 and SmolLM2-135M are read', () => {
    const summary = { summary_activation: null, summary_first_dropout: 0.1, summary_proj_to_labels: true }
    const gpt2 = {
      ...{ activation_function: 'gelu_new', architectures: ['GPT2LMHeadModel'], attn_pdrop: 0.1 },
      ...{ bos_token_id: 50256, embd_pdrop: 0.1, eos_token_id: 50256, initializer_range: 0.02, n_ctx: 1024 },
      ...{
        layer_norm_epsilon: 1e-5,
        model_type: 'gpt2',
        n_embd: 1024,
        n_head: 16,
        n_layer: 24,
        n_special: 0,
      },
      ...{ n_positions: 1024, predict_special_tokens: true, resid_pdrop: 0.1, vocab_size: 50257, ...summary },
      ...{ summary_type: 'cls_index', summary_use_proj: true, _num_labels: 1, id2label: { 0: 'LABEL_0' } },
      ...{ label2id: { LABEL_0: 0 }, task_specific_params: { 'text-generation': { do_sample: true } } },
    }
    expect(readForeignConfig('config.json', gpt2).model).toMatchObject({ layers: 24, dropout: 0.1 })
    const smolLm2 = {
      ...{
        architectures: ['LlamaForCausalLM'],
        attention_bias: false,
        attention_dropout: 0,
        bos_token_id: 0,
      },
      ...{
        eos_token_id: 0,
        hidden_act: 'silu',
        hidden_size: 576,
        initializer_range: 0.0417,
        vocab_size: 49152,
      },
      ...{
        intermediate_size: 1536,
        is_llama_config: true,
        max_position_embeddings: 8192,
        model_type: 'llama',
      },
      ...{ num_attention_heads: 9, num_hidden_layers: 30, num_key_value_heads: 3, pretraining_tp: 1 },
      ...{ rms_norm_eps: 1e-5, rope_interleaved: false, rope_scaling: null, rope_theta: 100000 },
      ...{
        tie_word_embeddings: true,
        torch_dtype: 'bfloat16',
        transformers_version: '4.40.1',
        use_cache: true,
      },
    }
    expect(readForeignConfig('config.json', smolLm2).model).toMatchObject({ kvHeads: 3, ropeBase: 100_000 })
  })

  test('entries that change nothing are ignored', async () => {
    const path = copyOf('llama', (config) => {
      Object.assign(config, {
        is_llama_config: true,
        sliding_window: null,
        future: false,
        'transformers.js_config': {},
      })
    })
    expect((await readCheckpoint(path)).info.model).toMatchObject({ kind: 'gpt', layers: 2 })
  })
})

describe('the files of a folder', () => {
  test('a file that is replaced or shortened after its header was read is refused', async () => {
    const path = copyOf('gpt2')
    const file = join(path, 'model.safetensors')
    for (const change of [
      () => writeFileSync(file, readFileSync(file).subarray(0, -8)),
      () => rmSync(file),
      () => {
        const bytes = readFileSync(join(golden, 'gpt2', 'model.safetensors'))
        rmSync(file, { force: true })
        writeFileSync(file, bytes)
      },
    ]) {
      const checkpoint = await readCheckpoint(copyOf('gpt2'))
      change()
      const { parameters } = createModel(checkpoint.info.model)
      const session = await openSession({ device })
      const error = await failureOf(() => loadWeights(session, parameters, checkpoint))
      await session.dispose()
      expect(['safetensors', 'file_not_found']).toContain(error.code)
      expect(error.message).toContain(file)
    }
  })

  test('a context that is cut within a part of the positions', async () => {
    await using short = await load(copyOf('gpt2'), { device, blockSize: 5 })
    await using whole = await load(copyOf('gpt2'), { device })
    const table = 'positionEmbedding.weight'
    const [few, all] = [(await short.parameters()).get(table)!, (await whole.parameters()).get(table)!]
    expect(few.shape).toEqual([5, 8])
    expect(few.data).toEqual(all.data.subarray(0, 40))
  })

  const failure = (path: string) => failureOf(() => load(path, { device }))
  const edit = (path: string, change: (tensors: ReturnType<typeof read>) => void) => {
    const tensors = read(path)
    change(tensors)
    writeFileSync(join(path, 'model.safetensors'), encodeSafetensors(tensors.values()))
  }
  const read = (path: string) =>
    new Map(decodeSafetensors(readFileSync(join(path, 'model.safetensors'))).tensors)

  test('a tensor that is missing, strange, of another shape or type, or not finite is named', async () => {
    const path = copyOf('llama-biases')
    const changed = async (change: Parameters<typeof edit>[1]) => {
      copyOf('llama-biases')
      edit(path, change)
      return (await failure(path)).message
    }
    expect(await changed((all) => all.delete('norm.weight'))).toMatch(
      /lacks norm\.weight, which should be \[8\]/,
    )
    const stray = { name: 'score.weight', dtype: 'f32', shape: [1], data: new Float32Array(1) } as const
    expect(await changed((all) => all.set(stray.name, stray))).toMatch(
      /its tensor "score\.weight" belongs to no part of the model that config\.json describes/,
    )
    expect(
      await changed((all) => all.set('n', { ...stray, name: 'norm.weight' }) && all.delete('norm.weight')),
    ).toMatch(/"norm\.weight" is f32 \[1\], and config\.json requires \[8\]/)
    const twice = { ...stray, name: 'model.norm.weight', shape: [8], data: new Float32Array(8) }
    expect(await changed((all) => all.set('n', twice))).toMatch(/"(model\.)?norm\.weight" appears twice/)
    const wide = { name: 'norm.weight', dtype: 'f64', shape: [8], data: new Float64Array(8) } as const
    expect(await changed((all) => all.set('norm.weight', wide))).toMatch(/"norm\.weight" is f64, not one of/)
    const nan = { ...twice, name: 'norm.weight', data: new Float32Array(8).fill(Number.NaN) }
    expect(await changed((all) => all.set('norm.weight', nan))).toMatch(
      /element 0 of its tensor finalNorm\.weight is NaN/,
    )
  })

  test('a tied model does without the head that its file has', async () => {
    const path = copyOf('llama-biases')
    const data = new Float32Array(264 * 8).fill(Number.NaN)
    edit(path, (all) => all.set('h', { name: 'lm_head.weight', dtype: 'f32', shape: [264, 8], data }))
    const { greedy, prompt } = goldenOf('llama-biases')
    await using model = await load(path, { device })
    const [completion] = await model.complete({ prompt, temperature: 0, maxTokens: greedy.length })
    expect([...completion.tokens]).toEqual(greedy)
  })

  test('files that are missing, or pickles', async () => {
    const path = copyOf('gpt2')
    rmSync(join(path, 'model.safetensors'))
    expect((await failure(path)).message).toMatch(/the folder contains no model\.safetensors/)
    writeFileSync(join(path, 'pytorch_model.bin'), 'PK')
    expect((await failure(path)).message).toMatch(
      /its weights are in pytorch_model\.bin, a pickle, and reading one can run any code\. Convert it to safetensors/,
    )
    writeFileSync(folder.path('model.gguf'), 'GGUF')
    for (const path of [folder.path(), folder.path('model.gguf')])
      expect((await failure(path)).message).toMatch(/model\.gguf: it is a GGUF file, .* does not read/)
    writeFileSync(folder.path('ckpt.pt'), 'PK')
    expect((await failure(folder.path('ckpt.pt'))).message).toMatch(
      /ckpt\.pt: it is a PyTorch file, a pickle, .*docs\/models\.md$/,
    )
    const bare = copyOf('gpt2')
    rmSync(join(bare, 'tokenizer.json'))
    expect((await failure(bare)).message).toMatch(/no tokenizer\.json\. Copy it from the source of the model/)
    rmSync(join(bare, 'config.json'))
    expect(await failure(bare)).toMatchObject({ code: 'file_not_found' })
  })

  test.each<[unknown, RegExp]>([
    [
      { weight_map: { a: '../model.safetensors' } },
      /weight_map names "\.\.\/model\.safetensors", which is not/,
    ],
    [{ weight_map: { a: 7 } }, /weight_map names 7/],
    [{ weight_map: {} }, /it has no weight_map/],
    [[], /it has no weight_map/],
    [null, /it has no weight_map/],
    [{ weight_map: { a: 'absent.safetensors' } }, /there is no file .*absent\.safetensors/],
  ])('the index %p is refused', async (index, message) => {
    const path = copyOf('gpt2-sharded')
    writeFileSync(join(path, 'model.safetensors.index.json'), JSON.stringify(index))
    expect((await failure(path)).message).toMatch(message)
  })

  test('a lost or damaged part of a sharded model is named', async () => {
    const path = copyOf('llama-sharded')
    const [first] = readdirSync(path).filter((name) => name.startsWith('model-'))
    const bytes = readFileSync(join(path, first))
    writeFileSync(join(path, first), bytes.subarray(0, bytes.length - 1))
    expect(await failure(path)).toMatchObject({
      code: 'safetensors',
      message: expect.stringContaining(first),
    })
    rmSync(join(path, first))
    expect((await failure(path)).message).toContain(first)
  })

  test("GPT-2's own tokenizer is used if its vocabulary fits", async () => {
    const path = folder.path('small-gpt2')
    mkdirSync(path)
    const config = {
      model_type: 'gpt2',
      n_embd: 1,
      n_head: 1,
      n_layer: 1,
      n_positions: 4,
      vocab_size: 50257,
      n_inner: 1,
    }
    writeFileSync(join(path, 'config.json'), JSON.stringify(config))
    const shapes: Record<string, number[]> = {
      ...{ 'wte.weight': [50257, 1], 'wpe.weight': [4, 1], 'ln_f.weight': [1], 'ln_f.bias': [1] },
      ...{ 'h.0.ln_1.weight': [1], 'h.0.ln_1.bias': [1], 'h.0.ln_2.weight': [1], 'h.0.ln_2.bias': [1] },
      ...{ 'h.0.attn.c_attn.weight': [1, 3], 'h.0.attn.c_attn.bias': [3] },
      ...{ 'h.0.attn.c_proj.weight': [1, 1], 'h.0.attn.c_proj.bias': [1] },
      ...{ 'h.0.mlp.c_fc.weight': [1, 1], 'h.0.mlp.c_fc.bias': [1] },
      ...{ 'h.0.mlp.c_proj.weight': [1, 1], 'h.0.mlp.c_proj.bias': [1] },
    }
    const tensors = Object.entries(shapes).map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b))
      return { name, dtype: 'f32' as const, shape, data }
    })
    writeFileSync(join(path, 'model.safetensors'), encodeSafetensors(tensors))
    expect((await readCheckpoint(path)).info.tokenizer).toEqual({ type: 'gpt2' })
    writeFileSync(join(path, 'vocab.json'), JSON.stringify({ '!': 0, '"': 2 }))
    expect((await failure(path)).message).toMatch(
      /vocab\.json: it is not GPT-2's vocabulary: its token '"' is 2, not 1\. Add the model's tokenizer\.json/,
    )
  })
})

test('f16 is converted exactly', () => {
  const bits = [
    0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x03ff, 0x8400, 0x7c00, 0xfc00, 0x7e00,
  ]
  const values = [0, -0, 1, -2, 0.333251953125, 65504, 2 ** -24, 1023 * 2 ** -24, -(2 ** -14)]
  expect([...fromF16Bits(Uint16Array.from(bits))]).toEqual([...values, Infinity, -Infinity, Number.NaN])
})
