// What editors and compilers know of the options. Written by scripts/options.js from the tables beside it: change those, then run
// `npm run options`.

/** Options of `train()`. */
export interface TrainOptions {
  /** Shakespeare, moby-dick, a text file or { text }; several are joined. A corpus, the path of a text file, { text }, or several of them in an array. Default: shakespeare. */
  data?: 'shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string } | readonly ('shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string })[]
  /** 'normalize' turns CRLF and CR into line feeds; 'keep' leaves them. Default: normalize. */
  lineEndings?: 'normalize' | 'keep'
  /** How text becomes tokens: 'char', one for each distinct character. Default: char. */
  tokenizer?: 'char'
  /** Continue the run in this folder as if it had never stopped. A path. Default: none. */
  resume?: string
  /** Start a new run from the weights of a run or checkpoint. A path. Default: none. */
  from?: string
  /** Take options that are not given from a run or JSON file. A path. Default: none. */
  config?: string
  /** Model and training options to start from; "auto" measures this device. Default: cpu. */
  preset?: 'notebook' | 'bigram' | 'single-head' | 'multi-head' | 'feed-forward' | 'blocks' | 'residual' | 'layer-norm' | 'decoder' | 'gpt' | 'cpu' | 'baby' | 'speedrun' | 'auto' | (string & {})
  /** How long to train, roughly. A number above 0. Only with `preset` 'auto'. Default: 3. */
  minutes?: number
  /** Transformer blocks. A whole number from 1 to 1000. Default: the preset's. */
  layers?: number
  /** Attention heads; they divide `embed`. A whole number of at least 1. Default: the preset's. */
  heads?: number
  /** Channels of an embedding. A whole number of at least 1. Default: the preset's. */
  embed?: number
  /** Context length in tokens. A whole number of at least 1. Default: the preset's. */
  blockSize?: number
  /** Dropout probability. A number from 0 to below 1. Default: the preset's. */
  dropout?: number
  /** How the model knows positions: 'learned' vectors or 'rope'. Default: learned. */
  positions?: 'learned' | 'rope'
  /** Normalisation: 'layer' or 'rms'. Default: layer. */
  norm?: 'layer' | 'rms'
  /** Norms have a gain and, layer norms, a bias. Default: yes. */
  normAffine?: boolean
  /** Activation function of the feed-forward layer. Default: relu. */
  activation?: 'relu' | 'relu-squared' | 'gelu' | 'gelu-tanh' | 'swiglu'
  /** RMS-normalise queries and keys, each head on its own. Default: no. */
  qkNorm?: boolean
  /** Heads of keys and values; they divide `heads`. A whole number of at least 1. Default: `heads`. */
  kvHeads?: number
  /** The output layer uses the token embedding as its weight. Default: no. */
  tiedEmbeddings?: boolean
  /** Soft limit of the logits, cap · tanh(logits / cap); 0: none. A number of at least 0. Default: 0. */
  logitSoftcap?: number
  /** Linear layers and layer norms have biases. Default: yes. */
  bias?: boolean
  /** Normalise the embeddings before the first block. Default: no. */
  embeddingNorm?: boolean
  /** Probability of dropping an attention weight. A number from 0 to below 1. Default: `dropout`. */
  attentionDropout?: number
  /** Probability of dropping an element of the embeddings. A number from 0 to below 1. Default: 0. */
  embeddingDropout?: number
  /** Initial weights. Default: torch, gpt2 with `tiedEmbeddings`. */
  init?: 'torch' | 'gpt2' | 'zero-residual'
  /** Updates in all, counted from the start of the run. A whole number of at least 1. Default: the preset's. */
  steps?: number
  /** Sequences in a micro-batch. A whole number of at least 1. Default: the preset's. */
  batchSize?: number
  /** Micro-batches whose gradients are averaged for one update. A whole number from 1 to 65536. Default: 1. */
  gradientAccumulationSteps?: number
  /** Number format of matrix products; 'tf32' and 'bf16' need a GPU. Default: f32. */
  precision?: 'f32' | 'tf32' | 'bf16'
  /** Decides weights, batches and dropout; 64 bits. A whole number from 0 to 2^64 - 1; beyond 2^53 as a bigint or a string of digits. Default: 1337. */
  seed?: number | bigint | string
  /** 'muon' is for the matrices of blocks, with AdamW for the rest. Default: adamw. */
  optimizer?: 'adamw' | 'muon' | 'sgd'
  /** Learning rate of AdamW and SGD. A number above 0 to 1e+30. Default: the preset's. */
  learningRate?: number
  /** Decay rate of AdamW's running mean of gradients. A number from 0 to below 1. Default: 0.9. */
  beta1?: number
  /** Decay rate of AdamW's running mean of squared gradients. A number from 0 to below 1. Default: 0.999. */
  beta2?: number
  /** AdamW's epsilon, added to the denominator. A number above 0 to 1e+30. Default: 1e-8. */
  epsilon?: number
  /** Weight decay, decoupled from the gradient except for 'sgd'. A number from 0 to 1e+30. Default: 0.01. */
  weightDecay?: number
  /** Clip the norm of all gradients together to this. A number above 0, or Infinity. Default: no limit. */
  gradientClip?: number | null
  /** Momentum of SGD and Muon. A number from 0 to below 1. Only with `optimizer` 'muon', 'sgd'. Default: 0.9 for sgd, 0.95 for muon. */
  momentum?: number
  /** Steps over which Muon's momentum rises from 0.85. A whole number of at least 0. Only with `optimizer` 'muon'. Default: 0. */
  momentumWarmup?: number
  /** Nesterov momentum, which Muon always has. Only with `optimizer` 'sgd'. Default: no. */
  nesterov?: boolean
  /** Muon's learning rate for matrices; `learningRate` is for the rest. A number above 0 to 1e+30. Only with `optimizer` 'muon'. Default: 0.02. */
  matrixLearningRate?: number
  /** Learning rate schedule; 'wsd': constant, then linear. Default: constant. */
  schedule?: 'constant' | 'cosine' | 'linear' | 'wsd'
  /** Steps over which learning rates rise at the start. A whole number of at least 0. Default: 0. */
  warmup?: number
  /** Fraction of the learning rate that is left at the end. A number from 0 to 1. Only with `schedule` 'cosine', 'linear', 'wsd'. Default: 0. */
  finalLearningRateFraction?: number
  /** Fraction of all steps, at the end, in which the rate falls. A number above 0 to 1. Only with `schedule` 'wsd'. Default: 0.2. */
  decayFraction?: number
  /** Decay rate of averaged weights, used as the model; 0: none. A number from 0 to below 1. Default: 0. */
  emaDecay?: number
  /** Steps between evaluations. A whole number of at least 1. Default: the preset's. */
  evalInterval?: number
  /** Random batches of each split in an evaluation. A whole number of at least 1. Default: the preset's. */
  evalBatches?: number
  /** Evaluate the whole validation split too, and judge by that. Default: no. */
  exactEvaluation?: boolean
  /** Steps between samples of text; 0: none. A whole number of at least 0. Default: 0. */
  sampleInterval?: number
  /** Tokens in a sample. A whole number of at least 1. Default: 200. */
  sampleTokens?: number
  /** Steps between checkpoints. A whole number of at least 1. Default: `evalInterval`. */
  checkpointInterval?: number
  /** Run folder, for checkpoints and config.json. A path. Default: none: nothing is saved. */
  out?: string
  /** Replace the run that `out` holds. Default: no. */
  overwrite?: boolean
  /** Where it runs; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Threads of the native engine, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instructions that the CPU kernels use. Default: the best this processor has. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
  /** Stops the run and saves it; it rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of a model's `generate()` and `stream()`. */
