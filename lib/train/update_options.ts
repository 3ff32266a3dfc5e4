// The options of train() that say how weights are updated: the optimizer, the schedule of its rate, an average. Some are for some
// optimizers or schedules alone: beside another they are refused, and defaults that come from elsewhere don't count.

import * as v from 'valibot'
import type { TrainingConfig } from '../checkpoint/checkpoint'
import { NanoGptError, show } from '../errors'
import { notUsed, optimizerNames, scheduleNames } from '../optim/names'
import { atLeastZero, flag, fraction, oneOf, part, pick, positive, wholeOrZero } from '../options'

const { optional } = v

export const updateSchemas = {
  /**
   * 'adamw'; 'muon', which makes the updates of hidden layers' matrices orthogonal and leaves all else to AdamW; or 'sgd'.
   * Default 'adamw'.
   */
  optimizer: optional(oneOf(optimizerNames)),
  /** Step size of AdamW or SGD. */
  learningRate: optional(positive),
  /** AdamW's decay of the gradient's running mean. Default 0.9. */
  beta1: optional(fraction),
  /** Decay of its running square. Default 0.999. */
  beta2: optional(fraction),
  /** Default 1e-8. */
  epsilon: optional(positive),
  /** Decay of weights: decoupled from the gradient, but for 'sgd'; with 'muon' of its matrices alone. Default 0.01. */
  weightDecay: optional(atLeastZero),
  /** Gradients are scaled down to this norm, of all of them together. Default Infinity: never. */
  gradientClip: optional(v.pipe(v.number('must be a number'), v.gtValue(0, 'must be more than 0'))),
  /** Of 'sgd' and 'muon': how much of the last updates goes on. Default 0.9 ('sgd'), 0.95 ('muon'). */
  momentum: optional(fraction),
  /** Of 'muon': steps in which its momentum rises from 0.85. Default 0. */
  momentumWarmup: optional(wholeOrZero),
  /** Of 'sgd': whether it looks ahead (Nesterov, 1983). 'muon' always does. Default false. */
  nesterov: optional(flag),
  /** Of 'muon': the step size of its matrices; `learningRate` is AdamW's for the rest. Default 0.02. */
  matrixLearningRate: optional(positive),
  /** How learning rates go on after the warm-up: 'constant', down in half a 'cosine' wave, 'linear', or 'wsd': constant, then linear. Default 'constant'. */
  schedule: optional(oneOf(scheduleNames)),
  /** Steps in which learning rates rise to what they are. Default 0. */
  warmup: optional(wholeOrZero),
  /** What learning rates come to at the end, as a part of themselves; not of 'constant'. Default 0. */
  minLearningRate: optional(part),
  /** Of 'wsd': the part of all steps, at the end, in which learning rates go down. Default 0.2. */
  decayPart: optional(v.pipe(part, v.gtValue(0, 'must be more than 0'))),
  /**
   * Decay of an average of the weights, step by step: evaluations, samples and the model that comes of it have the averaged ones.
   * Default 0: none.
   */
  average: optional(fraction),
}

/** What is for some optimizers or schedules alone: which choice it is, and the choices that it is for. */
const onlyWith = {
  momentum: ['optimizer', ['muon', 'sgd']],
  momentumWarmup: ['optimizer', ['muon']],
  nesterov: ['optimizer', ['sgd']],
  matrixLearningRate: ['optimizer', ['muon']],
  minLearningRate: ['schedule', ['cosine', 'linear', 'wsd']],
  decayPart: ['schedule', ['wsd']],
} as const satisfies Partial<Record<keyof TrainingConfig, readonly [keyof Choices, readonly string[]]>>

type Particular = keyof typeof onlyWith
const particulars = Object.keys(onlyWith) as Particular[]

type Choices = Pick<TrainingConfig, 'optimizer' | 'schedule'>
const numbers = ['warmup', 'average', ...particulars] as const
/** What `resolveUpdates` decides. */
export const updateNumbers = ['optimizer', 'schedule', ...numbers] as const
type Updates = Pick<TrainingConfig, (typeof updateNumbers)[number]>

const isFor = (name: Particular, choices: Choices) => {
  const [choice, values] = onlyWith[name]
  return values.some((value) => value === choices[choice])
}

/** SGD's and Muon's usual momentum. */
const usualMomentum = { adamw: notUsed.momentum, muon: 0.95, sgd: 0.9 } as const

/**
 * @param base what is not among the options: of a preset, or of a checkpoint
 * @throws NanoGptError 'option' for one that is for another optimizer or schedule
 */
export function resolveUpdates(options: Partial<Updates>, base: Partial<Updates>): Updates {
  const defaults = defaultsBeside(options, base)
  const choices: Choices = {
    optimizer: options.optimizer ?? base.optimizer ?? 'adamw',
    schedule: options.schedule ?? base.schedule ?? 'constant',
  }
  const wrong = particulars.find((name) => options[name] !== undefined && !isFor(name, choices))
  if (wrong) throw notFor(wrong, options, choices)
  return {
    ...choices,
    ...notUsed,
    momentum: usualMomentum[choices.optimizer],
    warmup: 0,
    average: 0,
    ...pick(
      defaults,
      numbers.filter((name) => !isParticular(name) || isFor(name, choices)),
    ),
    ...pick(options, numbers),
  }
}

function isParticular(name: string): name is Particular {
  return Object.hasOwn(onlyWith, name)
}

function notFor(name: Particular, options: Partial<Updates>, choices: Choices): NanoGptError {
  const [choice, values] = onlyWith[name]
  const quoted = values.map((value) => `'${value}'`)
  const those = quoted.length > 1 ? `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}` : quoted[0]
  return new NanoGptError(
    'option',
    `train: ${name} is ${show(options[name])}, but it is for the ${choice}${values.length > 1 ? 's' : ''} ${those} alone, and the ${choice} here is ` +
      `'${choices[choice]}'; leave it out, or give another ${choice}`,
  )
}

/** Defaults of options, without what is said of an optimizer or a schedule that the given options replace. */
export function defaultsBeside<Defaults extends Partial<Updates>>(
  given: Partial<Updates>,
  defaults: Defaults,
): Defaults {
  const kept = { ...defaults }
  for (const name of particulars) {
    const [choice, values] = onlyWith[name]
    const now = given[choice]
    if (now === undefined || now === defaults[choice]) continue
    // Another optimizer has its own momentum; any schedule that ends somewhere may end there.
    if (choice === 'optimizer' || !values.some((value) => value === now)) delete kept[name]
  }
  return kept
}

/** A training's numbers without those that are for other optimizers and schedules than its own. */
export function withoutUnused<Training extends Updates>(
  training: Training,
): Omit<Training, Particular> & Partial<Pick<Training, Particular>> {
  const used = { ...training } as Omit<Training, Particular> & Partial<Pick<Training, Particular>>
  for (const name of particulars) if (!isFor(name, training)) delete used[name]
  return used
}
