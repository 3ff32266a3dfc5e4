// nano-gpt: grow, train and play with GPTs.

import './version'

export { generate, load, Model } from './api/model'
export { type Device, devices } from './backend/devices'
export type { CheckpointInfo, ModelInfo } from './checkpoint/checkpoint'
export type { Exported } from './checkpoint/export'
export { type ErrorCode, NanoGptError } from './errors'
export type { Completion, CompletionPiece } from './generate/completions'
export { Tensor, tensor } from './graph/tensor'
export type { ModelConfig } from './model/config'
export type { HeadIndex, Values } from './model/inspect'
export * as nn from './nn'
export * as ops from './ops'
export type {
  AttentionOptions,
  CompleteOptions,
  EvaluateOptions,
  ExportOptions,
  GenerateFromOptions,
  GenerateOptions,
  GradientOptions,
  LoadOptions,
  LossOptions,
  TrainingConfig,
  TrainOptions,
} from './options'
export { type PresetName, presets } from './presets'
export { BpeTokenizer } from './tokenizer/bpe'
export { ByteTokenizer } from './tokenizer/byte'
export { CharTokenizer } from './tokenizer/char'
export { Gpt2Tokenizer } from './tokenizer/gpt2'
export type { StoredOptions } from './train/config_file'
export { type Evaluation, evaluate } from './train/evaluate'
export type {
  CheckpointEvent,
  EndEvent,
  EvaluatingEvent,
  EvaluationEvent,
  FallbackEvent,
  MeasuringEvent,
  NoticeEvent,
  SampleEvent,
  StartEvent,
  StepEvent,
  TrainEvent,
} from './train/events'
export type { Plan } from './train/plan'
export type { Run } from './train/run'
export { type Estimate, estimate, plan, train } from './train/train'
export { version } from './version'
