// nano-gpt: grow, train and play with GPTs.

export { generate, type LoadOptions, type LossOptions, load, Model } from './api/model'
export { type Device, devices } from './backend/devices'
export type { CheckpointInfo, TrainingConfig } from './checkpoint/checkpoint'
export { NanoGptError } from './errors'
export type { Completion, CompletionPiece } from './generate/completions'
export type { CompleteOptions, GenerateOptions } from './generate/options'
export { Tensor, tensor } from './graph/tensor'
export type { ModelConfig } from './model/config'
export * as nn from './nn'
export * as ops from './ops'
export { type PresetName, presets } from './presets'
export { CharTokenizer } from './tokenizer/char'
export type { StoredOptions } from './train/config_file'
export { type EvaluateOptions, type Evaluation, evaluate } from './train/evaluate'
export type {
  CheckpointEvent,
  EndEvent,
  EvaluatingEvent,
  EvaluationEvent,
  FallbackEvent,
  MeasuringEvent,
  SampleEvent,
  StartEvent,
  StepEvent,
  TrainEvent,
} from './train/events'
export type { TrainOptions } from './train/options'
export type { Run } from './train/run'
export { train } from './train/train'
export { version } from './version'
