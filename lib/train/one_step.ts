// One training step on one short text, taken apart: the losses, the gradient of every weight, the loss as a
// function of a single weight, and the update. It computes on a copy of the weights, so the run is not
// affected.

import { createModel } from '../architectures/create'
import type { Session } from '../backend/backend'
import { type Compiled, compile } from '../backend/compiled'
import { onDevice, openSession } from '../backend/devices'
import { JsSession } from '../backend/js/session'
import { runCompiled } from '../backend/once'
import type { Checkpoint, CheckpointInfo } from '../checkpoint/checkpoint'
import { NanoGptError } from '../errors'
import { type Shape, sizeOf } from '../graph/dtype'
import { Inspector } from '../model/inspect'
import { lossProgram, mostLogits, storedLossName, storedLossProgram } from '../model/programs'
import { readTensors, type TensorState } from '../model/weights'
import type { OptimizerName } from '../optim/names'
import { rateAt } from '../optim/schedule'
import { clipFactor, gradientName, stepInputs, updateProgram } from '../optim/update'
import { seedFrom } from '../random/philox'
import { tokenizerFromJSON } from '../tokenizer'
import type { Tokenizer, Tokens } from '../tokenizer/tokenizer'
import { nextSequence, withOwnText } from './own_text'
import { placeWeights, savedTensors } from './prepare'

/** Several copies of the weights are in memory, one of them in float64. */
const mostParameters = 20_000_000
/**
 * Tokens that the text predicts: at most so many, and fewer for a large model, because plain TypeScript
 * computes some of the losses.
 */
const mostTokens = 48
const fewestTokens = 8
const weightsTimesTokens = 1e8

/** How far a weight is moved for the finite difference. In float64, this is far above the rounding. */
const nudge = 1e-4
/** The learning rates that plain gradient descent is tried with: 0.001, 0.002, 0.005, … 10. */
const plainRates = [-3, -2, -1, 0].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power))
/** Points of the loss as a function of a weight. */
const curvePoints = 41

export interface Gradients {
  readonly path: string
  readonly shape: Shape
  /** The element with the largest gradient, in absolute value. */
  readonly largest: number
  readonly gradient: number
}

/** The loss after a step with this learning rate. null: it is not a finite number. */
export interface Trial {
  readonly rate: number
  readonly loss: number | null
}

export interface Overview {
  /** The number of updates before this one. */
  readonly step: number
  readonly tokens: Tokens
  /** The loss of each token but the first, in nats. */
  readonly losses: Float32Array
  /** Their mean. */
  readonly loss: number
  readonly gradients: readonly Gradients[]
  /** The Euclidean norm of all gradients. */
  readonly gradientNorm: number
  /** Plain gradient descent: w − rate · gradient, for all weights. */
  readonly plain: readonly Trial[]
  /** The loss after a step with the optimizer of the run. */
  readonly lossAfter: number | null
  /** The learning rate of this step, relative to the full one. */
  readonly rateFraction: number
}

/** The state of an optimizer for one weight. AdamW has m and v, the others m only. */
export interface WeightState {
  readonly m: number
  readonly v?: number
}

export interface WeightReport {
  readonly path: string
  readonly index: number
  readonly value: number
  /** From the engine, which computed the gradients of all weights at once. */
  readonly gradient: number
  /** How far the weight is moved for the next three numbers. */
  readonly nudge: number
  /** In float64: the losses after moving the weight by ±nudge, and their slope. */
  readonly above: number
  readonly below: number
  readonly difference: number
  /** [value of the weight, loss], all other weights fixed. */
  readonly curve: readonly (readonly [weight: number, loss: number])[]
  readonly update: {
    readonly optimizer: OptimizerName
    /** The number of this update, from 1. */
    readonly step: number
    readonly rate: number
    readonly weightDecay: number
    /** What gradient clipping multiplies all gradients by. */
    readonly scale: number
    readonly beta1: number
    readonly beta2: number
    readonly epsilon: number
    readonly momentum: number
    readonly nesterov: boolean
    readonly before: WeightState
    readonly after: WeightState
    readonly value: number
  }
}

type Arrays = ReadonlyMap<string, Float32Array>

interface Parts {
  readonly info: CheckpointInfo
  readonly tokenizer: Tokenizer
  readonly session: Session
  readonly lossOf: Compiled
  /** The same model in float64, in plain TypeScript. */
  readonly reference: JsSession
  readonly referenceLoss: Compiled
  readonly inputs: { readonly tokens: Tokens; readonly targets: Tokens }
  readonly overview: Overview
  readonly gradients: Arrays
  /** Weights and optimizer state, before and after the update. */
  readonly before: Arrays
  readonly after: Arrays
  readonly rates: Readonly<Record<string, number>>
  readonly scale: number
  /** The loss in float64. */
  readonly loss: number
}

export class OneStep {
  private constructor(private readonly parts: Parts) {}

