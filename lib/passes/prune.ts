// Pruning: drops the ops on which no result of a Program depends. A trace of a whole model can so be
// reduced to the part that computes what is asked for.

import type { Program } from '../graph/program'
import { withoutUnusedBuffers } from './fuse'

/** A Program with the same outputs and the same writes to the Store. */
export function prune(program: Program): Program {
  const needed = new Set(
    program.buffers.flatMap(({ role }, id) => (role === 'output' || role === 'store' ? [id] : [])),
  )
  const kept = program.ops.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((id) => needed.has(id))) return false
    for (const id of inputs) needed.add(id)
    return true
  })
  return withoutUnusedBuffers({ ...program, ops: kept.toReversed() })
}
