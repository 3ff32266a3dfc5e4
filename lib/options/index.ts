// All options. Each is a row of one table, from which its type, check, declaration, flag, help and
// documentation are derived. docs/add-an-option.md shows how to add one.

export {
  type BenchmarkName,
  benchmarkNames,
  benchOptions,
  type ChipName,
  chipNames,
  measuringOptions,
} from './bench'
export {
  attempt,
  type Checked,
  checkOptions,
  checkValue,
  defined,
  nearestOption,
  pick,
  renamed,
  requireOption,
  rowOf,
  unknownOption,
  type ValueOf,
} from './check'
export { dataOptions } from './data'
export type * from './declarations'
export { demoOptions } from './demo'
export {
  type ExportDtype,
  type ExportFormat,
  exportFromOptions,
  exportOptions,
} from './export'
export { completeOptions, generateOptions } from './generate'
export { attentionOptions, gradientOptions, inspectOptions, lossOptions } from './inspect'
export { evaluateOptions, generateFromOptions, loadOptions } from './load'
export { machineOptions } from './machine'
export { reportOptions } from './report'
export { defaultWordsOf, type Group, groups, isWords, kebab, type OptionRow, type Table } from './row'
export { compareOptions, runsOptions } from './runs'
export { stageOptions } from './stages'
export { studioOptions } from './studio'
export { type CheckedSweepOptions, sweepOptions, type Varied, variedNames } from './sweep'
export { tokenizeOptions } from './tokenize'
export {
  type CheckedTrainOptions,
  modelNames,
  namesWhere,
  type StoredOptions,
  type TrainingConfig,
  type TrainingName,
  type TrainName,
  trainingNames,
  trainNames,
  trainOptions,
} from './train'
export { parseArgument, seedToJSON } from './types'