  /**
   * Computes the step that a run would make next, on the beginning of the first sequence of its batch.
   *
   * @param folder of the run
   * @throws NanoGptError 'data' if its text is gone; 'unsupported' for a model that is too large
   */
  static async open(checkpoint: Checkpoint, folder: string): Promise<OneStep> {
    const { info, path } = checkpoint
    if (info.training === null)
      throw new NanoGptError('checkpoint', { subject: path, reason: 'it has no training state' })
    const tokenizer = tokenizerFromJSON(info.tokenizer)
    const created = createModel(info.model)
    const size = created.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    if (size > mostParameters) {
      throw new NanoGptError('unsupported', {
        reason: `one step can be taken apart for models of up to ${mostParameters / 1e6} million weights, and this one has ${Math.round(size / 1e6)} million`,
      })
    }
    const length = Math.min(
      info.model.blockSize,
      Math.max(fewestTokens, Math.min(mostTokens, Math.floor(weightsTimesTokens / size))),
    )
    const tokens = await withOwnText(info, folder, tokenizer, ({ corpus, train }) => {
      const from = nextSequence(info, train)
      return corpus.read(from, from + length + 1)
    })
    return onDevice(undefined, async (device) => {
      const session = await openSession({ device })
      const reference = new JsSession({ precision: 'f64' })
      try {
        const { parameters, trained } = created
        const origin = { how: 'resume', checkpoint, begun: info } as const
        await placeWeights(
          session,
          { parameters, trained },
          info.training,
          seedFrom(BigInt(info.seed)),
          origin,
        )
        return new OneStep(
          await compute({ info, tokenizer, tokens: tokens.slice(), session, reference, ...created }),
        )
      } catch (error) {
        await Promise.all([session.dispose(), reference.dispose()])
        throw error
      }
    })
  }

  get overview(): Overview {
    return this.parts.overview
  }

  get tokenizer(): Tokenizer {
    return this.parts.tokenizer
  }

  /**
   * What this step does with one weight.
   *
   * @param path of a parameter that is trained
   * @param zoom how many times closer the curve looks at the weight. Default: 1
   * @throws NanoGptError 'option' if there is no such weight
   */
  async weight(path: string, index: number, zoom = 1): Promise<WeightReport> {
    const { gradients, before, reference, loss } = this.parts
    const own = gradients.get(path)
    if (!own)
      throw new NanoGptError('option', {
        option: 'path',
        value: path,
        reason: 'no such parameter is trained',
      })
    if (!Number.isInteger(index) || index < 0 || index >= own.length) {
      const reason = `${path} has the elements 0 to ${own.length - 1}`
      throw new NanoGptError('option', { option: 'index', value: index, reason })
    }
    const value = before.get(path)![index]
    const [above, below] = [
      await this.exactLoss(path, index, value + nudge),
      await this.exactLoss(path, index, value - nudge),
    ]
    await reference.write(path, Float64Array.of(value), index)
    const curvature = (above - 2 * loss + below) / nudge ** 2
    return {
      path,
      index,
      value,
      gradient: own[index],
      nudge,
      above,
      below,
      difference: (above - below) / (2 * nudge),
      curve: await this.curve(path, index, reachOf(before.get(path)!, own[index], curvature) / zoom),
      update: this.update(path, index),
    }
  }

  async dispose(): Promise<void> {
    await Promise.all([this.parts.session.dispose(), this.parts.reference.dispose()])
  }

  /** The loss in float64 if one weight had another value. */
  private async exactLoss(path: string, index: number, value: number): Promise<number> {
    const { reference, referenceLoss, inputs } = this.parts
    await reference.write(path, Float64Array.of(value), index)
    return exactly(reference, referenceLoss, inputs)
  }

  /** The loss as a function of one weight. */
  private async curve(path: string, index: number, reach: number): Promise<WeightReport['curve']> {
    const { session, lossOf, inputs, before } = this.parts
    const value = before.get(path)![index]
    const points: [number, number][] = []
    for (let i = 0; i < curvePoints; i++) {
      const at = value + reach * ((2 * i) / (curvePoints - 1) - 1)
      await session.write(path, Float32Array.of(at), index)
      points.push([at, await lossWith(session, lossOf, inputs)])
    }
    await session.write(path, Float32Array.of(value), index)
    return points
  }

  private update(path: string, index: number): WeightReport['update'] {
    const { info, before, after, rates, scale } = this.parts
    const { training } = info
    const optimizer = (['muon', 'sgd', 'adamw'] as const).find((name) => before.has(`${name}/m/${path}`))!
    const stateIn = (arrays: Arrays): WeightState => ({
      m: arrays.get(`${optimizer}/m/${path}`)![index],
      ...(optimizer === 'adamw' && { v: arrays.get(`adamw/v/${path}`)![index] }),
    })
    const { beta1, beta2, epsilon, nesterov } = training
    return {
      optimizer,
      step: rates.step,
      rate: optimizer === 'muon' ? rates.matrixLearningRate : rates.learningRate,
      // Beside Muon, AdamW has none.
      weightDecay: optimizer === training.optimizer ? training.weightDecay : 0,
      scale,
      ...{ beta1, beta2, epsilon, nesterov },
      momentum: optimizer === 'muon' ? rates.momentum : training.momentum,
      before: stateIn(before),
      after: stateIn(after),
      value: after.get(path)![index],
    }
  }
}

