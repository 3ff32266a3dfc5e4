// What editors and compilers know of the options. Written by scripts/options.js from the tables beside it: change those, then run
// `npm run options`.

/** Options of `train()`. */
export interface TrainOptions {
  /** Shakespeare, moby-dick, file, folder or { text }; several are joined. A corpus, the path of a text file or folder, { text }, or several of them in an array. Default: shakespeare. */
  data?: 'shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string } | readonly ('shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string })[]
  /** 'normalize' turns CRLF and CR into line feeds; 'keep' leaves them. Default: normalize. */
  lineEndings?: 'normalize' | 'keep'
  /** Field with the text in each line of a .jsonl file. A string. Default: text. */
  field?: string
  /** Text between two documents. A string. Default: a blank line within a folder or .jsonl file, nothing between sources. */
  separator?: string
  /** Char, byte, bpe, gpt2, or a Hugging Face tokenizer.json or its folder. 'char', 'byte', 'bpe', 'gpt2', or the path of a tokenizer.json or of its folder. Default: char. */
  tokenizer?: 'char' | 'byte' | 'bpe' | 'gpt2' | (string & {})
  /** Largest number of tokens in the vocabulary. A whole number from 256 to 65536. Only with `tokenizer` 'bpe'. Default: 4096. */
  vocabSize?: number
  /** Continue the run in this folder or checkpoint where it stopped. A path. Default: none. */
  resume?: string
  /** Start from the weights of a run, checkpoint or Hugging Face folder. A path. Default: none. */
  from?: string
  /** The model that adapters were trained on, if it has moved. A path. Default: where it was. */
  base?: string
  /** Take defaults from the config.json of a run, or a JSON file. A path. Default: none. */
  config?: string
  /** Named set of options; 'auto' sizes the run to this device. Default: cpu. */
  preset?: 'notebook' | 'bigram' | 'single-head' | 'multi-head' | 'feed-forward' | 'blocks' | 'residual' | 'layer-norm' | 'decoder' | 'gpt' | 'cpu' | 'baby' | 'speedrun' | 'auto' | (string & {})
  /** Approximate training time in minutes. A number above 0. Only with `preset` 'auto'. Default: 3. */
  minutes?: number
  /** Number of transformer blocks. A whole number from 1 to 1000. Default: the preset's. */
  layers?: number
  /** Attention heads per block; must divide `embed`. A whole number of at least 1. Default: the preset's. */
  heads?: number
  /** Embedding width, in channels. A whole number of at least 1. Default: the preset's. */
  embed?: number
  /** Context length, in tokens. A whole number of at least 1. Default: the preset's. */
  blockSize?: number
  /** Dropout probability. A number from 0 to below 1. Default: the preset's. */
  dropout?: number
  /** Position encoding: 'learned' embeddings or 'rope'. Default: learned. */
  positions?: 'learned' | 'rope'
  /** Base of the angles of `positions: 'rope'`. A number of at least 1. Default: 10000. */
  ropeBase?: number
  /** Normalization: 'layer' for LayerNorm, or 'rms' for RMSNorm. Default: layer. */
  norm?: 'layer' | 'rms'
  /** Learned gain in norms, and learned bias in layer norms. Default: yes. */
  normAffine?: boolean
  /** Epsilon of the norms; 0: 1e-5 for LayerNorm, 1e-6 for RMSNorm. A number of at least 0. Default: 0. */
  normEpsilon?: number
  /** Activation function of the feed-forward layer. Default: relu. */
  activation?: 'relu' | 'relu-squared' | 'gelu' | 'gelu-tanh' | 'swiglu'
  /** Channels between the feed-forward layers; 0: 4 · `embed`. A whole number of at least 0. Default: 0. */
  feedForwardWidth?: number
  /** RMSNorm of the queries and keys of each head. Default: no. */
  qkNorm?: boolean
  /** Key/value heads; must divide `heads`. A whole number of at least 1. Default: `heads`. */
  kvHeads?: number
  /** Channels of a head; 0: `embed` / `heads`. A whole number of at least 0. Default: 0. */
  headSize?: number
  /** Use the token embedding as the weight of the output layer. Default: no. */
  tiedEmbeddings?: boolean
  /** Soft cap of the logits: cap · tanh(logits / cap); 0: none. A number of at least 0. Default: 0. */
  logitSoftcap?: number
  /** Biases in linear layers and layer norms. Default: yes. */
  bias?: boolean
  /** Biases in the query, key and value layers. Default: no. */
  qkvBias?: boolean
  /** Bias in the output layer, with `bias`. Default: yes. */
  outputBias?: boolean
  /** Normalize the embeddings before the first block. Default: no. */
  embeddingNorm?: boolean
  /** Dropout probability of attention weights. A number from 0 to below 1. Default: `dropout`. */
  attentionDropout?: number
  /** Dropout probability of embeddings. A number from 0 to below 1. Default: 0. */
  embeddingDropout?: number
  /** Initialization of the weights. Default: torch, gpt2 with `tiedEmbeddings`. */
  init?: 'torch' | 'gpt2' | 'zero-residual'
  /** Rank of the LoRA adapters to train, with `from`; 0: none. A whole number of at least 0. Default: 0. */
  loraRank?: number
  /** The results of adapters are multiplied by this / `loraRank`. A number above 0. Default: 2 · `loraRank`. */
  loraAlpha?: number
  /** Layers of the blocks that get an adapter. Default: all. */
  loraTargets?: 'query' | 'key' | 'value' | 'projection' | 'expand' | 'gate' | 'contract' | 'all' | readonly ('query' | 'key' | 'value' | 'projection' | 'expand' | 'gate' | 'contract' | 'all')[]
  /** Total number of steps (weight updates), counted from step 0. A whole number of at least 1. Default: the preset's. */
  steps?: number
  /** Sequences per micro-batch. A whole number of at least 1. Default: the preset's. */
  batchSize?: number
  /** Micro-batches whose gradients are averaged for each update. A whole number from 1 to 65536. Default: 1. */
  gradientAccumulationSteps?: number
  /** 'stop' at, or 'skip', steps whose loss or gradient is not finite. Default: stop. */
  nonFinite?: 'stop' | 'skip'
  /** Number format of matrix products; 'tf32' and 'bf16' need a GPU. Default: f32. */
  precision?: 'f32' | 'tf32' | 'bf16'
  /** 64-bit random seed of weights, batches and dropout. A whole number from 0 to 2^64 - 1; from 2^53 on, a bigint or a string of digits. Default: 1337. */
  seed?: number | bigint | string
  /** Optimizer; 'muon' updates the blocks' matrices, and AdamW the rest. Default: adamw. */
  optimizer?: 'adamw' | 'muon' | 'sgd'
  /** Learning rate of AdamW and SGD. A number above 0 to 1e+30. Default: the preset's. */
  learningRate?: number
  /** Decay rate of AdamW's moving average of gradients. A number from 0 to below 1. Default: 0.9. */
  beta1?: number
  /** Decay rate of AdamW's moving average of squared gradients. A number from 0 to below 1. Default: 0.999. */
  beta2?: number
  /** AdamW's epsilon, added to the denominator. A number above 0 to 1e+30. Default: 1e-8. */
  epsilon?: number
  /** Weight decay; part of the gradient for 'sgd', otherwise decoupled. A number from 0 to 1e+30. Default: 0.01. */
  weightDecay?: number
  /** Maximum global norm of the gradients. A number above 0, or Infinity. Default: no limit. */
  gradientClip?: number | null
  /** Momentum of SGD and Muon. A number from 0 to below 1. Only with `optimizer` 'muon', 'sgd'. Default: 0.9 for sgd, 0.95 for muon. */
  momentum?: number
  /** Steps in which Muon's momentum rises from 0.85. A whole number of at least 0. Only with `optimizer` 'muon'. Default: 0. */
  momentumWarmup?: number
  /** Nesterov momentum, which Muon always uses. Only with `optimizer` 'sgd'. Default: no. */
  nesterov?: boolean
  /** Learning rate of Muon's matrices; the rest uses `learningRate`. A number above 0 to 1e+30. Only with `optimizer` 'muon'. Default: 0.02. */
  matrixLearningRate?: number
  /** Schedule of the learning rate; 'wsd': constant, then linear decay. Default: constant. */
  schedule?: 'constant' | 'cosine' | 'linear' | 'wsd'
  /** Steps of linear learning rate warm-up. A whole number of at least 0. Default: 0. */
  warmup?: number
  /** Final learning rate, as a fraction of the peak. A number from 0 to 1. Only with `schedule` 'cosine', 'linear', 'wsd'. Default: 0. */
  finalLearningRateFraction?: number
  /** Fraction of the steps, at the end, in which the rate decays. A number above 0 to 1. Only with `schedule` 'wsd'. Default: 0.2. */
  decayFraction?: number
  /** Decay of the EMA weights, used as the model; 0: none. A number from 0 to below 1. Default: 0. */
  emaDecay?: number
  /** Steps between evaluations. A whole number of at least 1. Default: the preset's. */
  evalInterval?: number
  /** Random batches per split in each evaluation. A whole number of at least 1. Default: the preset's. */
  evalBatches?: number
  /** Choose the best checkpoint by the loss over the whole validation split. Default: no. */
  exactEvaluation?: boolean
  /** Steps between text samples; 0: none. A whole number of at least 0. Default: 0. */
  sampleInterval?: number
  /** Length of a text sample, in tokens. A whole number of at least 1. Default: 200. */
  sampleTokens?: number
  /** Steps between checkpoints. A whole number of at least 1. Default: `evalInterval`. */
  checkpointInterval?: number
  /** Longest time between checkpoints, in minutes. A number above 0. Default: 5. */
  checkpointMinutes?: number
  /** Newest checkpoints to keep, besides the best one. A whole number of at least 1. Default: 2. */
  keepCheckpoints?: number
  /** Run folder for checkpoints and config.json. A path. Default: none: nothing is saved. */
  out?: string
  /** Replace the run in `out`. Default: no. */
  overwrite?: boolean
  /** Device to run on; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Native engine threads, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instruction set of the CPU kernels. Default: the best this processor supports. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
  /** Abort signal: stops and saves the run, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of `sweep()`. */
