// The history of a run, and what is known about a run, as plain data. docs/runs.md explains them.

import type { DataInfo } from '../checkpoint/checkpoint'
import type { ModelConfig } from '../model/config'
import type { StoredOptions } from '../options'

/**
 * Updates `from` … `to` − 1. The first 512 updates have a record each; then the number of updates in
 * a record doubles with each doubling of the step. Only the newest record may be incomplete.
 */
export interface StepRecord {
  readonly from: number
  readonly to: number
  /** The mean training loss, in nats per token, without skipped steps. null: all were skipped. */
  readonly loss: number | null
  /** The learning rate of the last of these updates. */
  readonly learningRate: number
  /** The largest gradient norm, before clipping. null: all steps were skipped. */
  readonly gradientNorm: number | null
  readonly tokensPerSecond: number
  /** The time of all updates before `to`, since step 0. Evaluations, samples and saves are not in it. */
  readonly seconds: number
}

/** The losses after `step` updates, in nats per token and in bits per byte (`EvaluationEvent`). */
export interface EvaluationRecord {
  readonly step: number
  readonly trainLoss: number
  readonly valLoss: number
  /** With `exactEvaluation`. */
  readonly exactValLoss?: number
  readonly trainBitsPerByte: number
  readonly valBitsPerByte: number
  /** With `exactEvaluation`. */
  readonly exactValBitsPerByte?: number
  /** Whether it was the lowest validation loss so far. */
  readonly best: boolean
  /** The time of all updates before it, since step 0. */
  readonly seconds: number
}

/** A sample of the model's text after `step` updates. */
export interface SampleRecord {
  readonly step: number
  /** At most 10,000 UTF-16 code units; a longer one is cut. */
  readonly text: string
}

/** A checkpoint after `step` updates. A later one may have replaced the file. */
export interface CheckpointRecord {
  readonly step: number
  /** The file's name in the run folder. */
  readonly name: string
}

/** A start of the run, or a resume. */
export interface SessionRecord {
  readonly step: number
  /** ISO 8601. */
  readonly time: string
  /** The version of nano-gpt. */
  readonly version: string
  readonly device: string
  /** The system and the processor. */
  readonly machine: string
  readonly resumed: boolean
}

/** A warning (`WarningEvent`). */
export interface WarningRecord {
  readonly step: number
  readonly code: string
  readonly message: string
}

/** What happened in a run, in the order of its steps. */
export interface RunHistory {
  readonly steps: readonly StepRecord[]
  readonly evaluations: readonly EvaluationRecord[]
  readonly samples: readonly SampleRecord[]
  readonly checkpoints: readonly CheckpointRecord[]
  readonly sessions: readonly SessionRecord[]
  readonly warnings: readonly WarningRecord[]
}

/** 'interrupted': the process was killed, so the run neither ended nor is it running. */
export type RunState = 'running' | 'stopped' | 'finished' | 'failed' | 'interrupted'

/** The text of a run. */
export interface RunData extends DataInfo {
  /** The numbers of tokens in the splits. null in runs of earlier versions. */
  readonly trainTokens: number | null
  readonly validationTokens: number | null
  /** The bytes of UTF-8 per token of each split. null in runs of earlier versions. */
  readonly bytesPerToken: { readonly train: number; readonly validation: number } | null
}

/** A run, as its folder describes it. */
export interface RunRecord {
  readonly folder: string
  readonly state: RunState
  /** Why it failed. */
  readonly reason?: string
  /** The number of updates made, as far as is known. */
  readonly step: number
  /** The number of updates planned. */
  readonly steps: number
  /** The number of parameters. */
  readonly parameters: number
  /** Every option, as in config.json. Those that a resume changed have their newest values. */
  readonly options: StoredOptions
  readonly model: ModelConfig
  /** The kind of tokenizer, or the path of a tokenizer.json. Of a run with `from`: that of the model. */
  readonly tokenizer: string
  readonly data: RunData
  /** The tokens of an update. */
  readonly tokensPerStep: number
  /** The lowest validation loss, in nats per token. null: no evaluation yet. */
  readonly bestValLoss: number | null
  /** When the run started, and when it last changed its folder: ISO 8601. */
  readonly started: string
  readonly updated: string
  readonly history: RunHistory
  /** What could not be read, in sentences. */
  readonly notices: readonly string[]
}
