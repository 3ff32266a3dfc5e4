// AdamW as a Program: global-norm clipping, the update, and gradients back to zero.

import type { Program } from '../graph/program'
import type { Parameter } from '../graph/tensor'
import { Trace } from '../graph/trace'
import { adamw, clipScale, globalNorm, requireFinite, zero } from '../ops'

export interface AdamwConfig {
  beta1: number
  beta2: number
  epsilon: number
  weightDecay: number
  /** Gradients are scaled down to this global norm. Infinity: never. */
  gradientClip: number
}

/** The Store tensors that belong to a parameter. */
export const gradientName = (path: string) => `gradient/${path}`
export const momentNames = (path: string) => [`adamw/m/${path}`, `adamw/v/${path}`] as const

/**
 * Inputs: step i32 [] (from 1), learningRate f32 []. Output: gradientNorm f32 [], before clipping.
 * A gradient norm that isn't finite ends the run before any weight is touched.
 */
export function updateProgram(parameters: readonly Parameter[], config: AdamwConfig): Program {
  const trace = new Trace('update')
  const step = trace.input('step', 'i32', [])
  const learningRate = trace.input('learningRate', 'f32', [])
  const tensors = parameters.map((parameter) => {
    const [m, v] = momentNames(parameter.path)
    return {
      parameter: trace.parameter(parameter),
      gradient: trace.store(gradientName(parameter.path), 'f32', parameter.shape),
      m: trace.store(m, 'f32', parameter.shape),
      v: trace.store(v, 'f32', parameter.shape),
    }
  })
  const gradients = tensors.map((tensor) => tensor.gradient)
  const norm = requireFinite(globalNorm(gradients))
  adamw(step, learningRate, clipScale(norm, config.gradientClip), tensors, config)
  zero(gradients)
  trace.output('gradientNorm', norm)
  return trace.finish()
}