export interface SweepOptions {
  /** The values of each option that varies; all combinations are trained. An object with an array for each option. */
  vary: { readonly [Name in 'preset' | 'layers' | 'heads' | 'embed' | 'blockSize' | 'dropout' | 'positions' | 'ropeBase' | 'norm' | 'normAffine' | 'normEpsilon' | 'activation' | 'feedForwardWidth' | 'qkNorm' | 'kvHeads' | 'headSize' | 'tiedEmbeddings' | 'logitSoftcap' | 'bias' | 'qkvBias' | 'outputBias' | 'embeddingNorm' | 'attentionDropout' | 'embeddingDropout' | 'init' | 'loraRank' | 'loraAlpha' | 'steps' | 'batchSize' | 'gradientAccumulationSteps' | 'nonFinite' | 'precision' | 'seed' | 'optimizer' | 'learningRate' | 'beta1' | 'beta2' | 'epsilon' | 'weightDecay' | 'gradientClip' | 'momentum' | 'momentumWarmup' | 'nesterov' | 'matrixLearningRate' | 'schedule' | 'warmup' | 'finalLearningRateFraction' | 'decayFraction' | 'emaDecay' | 'tokenizer' | 'vocabSize']?: readonly Required<TrainOptions>[Name][] }
  /** Shakespeare, moby-dick, file, folder or { text }; several are joined. A corpus, the path of a text file or folder, { text }, or several of them in an array. Default: shakespeare. */
  data?: 'shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string } | readonly ('shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string })[]
  /** Named set of options. Default: cpu. */
  preset?: 'notebook' | 'bigram' | 'single-head' | 'multi-head' | 'feed-forward' | 'blocks' | 'residual' | 'layer-norm' | 'decoder' | 'gpt' | 'cpu' | 'baby' | 'speedrun' | (string & {})
  /** 'normalize' turns CRLF and CR into line feeds; 'keep' leaves them. Default: normalize. */
  lineEndings?: 'normalize' | 'keep'
  /** Field with the text in each line of a .jsonl file. A string. Default: text. */
  field?: string
  /** Text between two documents. A string. Default: a blank line within a folder or .jsonl file, nothing between sources. */
  separator?: string
  /** Char, byte, bpe, gpt2, or a Hugging Face tokenizer.json or its folder. 'char', 'byte', 'bpe', 'gpt2', or the path of a tokenizer.json or of its folder. Default: char. */
  tokenizer?: 'char' | 'byte' | 'bpe' | 'gpt2' | (string & {})
  /** Largest number of tokens in the vocabulary. A whole number from 256 to 65536. Only with `tokenizer` 'bpe'. Default: 4096. */
  vocabSize?: number
  /** Start from the weights of a run, checkpoint or Hugging Face folder. A path. Default: none. */
  from?: string
  /** The model that adapters were trained on, if it has moved. A path. Default: where it was. */
  base?: string
  /** Take defaults from the config.json of a run, or a JSON file. A path. Default: none. */
  config?: string
  /** Number of transformer blocks. A whole number from 1 to 1000. Default: the preset's. */
  layers?: number
  /** Attention heads per block; must divide `embed`. A whole number of at least 1. Default: the preset's. */
  heads?: number
  /** Embedding width, in channels. A whole number of at least 1. Default: the preset's. */
  embed?: number
  /** Context length, in tokens. A whole number of at least 1. Default: the preset's. */
  blockSize?: number
  /** Dropout probability. A number from 0 to below 1. Default: the preset's. */
  dropout?: number
  /** Position encoding: 'learned' embeddings or 'rope'. Default: learned. */
  positions?: 'learned' | 'rope'
  /** Base of the angles of `positions: 'rope'`. A number of at least 1. Default: 10000. */
  ropeBase?: number
  /** Normalization: 'layer' for LayerNorm, or 'rms' for RMSNorm. Default: layer. */
  norm?: 'layer' | 'rms'
  /** Learned gain in norms, and learned bias in layer norms. Default: yes. */
  normAffine?: boolean
  /** Epsilon of the norms; 0: 1e-5 for LayerNorm, 1e-6 for RMSNorm. A number of at least 0. Default: 0. */
  normEpsilon?: number
  /** Activation function of the feed-forward layer. Default: relu. */
  activation?: 'relu' | 'relu-squared' | 'gelu' | 'gelu-tanh' | 'swiglu'
  /** Channels between the feed-forward layers; 0: 4 · `embed`. A whole number of at least 0. Default: 0. */
  feedForwardWidth?: number
  /** RMSNorm of the queries and keys of each head. Default: no. */
  qkNorm?: boolean
  /** Key/value heads; must divide `heads`. A whole number of at least 1. Default: `heads`. */
  kvHeads?: number
  /** Channels of a head; 0: `embed` / `heads`. A whole number of at least 0. Default: 0. */
  headSize?: number
  /** Use the token embedding as the weight of the output layer. Default: no. */
  tiedEmbeddings?: boolean
  /** Soft cap of the logits: cap · tanh(logits / cap); 0: none. A number of at least 0. Default: 0. */
  logitSoftcap?: number
  /** Biases in linear layers and layer norms. Default: yes. */
  bias?: boolean
  /** Biases in the query, key and value layers. Default: no. */
  qkvBias?: boolean
  /** Bias in the output layer, with `bias`. Default: yes. */
  outputBias?: boolean
  /** Normalize the embeddings before the first block. Default: no. */
  embeddingNorm?: boolean
  /** Dropout probability of attention weights. A number from 0 to below 1. Default: `dropout`. */
  attentionDropout?: number
  /** Dropout probability of embeddings. A number from 0 to below 1. Default: 0. */
  embeddingDropout?: number
  /** Initialization of the weights. Default: torch, gpt2 with `tiedEmbeddings`. */
  init?: 'torch' | 'gpt2' | 'zero-residual'
  /** Rank of the LoRA adapters to train, with `from`; 0: none. A whole number of at least 0. Default: 0. */
  loraRank?: number
  /** The results of adapters are multiplied by this / `loraRank`. A number above 0. Default: 2 · `loraRank`. */
  loraAlpha?: number
  /** Layers of the blocks that get an adapter. Default: all. */
  loraTargets?: 'query' | 'key' | 'value' | 'projection' | 'expand' | 'gate' | 'contract' | 'all' | readonly ('query' | 'key' | 'value' | 'projection' | 'expand' | 'gate' | 'contract' | 'all')[]
  /** Total number of steps (weight updates), counted from step 0. A whole number of at least 1. Default: the preset's. */
  steps?: number
  /** Sequences per micro-batch. A whole number of at least 1. Default: the preset's. */
  batchSize?: number
  /** Micro-batches whose gradients are averaged for each update. A whole number from 1 to 65536. Default: 1. */
  gradientAccumulationSteps?: number
  /** 'stop' at, or 'skip', steps whose loss or gradient is not finite. Default: stop. */
  nonFinite?: 'stop' | 'skip'
  /** Number format of matrix products; 'tf32' and 'bf16' need a GPU. Default: f32. */
  precision?: 'f32' | 'tf32' | 'bf16'
  /** 64-bit random seed of weights, batches and dropout. A whole number from 0 to 2^64 - 1; from 2^53 on, a bigint or a string of digits. Default: 1337. */
  seed?: number | bigint | string
  /** Optimizer; 'muon' updates the blocks' matrices, and AdamW the rest. Default: adamw. */
  optimizer?: 'adamw' | 'muon' | 'sgd'
  /** Learning rate of AdamW and SGD. A number above 0 to 1e+30. Default: the preset's. */
  learningRate?: number
  /** Decay rate of AdamW's moving average of gradients. A number from 0 to below 1. Default: 0.9. */
  beta1?: number
  /** Decay rate of AdamW's moving average of squared gradients. A number from 0 to below 1. Default: 0.999. */
  beta2?: number
  /** AdamW's epsilon, added to the denominator. A number above 0 to 1e+30. Default: 1e-8. */
  epsilon?: number
  /** Weight decay; part of the gradient for 'sgd', otherwise decoupled. A number from 0 to 1e+30. Default: 0.01. */
  weightDecay?: number
  /** Maximum global norm of the gradients. A number above 0, or Infinity. Default: no limit. */
  gradientClip?: number | null
  /** Momentum of SGD and Muon. A number from 0 to below 1. Only with `optimizer` 'muon', 'sgd'. Default: 0.9 for sgd, 0.95 for muon. */
  momentum?: number
  /** Steps in which Muon's momentum rises from 0.85. A whole number of at least 0. Only with `optimizer` 'muon'. Default: 0. */
  momentumWarmup?: number
  /** Nesterov momentum, which Muon always uses. Only with `optimizer` 'sgd'. Default: no. */
  nesterov?: boolean
  /** Learning rate of Muon's matrices; the rest uses `learningRate`. A number above 0 to 1e+30. Only with `optimizer` 'muon'. Default: 0.02. */
  matrixLearningRate?: number
  /** Schedule of the learning rate; 'wsd': constant, then linear decay. Default: constant. */
  schedule?: 'constant' | 'cosine' | 'linear' | 'wsd'
  /** Steps of linear learning rate warm-up. A whole number of at least 0. Default: 0. */
  warmup?: number
  /** Final learning rate, as a fraction of the peak. A number from 0 to 1. Only with `schedule` 'cosine', 'linear', 'wsd'. Default: 0. */
  finalLearningRateFraction?: number
  /** Fraction of the steps, at the end, in which the rate decays. A number above 0 to 1. Only with `schedule` 'wsd'. Default: 0.2. */
  decayFraction?: number
  /** Decay of the EMA weights, used as the model; 0: none. A number from 0 to below 1. Default: 0. */
  emaDecay?: number
  /** Steps between evaluations. A whole number of at least 1. Default: the preset's. */
  evalInterval?: number
  /** Random batches per split in each evaluation. A whole number of at least 1. Default: the preset's. */
  evalBatches?: number
  /** Choose the best checkpoint by the loss over the whole validation split. Default: no. */
  exactEvaluation?: boolean
  /** Steps between text samples; 0: none. A whole number of at least 0. Default: 0. */
  sampleInterval?: number
  /** Length of a text sample, in tokens. A whole number of at least 1. Default: 200. */
  sampleTokens?: number
  /** Steps between checkpoints. A whole number of at least 1. Default: `evalInterval`. */
  checkpointInterval?: number
  /** Longest time between checkpoints, in minutes. A number above 0. Default: 5. */
  checkpointMinutes?: number
  /** Newest checkpoints to keep, besides the best one. A whole number of at least 1. Default: 2. */
  keepCheckpoints?: number
  /** Device to run on; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Native engine threads, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instruction set of the CPU kernels. Default: the best this processor supports. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
  /** Abort signal: stops and saves the run, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
  /** Folder of the sweep, with a run folder for each run. A path. */
  out: string
}