interface Begun extends ReturnType<typeof createModel> {
  readonly info: CheckpointInfo
  readonly tokenizer: Tokenizer
  readonly tokens: Tokens
  readonly session: Session
  readonly reference: JsSession
}

/** Computes everything that does not depend on the chosen weight. */
async function compute({
  info,
  tokenizer,
  tokens,
  session,
  reference,
  model,
  parameters,
  trained,
}: Begun): Promise<Parts> {
  const { training, step } = info
  const length = tokens.length - 1
  const inputs = { tokens: tokens.subarray(0, length), targets: tokens.subarray(1) }
  const inspector = new Inspector(session, model, trained)
  const losses = await inspector.losses(tokens, { where: 'losses' })
  const found = await inspector.gradients(tokens, { where: 'gradients' })
  const gradients = new Map([...found].map(([path, { data }]) => [path, data]))
  const lossOf = await compile(session, lossProgram(model, 1, length, mostLogits(session.device)))
  const loss = await lossWith(session, lossOf, inputs)

  const weights = await readTensors(
    session,
    parameters.map(({ name, shape }) => ({ name, shape })),
  )
  for (const { name, shape, data } of weights) {
    await reference.allocate(name, 'f32', shape)
    await reference.write(name, data)
  }
  await reference.allocate(storedLossName, 'f32', [])
  const referenceLoss = await compile(reference, storedLossProgram(model, length))

  const before = await readTensors(session, savedTensors(trained, training))
  const restore = async (states: readonly TensorState[]) => {
    for (const { name, data } of states) await session.write(name, data)
  }
  const trainedWeights = before.filter(({ name }) => gradients.has(name))
  const plain: Trial[] = []
  for (const rate of plainRates) {
    for (const { name, data } of trainedWeights) {
      const gradient = gradients.get(name)!
      await session.write(
        name,
        (data as Float32Array).map((value, i) => value - rate * gradient[i]),
      )
    }
    plain.push({ rate, loss: finite(await lossWith(session, lossOf, inputs)) })
  }
  await restore(trainedWeights)

  for (const { path, shape } of trained) {
    await session.allocate(gradientName(path), 'f32', shape)
    await session.write(gradientName(path), gradients.get(path)!)
  }
  const clip = training.gradientClip ?? Infinity
  const update = await compile(session, updateProgram(trained, { ...training, gradientClip: clip }))
  // A run that is over has no next learning rate. Its last one is used.
  const scheduled = Math.min(step, Math.max(0, training.steps - 1))
  const rates = { ...stepInputs(scheduled, training), step: step + 1 }
  const [gradientNorm] = (await runCompiled(session, update, rates))('gradientNorm')
  const after = await readTensors(session, savedTensors(trained, training))
  const lossAfter = finite(await lossWith(session, lossOf, inputs))
  await restore(before)

  return {
    ...{ info, tokenizer, session, lossOf, reference, referenceLoss, inputs, gradients, rates },
    before: arraysOf(before),
    after: arraysOf(after),
    scale: clipFactor(gradientNorm, clip),
    loss: await exactly(reference, referenceLoss, inputs),
    overview: {
      ...{ step, tokens, losses, loss, gradientNorm, plain, lossAfter },
      gradients: trained.map(({ path, shape }) => ({ path, shape, ...largestOf(gradients.get(path)!) })),
      rateFraction: rateAt(scheduled, training),
    },
  }
}

async function exactly(reference: JsSession, program: Compiled, inputs: Parts['inputs']): Promise<number> {
  await runCompiled(reference, program, inputs)
  return (await reference.read(storedLossName))[0]
}

async function lossWith(session: Session, program: Compiled, inputs: Parts['inputs']): Promise<number> {
  const outputs = await runCompiled(session, program, inputs)
  return outputs('loss')[0]
}

const finite = (loss: number) => (Number.isFinite(loss) ? loss : null)

const arraysOf = (states: readonly TensorState[]): Arrays =>
  new Map(states.map(({ name, data }) => [name, data as Float32Array]))

function largestOf(values: Float32Array): { largest: number; gradient: number } {
  let largest = 0
  for (let i = 1; i < values.length; i++) if (Math.abs(values[i]) > Math.abs(values[largest])) largest = i
  return { largest, gradient: values[largest] }
}

/**
 * How far the curve of a weight reaches: to both sides of the lowest point of the parabola through the
 * weight, if that is as near as other weights of its tensor are from each other.
 */
function reachOf(values: Float32Array, gradient: number, curvature: number): number {
  const square = values.reduce((sum, value) => sum + value * value, 0) / values.length
  const usual = Math.max(Math.sqrt(square), 0.02)
  const toLowest = curvature > 0 ? Math.abs(gradient) / curvature : Infinity
  return Math.min(8 * usual, Math.max(usual, 2 * toLowest))
}
