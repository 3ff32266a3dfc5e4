// The update Program: clips the global gradient norm, applies the optimizer, updates the averages
// and resets the gradients to zero.

import type { Program } from '../graph/program'
import type { Parameter } from '../graph/tensor'
import { Trace } from '../graph/trace'
import { clipScale, globalNorm, requireFinite, zero } from '../ops'
import { requireFiniteOp } from '../ops/require_finite'
import { adamwOptimizer } from './adamw'
import { averageDecayAt, averageName, followParameters } from './average'
import { isForMuon, muonOptimizer } from './muon'
import type { Optimizer, OptimizerConfig, StoreTensor } from './optimizer'
import { momentumAt, rateAt, type ScheduleConfig } from './schedule'
import { sgdOptimizer } from './sgd'

export { clipFactor } from '../ops/clip_scale'

export interface UpdateConfig extends OptimizerConfig {
  /**
   * The largest global norm of all gradients. Larger gradients are scaled down to it. Infinity: no
   * clipping.
   */
  readonly gradientClip: number
  /** EMA decay of the averaged weights. 0: no average. */
  readonly emaDecay: number
}

/** The Store tensor of a parameter's gradient. */
export const gradientName = (path: string) => `gradient/${path}`

/** The parameters that one optimizer updates. */
interface Part {
  readonly optimizer: Optimizer
  readonly parameters: readonly Parameter[]
  readonly config: OptimizerConfig
}

function partsOf(parameters: readonly Parameter[], config: OptimizerConfig): Part[] {
  if (config.optimizer === 'adamw') return [{ optimizer: adamwOptimizer, parameters, config }]
  if (config.optimizer === 'sgd') return [{ optimizer: sgdOptimizer, parameters, config }]
  const rest = parameters.filter((parameter) => !isForMuon(parameter))
  const parts = [
    { optimizer: muonOptimizer, parameters: parameters.filter(isForMuon), config },
    { optimizer: adamwOptimizer, parameters: rest, config: { ...config, weightDecay: 0 } },
  ]
  // A bigram has no hidden matrices.
  return parts.filter((part) => part.parameters.length > 0)
}

/**
 * The training state in the Store besides parameters and gradients: the optimizer's state and, if
 * enabled, the averages.
 */
export function stateTensors(
  parameters: readonly Parameter[],
  config: Pick<UpdateConfig, keyof OptimizerConfig | 'emaDecay'>,
): StoreTensor[] {
  const states = partsOf(parameters, config).flatMap((part) =>
    part.parameters.flatMap(({ path, shape }) => part.optimizer.state(path).map((name) => ({ name, shape }))),
  )
  if (config.emaDecay === 0) return states
  return [...states, ...parameters.map(({ path, shape }) => ({ name: averageName(path), shape }))]
}

/**
 * The update Program. Inputs: those of the optimizer (see `stepInputs`). Output: gradientNorm f32
 * [], before clipping. A gradient norm that is not finite ends the run before any weight changes.
 */
export function updateProgram(parameters: readonly Parameter[], config: UpdateConfig): Program {
  const trace = new Trace('update')
  const gradientOf = ({ path, shape }: Parameter) => trace.store(gradientName(path), 'f32', shape)
  const gradients = parameters.map(gradientOf)
  const norm = requireFinite(globalNorm(gradients))
  const scale = clipScale(norm, config.gradientClip)
  for (const part of partsOf(parameters, config)) {
    const updated = part.parameters.map((parameter) => ({
      parameter: trace.parameter(parameter),
      gradient: gradientOf(parameter),
      state: part.optimizer.state(parameter.path).map((name) => trace.store(name, 'f32', parameter.shape)),
    }))
    part.optimizer.update(trace, scale, updated, part.config)
  }
  if (config.emaDecay > 0) followParameters(trace, parameters)
  zero(gradients)
  trace.output('gradientNorm', norm)
  return trace.finish()
}

/**
 * Whether this op of the update Program changes weights or their state. If it fails, they are
 * spoiled. The check before it leaves them unchanged.
 */
export const changesWeights = (op: string) => op !== requireFiniteOp.name

/** The configuration of the values that change from step to step. */
export interface StepsConfig extends ScheduleConfig {
  readonly learningRate: number
  readonly matrixLearningRate: number
  readonly momentum: number
  readonly momentumWarmup: number
  readonly emaDecay: number
}

/** The inputs of update `step` (from 0), for any optimizer. */
export function stepInputs(step: number, config: StepsConfig): Record<string, number> {
  const rate = rateAt(step, config)
  return {
    step: step + 1,
    learningRate: rate * config.learningRate,
    matrixLearningRate: rate * config.matrixLearningRate,
    momentum: momentumAt(step, config),
    averageDecay: config.emaDecay > 0 ? averageDecayAt(step, config.emaDecay) : 0,
  }
}