export interface GenerateOptions {
  /** The text to continue. A string. Default: a line feed, or the first token of a vocabulary without. */
  prompt?: string
  /** Tokens to generate. A whole number of at least 1. Default: 500. */
  maxTokens?: number
  /** Lower is more predictable, higher more random; 0 takes the likeliest token. A number of at least 0. Default: 1. */
  temperature?: number
  /** Draw from the k likeliest tokens; 0: from all. A whole number of at least 0. Default: 0. */
  topK?: number
  /** Draw from the likeliest tokens whose probabilities reach this sum. A number above 0 to 1. Default: 1. */
  topP?: number
  /** Draw from tokens with at least this fraction of the top probability. A number from 0 to 1. Default: 0. */
  minP?: number
  /** Above 1, tokens that the text already holds become less likely. A number above 0. Default: 1. */
  repetitionPenalty?: number
  /** End the text before this string, or the first of several. A string, or an array of strings. Default: none. */
  stop?: string | readonly string[]
  /** Beyond the block size: 'exact', or 'roll', which is much faster. Default: exact. */
  window?: 'exact' | 'roll'
  /** The same seed gives the same text. A whole number from 0 to 2^64 - 1; beyond 2^53 as a bigint or a string of digits. Default: a random one. */
  seed?: number | bigint | string
  /** Ends the generation; it rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of a model's `complete()` and `streamAll()`. */
export interface CompleteOptions {
  /** The text to continue, or several. A string, or an array of strings. Default: a line feed, or the first token of a vocabulary without. */
  prompt?: string | readonly string[]
  /** Texts for each prompt, with the seeds seed, seed + 1, …. A whole number from 1 to 100000. Default: 1. */
  n?: number
  /** Tokens to generate. A whole number of at least 1. Default: 500. */
  maxTokens?: number
  /** Lower is more predictable, higher more random; 0 takes the likeliest token. A number of at least 0. Default: 1. */
  temperature?: number
  /** Draw from the k likeliest tokens; 0: from all. A whole number of at least 0. Default: 0. */
  topK?: number
  /** Draw from the likeliest tokens whose probabilities reach this sum. A number above 0 to 1. Default: 1. */
  topP?: number
  /** Draw from tokens with at least this fraction of the top probability. A number from 0 to 1. Default: 0. */
  minP?: number
  /** Above 1, tokens that the text already holds become less likely. A number above 0. Default: 1. */
  repetitionPenalty?: number
  /** End the text before this string, or the first of several. A string, or an array of strings. Default: none. */
  stop?: string | readonly string[]
  /** Beyond the block size: 'exact', or 'roll', which is much faster. Default: exact. */
  window?: 'exact' | 'roll'
  /** The same seed gives the same text. A whole number from 0 to 2^64 - 1; beyond 2^53 as a bigint or a string of digits. Default: a random one. */
  seed?: number | bigint | string
  /** Ends the generation; it rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of `load()`. */
export interface LoadOptions {
  /** Of a run folder: 'best', the lowest validation loss, or 'last'. Default: best. */
  checkpoint?: 'best' | 'last'
  /** Where it runs; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Threads of the native engine, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instructions that the CPU kernels use. Default: the best this processor has. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
}

/** Options of `generate()`, which loads a model. */
export interface GenerateFromOptions {
  /** A run folder or a checkpoint. A path. */
  model: string
  /** Of a run folder: 'best', the lowest validation loss, or 'last'. Default: best. */
  checkpoint?: 'best' | 'last'
  /** Where it runs; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Threads of the native engine, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instructions that the CPU kernels use. Default: the best this processor has. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
  /** The text to continue. A string. Default: a line feed, or the first token of a vocabulary without. */
  prompt?: string
  /** Tokens to generate. A whole number of at least 1. Default: 500. */
  maxTokens?: number
  /** Lower is more predictable, higher more random; 0 takes the likeliest token. A number of at least 0. Default: 1. */
  temperature?: number
  /** Draw from the k likeliest tokens; 0: from all. A whole number of at least 0. Default: 0. */
  topK?: number
  /** Draw from the likeliest tokens whose probabilities reach this sum. A number above 0 to 1. Default: 1. */
  topP?: number
  /** Draw from tokens with at least this fraction of the top probability. A number from 0 to 1. Default: 0. */
  minP?: number
  /** Above 1, tokens that the text already holds become less likely. A number above 0. Default: 1. */
  repetitionPenalty?: number
  /** End the text before this string, or the first of several. A string, or an array of strings. Default: none. */
  stop?: string | readonly string[]
  /** Beyond the block size: 'exact', or 'roll', which is much faster. Default: exact. */
  window?: 'exact' | 'roll'
  /** The same seed gives the same text. A whole number from 0 to 2^64 - 1; beyond 2^53 as a bigint or a string of digits. Default: a random one. */
  seed?: number | bigint | string
  /** Ends the generation; it rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of `evaluate()`. */
export interface EvaluateOptions {
  /** A run folder or a checkpoint. A path. */
  model: string
  /** Of a run folder: 'best', the lowest validation loss, or 'last'. Default: best. */
  checkpoint?: 'best' | 'last'
  /** Where it runs; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Threads of the native engine, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instructions that the CPU kernels use. Default: the best this processor has. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
  /** Shakespeare, moby-dick, a text file or { text }; several are joined. A corpus, the path of a text file, { text }, or several of them in an array. Default: the text it was trained on. */
  data?: 'shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string } | readonly ('shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string })[]
  /** 'normalize' turns CRLF and CR into line feeds; 'keep' leaves them. Default: as in training; for another text 'normalize'. */
  lineEndings?: 'normalize' | 'keep'
  /** Ends the evaluation; it rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of a model's `loss()`. */
export interface LossOptions {
  /** Ends the computation; it rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}