/** Options of a model's `generate()` and `stream()`. */
export interface GenerateOptions {
  /** Text to continue. A string. Default: a line feed, or token 0 if the vocabulary has none. */
  prompt?: string
  /** Maximum number of tokens to generate. A whole number of at least 1. Default: 500. */
  maxTokens?: number
  /** Lower is more predictable, higher more random; 0: most likely token. A number of at least 0. Default: 1. */
  temperature?: number
  /** Draw from the k most likely tokens; 0: from all. A whole number of at least 0. Default: 0. */
  topK?: number
  /** Draw from the most likely tokens with this total probability. A number above 0 to 1. Default: 1. */
  topP?: number
  /** Draw from tokens with at least this fraction of the top probability. A number from 0 to 1. Default: 0. */
  minP?: number
  /** Above 1, makes tokens that already occurred less likely. A number above 0. Default: 1. */
  repetitionPenalty?: number
  /** String, or array of strings, before which the text ends. A string, or an array of strings. Default: none. */
  stop?: string | readonly string[]
  /** Context beyond the block size: 'exact', or the much faster 'roll'. Default: exact. */
  window?: 'exact' | 'roll'
  /** Random seed; the same seed gives the same text. A whole number from 0 to 2^64 - 1; from 2^53 on, a bigint or a string of digits. Default: random. */
  seed?: number | bigint | string
  /** Attention heads to switch off: their result is 0. { layer, head } or an array of them, with whole numbers from 0. Default: none. */
  without?: { readonly layer: number; readonly head: number } | readonly { readonly layer: number; readonly head: number }[]
  /** Abort signal: ends the generation, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of a model's `complete()` and `streamAll()`. */
export interface CompleteOptions {
  /** Text to continue, or an array of texts. A string, or an array of strings. Default: a line feed, or token 0 if the vocabulary has none. */
  prompt?: string | readonly string[]
  /** Texts per prompt, with the seeds seed, seed + 1, …. A whole number from 1 to 100000. Default: 1. */
  n?: number
  /** Maximum number of tokens to generate. A whole number of at least 1. Default: 500. */
  maxTokens?: number
  /** Lower is more predictable, higher more random; 0: most likely token. A number of at least 0. Default: 1. */
  temperature?: number
  /** Draw from the k most likely tokens; 0: from all. A whole number of at least 0. Default: 0. */
  topK?: number
  /** Draw from the most likely tokens with this total probability. A number above 0 to 1. Default: 1. */
  topP?: number
  /** Draw from tokens with at least this fraction of the top probability. A number from 0 to 1. Default: 0. */
  minP?: number
  /** Above 1, makes tokens that already occurred less likely. A number above 0. Default: 1. */
  repetitionPenalty?: number
  /** String, or array of strings, before which the text ends. A string, or an array of strings. Default: none. */
  stop?: string | readonly string[]
  /** Context beyond the block size: 'exact', or the much faster 'roll'. Default: exact. */
  window?: 'exact' | 'roll'
  /** Random seed; the same seed gives the same text. A whole number from 0 to 2^64 - 1; from 2^53 on, a bigint or a string of digits. Default: random. */
  seed?: number | bigint | string
  /** Attention heads to switch off: their result is 0. { layer, head } or an array of them, with whole numbers from 0. Default: none. */
  without?: { readonly layer: number; readonly head: number } | readonly { readonly layer: number; readonly head: number }[]
  /** Abort signal: ends the generation, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of `load()`. */
export interface LoadOptions {
  /** Checkpoint of a run: 'best' by validation loss, or 'last'. Default: best. */
  checkpoint?: 'best' | 'last'
  /** Context length, in tokens, up to the model's. A whole number of at least 1. Default: the model's; in a Hugging Face folder at most 1024. */
  blockSize?: number
  /** The model that adapters were trained on, if it has moved. A path. Default: where it was. */
  base?: string
  /** Device to run on; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Native engine threads, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instruction set of the CPU kernels. Default: the best this processor supports. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
}

/** Options of `generate()`, which loads a model. */
export interface GenerateFromOptions {
  /** Run folder, checkpoint file or Hugging Face folder. A path. */
  model: string
  /** Checkpoint of a run: 'best' by validation loss, or 'last'. Default: best. */
  checkpoint?: 'best' | 'last'
  /** Context length, in tokens, up to the model's. A whole number of at least 1. Default: the model's; in a Hugging Face folder at most 1024. */
  blockSize?: number
  /** The model that adapters were trained on, if it has moved. A path. Default: where it was. */
  base?: string
  /** Device to run on; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Native engine threads, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instruction set of the CPU kernels. Default: the best this processor supports. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
  /** Text to continue. A string. Default: a line feed, or token 0 if the vocabulary has none. */
  prompt?: string
  /** Maximum number of tokens to generate. A whole number of at least 1. Default: 500. */
  maxTokens?: number
  /** Lower is more predictable, higher more random; 0: most likely token. A number of at least 0. Default: 1. */
  temperature?: number
  /** Draw from the k most likely tokens; 0: from all. A whole number of at least 0. Default: 0. */
  topK?: number
  /** Draw from the most likely tokens with this total probability. A number above 0 to 1. Default: 1. */
  topP?: number
  /** Draw from tokens with at least this fraction of the top probability. A number from 0 to 1. Default: 0. */
  minP?: number
  /** Above 1, makes tokens that already occurred less likely. A number above 0. Default: 1. */
  repetitionPenalty?: number
  /** String, or array of strings, before which the text ends. A string, or an array of strings. Default: none. */
  stop?: string | readonly string[]
  /** Context beyond the block size: 'exact', or the much faster 'roll'. Default: exact. */
  window?: 'exact' | 'roll'
  /** Random seed; the same seed gives the same text. A whole number from 0 to 2^64 - 1; from 2^53 on, a bigint or a string of digits. Default: random. */
  seed?: number | bigint | string
  /** Attention heads to switch off: their result is 0. { layer, head } or an array of them, with whole numbers from 0. Default: none. */
  without?: { readonly layer: number; readonly head: number } | readonly { readonly layer: number; readonly head: number }[]
  /** Abort signal: ends the generation, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of `evaluate()`. */
export interface EvaluateOptions {
  /** Run folder, checkpoint file or Hugging Face folder. A path. */
  model: string
  /** Checkpoint of a run: 'best' by validation loss, or 'last'. Default: best. */
  checkpoint?: 'best' | 'last'
  /** Context length, in tokens, up to the model's. A whole number of at least 1. Default: the model's; in a Hugging Face folder at most 1024. */
  blockSize?: number
  /** The model that adapters were trained on, if it has moved. A path. Default: where it was. */
  base?: string
  /** Device to run on; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Native engine threads, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instruction set of the CPU kernels. Default: the best this processor supports. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
  /** Shakespeare, moby-dick, file, folder or { text }; several are joined. A corpus, the path of a text file or folder, { text }, or several of them in an array. Default: the text the model was trained on. */
  data?: 'shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string } | readonly ('shakespeare' | 'moby-dick' | (string & {}) | { text: string; name?: string })[]
  /** 'normalize' turns CRLF and CR into line feeds; 'keep' leaves them. Default: as in training; 'normalize' for another text. */
  lineEndings?: 'normalize' | 'keep'
  /** Field with the text in each line of a .jsonl file. A string. Default: as in training; "text" for another text. */
  field?: string
  /** Text between two documents. A string. Default: as in training; the usual one for another text. */
  separator?: string
  /** Abort signal: ends the evaluation, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of a model's `loss()`, `tokenLosses()`, `logits()` and `activations()`. */
export interface LossOptions {
  /** Attention heads to switch off: their result is 0. { layer, head } or an array of them, with whole numbers from 0. Default: none. */
  without?: { readonly layer: number; readonly head: number } | readonly { readonly layer: number; readonly head: number }[]
  /** Values for all tokens, by the name of the activation they replace. An object with Float32Arrays by name. Default: none. */
  replace?: Readonly<Record<string, Float32Array>>
  /** Abort signal: ends the computation, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of a model's `attention()`. */
export interface AttentionOptions {
  /** Layers whose weights are returned. A whole number from 0, or an array of them. Default: all. */
  layers?: number | readonly number[]
  /** Attention heads to switch off: their result is 0. { layer, head } or an array of them, with whole numbers from 0. Default: none. */
  without?: { readonly layer: number; readonly head: number } | readonly { readonly layer: number; readonly head: number }[]
  /** Values for all tokens, by the name of the activation they replace. An object with Float32Arrays by name. Default: none. */
  replace?: Readonly<Record<string, Float32Array>>
  /** Abort signal: ends the computation, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of a model's `gradients()`. */
export interface GradientOptions {
  /** Abort signal: ends the computation, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of `report()`. */
export interface ReportOptions {
  /** HTML file to write. A path. Default: report.html, in the folder of a single run. */
  out?: string
  /** Show how surprising each token of the validation text is. Default: yes. */
  losses?: boolean
  /** Measure the time of each operation of a training step. Default: yes. */
  timings?: boolean
  /** The model that adapters were trained on, if it has moved. A path. Default: where it was. */
  base?: string
  /** Device to run on; 'cuda:1' is the second NVIDIA GPU. Default: auto. */
  device?: 'auto' | 'cuda' | 'metal' | 'cpu' | 'js' | `cuda:${number}`
  /** Native engine threads, shared by the whole process. A whole number from 1 to 256. Default: one per core. */
  threads?: number
  /** Instruction set of the CPU kernels. Default: the best this processor supports. */
  instructionSet?: 'avx2' | 'neon' | 'portable' | 'blas'
  /** Abort signal: ends the report, which rejects with AbortError. An AbortSignal. Default: none. */
  signal?: AbortSignal
}

/** Options of a model's `export()`. */
export interface ExportOptions {
  /** 'huggingface' for transformers; 'gguf' for llama.cpp, Ollama; 'peft': adapters alone. Default: huggingface. */
  format?: 'huggingface' | 'gguf' | 'peft'
  /** Format of the weights: 'bf16' only in huggingface, 'q8_0' only in gguf. Default: f32. */
  dtype?: 'f32' | 'f16' | 'bf16' | 'q8_0'
  /** Replace files of an earlier export. Default: no. */
  overwrite?: boolean
}
