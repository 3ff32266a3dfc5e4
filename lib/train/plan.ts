// A plan: everything that was decided about a run before its first step, as plain data. Options, preset or checkpoint, text and device are
// resolved once, here; the loop, the checkpoint and whoever shows the run read the plan and never the options.

import type { ModelConfig } from '../model/config'
import type { TrainingConfig } from '../options'

export interface Plan {
  /** A new run, one that continues, or a new one from the weights of another. */
  readonly begins: 'new' | 'resume' | 'from'
  /** The checkpoint that it begins with, if any. */
  readonly checkpoint: string | null
  /** Updates made before it begins: 0, but on `resume`. */
  readonly step: number
  readonly model: ModelConfig
  /** Learned numbers. */
  readonly parameters: number
  readonly tokenizer: string
  /** Every training option, resolved. */
  readonly training: TrainingConfig
  /** 64 bits: a number where JSON has it exactly, else digits. */
  readonly seed: number | string
  readonly data: PlannedData
  /** Never 'auto': 'cuda', 'cuda:1', 'metal', 'cpu', 'js'. */
  readonly device: string
  /** Threads of the native pool; null: one per core. */
  readonly threads: number | null
  /** null: the best this processor has. */
  readonly instructionSet: string | null
  /** The run folder; null: nothing is saved. */
  readonly out: string | null
  /** Steps that one native call makes; null: as many as take a moment. Results never depend on it. */
  readonly stepsPerCall: number | null
}

export interface PlannedData {
  readonly name: string
  /** sha256 of the text's UTF-8, after line endings were normalised. */
  readonly digest: string
  /** Where each part of the text is found again: a corpus, an absolute path, or a file name in the run folder; null: nowhere. */
  readonly sources: readonly (string | null)[]
  readonly lineEndings: 'normalize' | 'keep'
  readonly trainTokens: number
  readonly validationTokens: number
}
