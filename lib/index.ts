// nano-gpt: grow, train and play with GPTs.

import './version'

export { generate, load, Model } from './api/model'
export { type Device, devices } from './backend/devices'
export type { CheckpointInfo, ModelInfo } from './checkpoint/checkpoint'
export { type ErrorCode, NanoGptError } from './errors'
export type { Completion, CompletionPiece } from './generate/completions'
export { Tensor, tensor } from './graph/tensor'
export { readRun } from './history/read'
export type {
  CheckpointRecord,
  EvaluationRecord,
  RunData,
  RunHistory,
  RunRecord,
  RunState,
  SampleRecord,
  SessionRecord,
  StepRecord,
  WarningRecord,
} from './history/types'
export type { ModelConfig } from './model/config'
export type { HeadIndex, Values } from './model/inspect'
export * as nn from './nn'
export * as ops from './ops'
export type {
  AttentionOptions,
  CompleteOptions,
  EvaluateOptions,
  GenerateFromOptions,
  GenerateOptions,
  GradientOptions,
  LoadOptions,
  LossOptions,
  ReportOptions,
  StoredOptions,
  TrainingConfig,
  TrainOptions,
} from './options'
export { type PresetName, presets } from './presets'
export { BpeTokenizer } from './tokenizer/bpe'
export { ByteTokenizer } from './tokenizer/byte'
export { CharTokenizer } from './tokenizer/char'
export { Gpt2Tokenizer } from './tokenizer/gpt2'
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
export { type Report, report } from './train/report'
export type { Run } from './train/run'
export { type Estimate, estimate, plan, train } from './train/train'
export { version } from './version'
