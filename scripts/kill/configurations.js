// The runs that are killed: tiny models that together have every feature of a training step.

const text = ((words) => {
  let [state, text] = [12345, '']
  while (text.length < 2400) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    text += `${words[(state >>> 16) % words.length]}${(state >>> 8) % 7 === 0 ? '.\n' : ' '}`
  }
  return text
})('the cat sat on a mat and saw what the dog had done to its old grey hat'.split(' '))

const small = { blockSize: 8, embed: 12, heads: 2, layers: 2, batchSize: 2, evalBatches: 2, sampleTokens: 12 }
const rest = {
  dropout: 0.2,
  gradientAccumulationSteps: 3,
  gradientClip: 0.5,
  device: 'cpu',
  keepCheckpoints: 2,
  // A few tens of milliseconds.
  checkpointMinutes: 0.0004,
}
const common = { ...small, ...rest }

/**
 * Options of train(), without `data`, by name. `textIn` says whether the run is given a text, which it
 * then keeps in its folder, or a file.
 */
const configurations = {
  adamw: {
    options: {
      ...common,
      preset: 'decoder',
      optimizer: 'adamw',
      schedule: 'cosine',
      warmup: 40,
      finalLearningRateFraction: 0.1,
      emaDecay: 0.95,
      steps: 300,
      evalInterval: 20,
      sampleInterval: 35,
      checkpointInterval: 25,
      exactEvaluation: true,
      learningRate: 3e-3,
      seed: 11,
    },
    textIn: 'options',
  },
  muon: {
    options: {
      ...common,
      preset: 'gpt',
      positions: 'rope',
      norm: 'rms',
      activation: 'swiglu',
      optimizer: 'muon',
      schedule: 'wsd',
      warmup: 30,
      decayFraction: 0.5,
      momentumWarmup: 50,
      emaDecay: 0.9,
      steps: 250,
      evalInterval: 15,
      sampleInterval: 20,
      checkpointInterval: 10,
      exactEvaluation: true,
      seed: 12,
    },
    textIn: 'file',
  },
  'adamw-one-checkpoint': {
    options: {
      ...common,
      preset: 'gpt',
      tiedEmbeddings: true,
      logitSoftcap: 15,
      attentionDropout: 0.1,
      optimizer: 'adamw',
      schedule: 'linear',
      warmup: 10,
      steps: 300,
      evalInterval: 30,
      sampleInterval: 30,
      checkpointInterval: 7,
      keepCheckpoints: 1,
      learningRate: 1e-2,
      seed: 13,
    },
    textIn: 'file',
  },
  'muon-by-time': {
    options: {
      ...common,
      preset: 'decoder',
      optimizer: 'muon',
      schedule: 'cosine',
      warmup: 20,
      steps: 240,
      evalInterval: 40,
      sampleInterval: 25,
      // Only the clock and the best evaluations decide.
      checkpointInterval: 100_000,
      checkpointMinutes: 0.0001,
      keepCheckpoints: 3,
      seed: 14,
    },
    textIn: 'options',
  },
  sgd: {
    options: {
      ...common,
      preset: 'layer-norm',
      optimizer: 'sgd',
      nesterov: true,
      learningRate: 0.05,
      schedule: 'constant',
      warmup: 25,
      emaDecay: 0.99,
      steps: 300,
      evalInterval: 10,
      sampleInterval: 0,
      checkpointInterval: 15,
      exactEvaluation: true,
      seed: 15,
    },
    textIn: 'file',
  },
  bigram: {
    options: {
      preset: 'bigram',
      blockSize: 8,
      batchSize: 4,
      evalBatches: 3,
      sampleTokens: 20,
      ...rest,
      dropout: undefined,
      optimizer: 'adamw',
      schedule: 'wsd',
      warmup: 100,
      learningRate: 1e-2,
      emaDecay: 0.9,
      // Enough steps that most kills come between events.
      steps: 6000,
      evalInterval: 500,
      sampleInterval: 700,
      checkpointInterval: 400,
      seed: 16,
    },
    textIn: 'options',
  },
}

module.exports = { configurations, text }
