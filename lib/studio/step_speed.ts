// The times of a training step in the words of the page: each op and each kind of op with its share of
// the step, and how near it comes to the limit of the machine.

import type { Cost } from '../bench/cost'
import { bound } from '../bench/peak'
import type { Peak } from '../bench/result'
import type { Group } from '../bench/roofline'
import { aboutKind, kindOf } from '../report/op_kinds'

/** The time of work, and how near it is to the limit. */
export interface Timed extends Cost {
  /** Calls in a step. */
  readonly calls: number
  /** Milliseconds of all calls in a step. */
  readonly ms: number
  /** The part of the time of the step. */
  readonly part: number
  /** The least time that the peak allows / `ms`. Above 1: the data was in a cache. null: no peak is known. */
  readonly reach: number | null
  /** What takes the larger part of the least time. */
  readonly limit: 'compute' | 'memory' | null
}

/** All calls of an op with the same sizes. */
export interface OpSpeed extends Timed {
  /** The op and its sizes. */
  readonly name: string
  readonly kind: string
}

export interface KindSpeed extends Timed {
  readonly kind: string
  /** What it is for, in a sentence or two. */
  readonly about: string
}

export interface StepSpeed extends Timed {
  readonly peak: Peak | null
  /** The longest first. */
  readonly ops: readonly OpSpeed[]
  /** The longest first. Their parts add up to 1. */
  readonly kinds: readonly KindSpeed[]
}

/** The name of the time in which no op runs. */
const between = {
  kind: 'between the operations',
  about: 'Starting the operations one after the other, and fetching the results of the step.',
}

/** Sums of ops. */
interface Sum extends Cost {
  readonly calls: number
  readonly ms: number
  /** The least milliseconds that arithmetic and memory allow, where each is the limit. */
  readonly least: Readonly<Record<'compute' | 'memory', number>>
}

const nothing: Sum = { calls: 0, ms: 0, flops: 0, bytes: 0, least: { compute: 0, memory: 0 } }

function sumOf({ calls, ms, cost }: Group, peak: Peak | undefined): Sum {
  const least = { compute: 0, memory: 0 }
  if (peak) {
    const { seconds, limit } = bound(cost, peak)
    least[limit] = 1000 * seconds
  }
  return { calls, ms, ...cost, least }
}

function plus(a: Sum, b: Sum): Sum {
  return {
    calls: a.calls + b.calls,
    ms: a.ms + b.ms,
    flops: a.flops + b.flops,
    bytes: a.bytes + b.bytes,
    least: { compute: a.least.compute + b.least.compute, memory: a.least.memory + b.least.memory },
  }
}

/**
 * @param groups the ops of a step
 * @param ms of the step
 * @param peak undefined: it is not known
 */
export function stepSpeed(groups: readonly Group[], ms: number, peak: Peak | undefined): StepSpeed {
  const sums = groups.map((group) => ({ op: group.op, name: group.name, sum: sumOf(group, peak) }))
  const inOps = sums.reduce((all, { sum }) => plus(all, sum), nothing)
  // On a GPU, the times of ops can overlap.
  const whole = Math.max(ms, inOps.ms)
  const timed = ({ least: { compute, memory }, ...sum }: Sum): Timed => {
    const isBound = peak !== undefined && compute + memory > 0
    return {
      ...sum,
      part: sum.ms / whole,
      reach: isBound ? (compute + memory) / sum.ms : null,
      limit: isBound ? (compute >= memory ? 'compute' : 'memory') : null,
    }
  }
  const kinds = new Map<string, Sum>()
  for (const { op, sum } of sums) kinds.set(kindOf(op), plus(kinds.get(kindOf(op)) ?? nothing, sum))
  const rest = { ...between, ...timed({ ...nothing, ms: whole - inOps.ms }) }
  return {
    ...timed({ ...inOps, ms: whole }),
    peak: peak ?? null,
    ops: sums.map(({ op, name, sum }) => ({ name, kind: kindOf(op), ...timed(sum) })),
    kinds: [
      ...[...kinds].map(([kind, sum]) => ({ kind, about: aboutKind(kind), ...timed(sum) })),
      ...(rest.ms > 0 ? [rest] : []),
    ].sort((a, b) => b.ms - a.ms),
  }
}
