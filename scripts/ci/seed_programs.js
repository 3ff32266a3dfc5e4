// Writes the encoded Programs of small models into a folder, as the fuzzer's seed corpus.
const { writeFileSync } = require('node:fs')
const { join } = require('node:path')
const lib = (file) => require(join(__dirname, '..', '..', 'dist', file))
const { createModel } = lib('architectures/create.js')
const { stageKinds } = lib('model/config.js')
const { defaultVariants } = lib('nn/index.js')
const { decodeProgram, prefillProgram } = lib('generate/programs.js')
const { evaluationProgram, gradientProgram } = lib('model/programs.js')
const { updateProgram } = lib('optim/update.js')
const { encode } = lib('graph/wire.js')
const { fuse } = lib('passes/fuse.js')
const { gradients } = lib('passes/autodiff.js')
const { Trace } = lib('graph/trace.js')
const { batchedMatmul, copy, crossEntropy, fusedOpNames, maskedSoftmax, opsByName, trilMean } =
  lib('ops/index.js')

const folder = process.argv[2]
const corpus = { dtype: 'u16', length: 50 }
const updates = {
  ...{ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, gradientClip: 1 },
  ...{ momentum: 0.9, nesterov: true, emaDecay: 0 },
}
function write(name, program) {
  writeFileSync(join(folder, name), encode(program, opsByName))
  writeFileSync(join(folder, `${name}-fused`), encode(fuse(program, fusedOpNames), opsByName))
}

const sizes = { vocabSize: 7, blockSize: 5, embed: 6, heads: 2, layers: 1, dropout: 0.2 }
const configs = Object.fromEntries(
  stageKinds.map((kind) => [kind, { kind, ...sizes, heads: kind === 'single-head' ? 1 : 2 }]),
)
const gpt = (variants) => ({ kind: 'gpt', ...sizes, embed: 8, ...defaultVariants(sizes), ...variants })
configs.gpt = gpt({ activation: 'gelu', tiedEmbeddings: true, bias: false, embeddingDropout: 0.1 })
configs['gpt-tanh'] = gpt({ activation: 'gelu-tanh', norm: 'rms', kvHeads: 1, embeddingNorm: true })
configs['gpt-rope'] = gpt({
  ...{
    positions: 'rope',
    norm: 'rms',
    normAffine: false,
    activation: 'relu-squared',
    qkNorm: true,
    logitSoftcap: 15,
  },
})
configs['gpt-swiglu'] = gpt({ positions: 'rope', activation: 'swiglu', attentionDropout: 0 })

for (const [name, config] of Object.entries(configs)) {
  const { model, parameters } = createModel(config)
  const programs = [
    gradientProgram(model, parameters, corpus, { batchSize: 2, gradientAccumulationSteps: 1 }),
    updateProgram(parameters, { ...updates, optimizer: 'adamw' }),
    evaluationProgram(model, corpus, 2),
    prefillProgram(model, { name: '0', slots: 2 }, 4, { penalty: false }),
    decodeProgram(model, { name: '0', slots: 4 }, 3, { penalty: true }),
  ]
  for (const program of programs) write(`${name}-${program.name.replaceAll(' ', '-')}`, program)
  for (const optimizer of ['sgd', 'muon']) {
    write(`${name}-${optimizer}`, updateProgram(parameters, { ...updates, optimizer, emaDecay: 0.9 }))
  }
}

// Attention composed by hand, with its gradient: these ops occur in no model.
const trace = new Trace('head')
const [q, k, v] = ['q', 'k', 'v'].map((name) => trace.store(name, 'f32', [2, 3, 4]))
const weights = maskedSoftmax(batchedMatmul(q, k, false, true), { scale: 0.5 })
const y = batchedMatmul(batchedMatmul(trilMean(3, trace), weights), v)
const loss = crossEntropy(y, trace.input('targets', 'i32', [2, 3]))
for (const gradient of gradients(loss, [q, k, v])) trace.output(`d${gradient.id}`, copy(gradient))
write('attention-by-hand', trace.finish())
