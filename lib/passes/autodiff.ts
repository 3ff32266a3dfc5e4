// Reverse-mode automatic differentiation: appends to a trace the ops that compute the gradients of
// a loss.

import { NanoGptError } from '../errors'
import type { Node } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { add, fill, opsByName } from '../ops'

/**
 * The gradients of `seed` · `loss` with respect to each of `targets`, in order.
 *
 * @param loss a rank-0 tensor of a trace
 * @param targets tensors of the same trace, usually parameters
 * @param seed the gradient of the loss itself. Default: 1. Pass 1 / micro-batches to average over
 *   micro-batches
 * @throws NanoGptError 'program' if the loss is not part of a trace or does not depend on a target,
 *   or if an op between them has no gradient rule
 */
export function gradients(loss: Tensor, targets: readonly Tensor[], seed = 1): Tensor[] {
  const trace = loss.trace
  if (!trace) throw new NanoGptError('program', 'gradients() needs a loss that is part of a trace')
  const found = gradientsThrough([...trace.ops], loss, fill([], seed, trace), targets)
  return targets.map((target, i) => found[i] ?? unreached(target))
}

/**
 * The gradients that `dy`, the gradient of `y`, has with respect to each of `targets` through `nodes`
 * alone, which are ops of the trace of `y` in order. Undefined where `y` does not depend on the target.
 */
export function gradientsThrough(
  nodes: readonly Node[],
  y: Tensor,
  dy: Tensor,
  targets: readonly Tensor[],
): (Tensor | undefined)[] {
  const trace = y.trace!
  const reached = reachableFrom(targets, nodes)
  const found = new Map<number, Tensor>([[y.id, dy]])

  for (const { op: name, inputs, outputs, attributes } of nodes.toReversed()) {
    if (!outputs.some((id) => found.has(id)) || !inputs.some((id) => reached.has(id))) continue
    const rule = opsByName.get(name)?.gradient
    if (!rule) throw new NanoGptError('program', `${name} has no gradient rule, and the loss depends on it`)
    const results = rule({
      inputs: inputs.map((id) => trace.tensor(id)),
      outputs: outputs.map((id) => trace.tensor(id)),
      gradients: outputs.map((id) => found.get(id)),
      attributes,
      needed: inputs.map((id) => reached.has(id)),
    })
    inputs.forEach((id, i) => {
      const gradient = results[i]
      if (!gradient || !reached.has(id)) return
      const before = found.get(id)
      // Add in a fixed order, the later use first, so that the sum is bitwise reproducible.
      found.set(id, before ? add(before, gradient) : gradient)
    })
  }
  return targets.map((target) => found.get(target.id))
}

/** The ids of all buffers that depend on any of `targets`. */
function reachableFrom(
  targets: readonly Tensor[],
  nodes: readonly { inputs: readonly number[]; outputs: readonly number[] }[],
): Set<number> {
  const reached = new Set(targets.map((target) => target.id))
  for (const { inputs, outputs } of nodes) {
    if (!inputs.some((id) => reached.has(id))) continue
    for (const id of outputs) reached.add(id)
  }
  return reached
}

/** @throws NanoGptError 'program': the loss does not depend on this tensor */
export function unreached({ id }: Tensor): never {
  throw new NanoGptError('program', `the loss does not depend on buffer ${id}: it has no gradient`)
}
