// adamw, sgd, muon and ema, over one tensor and many.

import type { Shape } from '../../../lib/graph/dtype'
import { type Case, type Given, opCase } from '../case'
import { edges, floats, given, index, scalar } from './values'

const usual = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }

interface State {
  parameter: Given
  gradient: Given
  m: Given
  v: Given
}

function stateOf(shape: Shape, name = ''): State {
  return {
    parameter: floats(`p${name}`, shape),
    gradient: floats(`g${name}`, shape),
    m: floats(`m${name}`, shape, -0.1, 0.1),
    v: floats(`v${name}`, shape, 0, 0.01),
  }
}

interface Step {
  step?: number
  rate?: number
  scale?: number
}

function adamw(
  name: string,
  states: State[],
  { step = 3, rate = 1e-3, scale = 0.5 }: Step = {},
  attributes = usual,
): Case {
  const tensors = (['parameter', 'gradient', 'm', 'v'] as const).flatMap((part) =>
    states.map((state) => state[part]),
  )
  return opCase('adamw', name, [index(step), scalar(rate), scalar(scale), ...tensors], attributes)
}

export function optimizerCases(): Case[] {
  return [...adamwCases(), ...sgdCases(), ...muonCases(), ...emaCases()]
}

function adamwCases(): Case[] {
  const state = stateOf([19])
  const zeros = () => given('f32', [19], new Float32Array(19))
  const fresh = { ...state, m: zeros(), v: zeros() }
  return [
    ...edges.map((n) => adamw(`[${n}]`, [stateOf([n])])),
    adamw('rank 0', [stateOf([])]),
    adamw('rank 3', [stateOf([2, 3, 5])]),
    // Tensors are concatenated and cut into chunks of 16,384.
    ...[16383, 16384, 16385, 50021].map((n) => adamw(`[${n}]`, [stateOf([n])])),
    adamw('three tensors', [stateOf([3, 5], '0'), stateOf([], '1'), stateOf([17], '2')]),
    adamw('across chunks', [
      stateOf([9001], '0'),
      stateOf([7], '1'),
      stateOf([129, 65], '2'),
      stateOf([33], '3'),
      stateOf([16007], '4'),
    ]),
    adamw(
      'many tensors',
      crowd.map((shape, i) => stateOf(shape, `${i}`)),
    ),
    adamw('the first step', [fresh], { step: 1 }),
    ...[2, 10, 1000, 100000, 2 ** 31 - 1].map((step) => adamw(`step ${step}`, [state], { step })),
    adamw('the gradient is 0', [{ ...state, gradient: zeros() }]),
    adamw('all is 0', [{ parameter: zeros(), gradient: zeros(), m: zeros(), v: zeros() }], { step: 1 }),
    adamw('no scale', [state], { scale: 1 }),
    adamw('scale 0', [state], { scale: 0 }),
    adamw('rate 0', [state], { rate: 0 }),
    adamw('rate 0.3', [state], { rate: 0.3 }),
    adamw('no decay', [state], {}, { ...usual, weight_decay: 0 }),
    adamw('decay 0.5, rate 0.1', [state], { rate: 0.1 }, { ...usual, weight_decay: 0.5 }),
    adamw('other betas', [state], {}, { beta1: 0, beta2: 0.5, epsilon: 1e-3, weight_decay: 0.1 }),
    adamw('tiny gradients', [{ ...fresh, gradient: floats('g', [19], -1e-12, 1e-12) }], {
      step: 1,
      scale: 1,
    }),
    // Past the last element, where vectors hold zeros, 0 / (√0 + 0) is a NaN that does not count.
    adamw('epsilon 0', [state], {}, { ...usual, epsilon: 0 }),
  ]
}

interface Matrix {
  parameter: Given
  gradient: Given
  m: Given
}

const matrixOf = (shape: Shape, name = ''): Matrix => stateOf(shape, name)

const together = (states: readonly Matrix[]) =>
  (['parameter', 'gradient', 'm'] as const).flatMap((part) => states.map((state) => state[part]))

const plain = { momentum: 0.9, nesterov: false, weight_decay: 0.01 }

function sgd(name: string, states: Matrix[], rate = 0.1, scale = 0.5, attributes = plain): Case {
  return opCase('sgd', name, [scalar(rate), scalar(scale), ...together(states)], attributes)
}

/** Several tensors, some longer than a chunk. */
const lengths: readonly Shape[] = [[9001], [7], [129, 65], [], [33], [16007]]

/** More tensors than one GPU launch handles. */
const crowd: readonly Shape[] = Array.from({ length: 201 }, (_, i) => [(i % 7) + 1])

function sgdCases(): Case[] {
  const state = matrixOf([19])
  const zeros = () => given('f32', [19], new Float32Array(19))
  const largest = given('f32', [19], new Float32Array(19).fill(2 ** 127 * (2 - 2 ** -23)))
  const nesterov = { ...plain, nesterov: true }
  return [
    ...edges.map((n) => sgd(`[${n}]`, [matrixOf([n])])),
    ...edges.map((n) => sgd(`[${n}], Nesterov`, [matrixOf([n])], 0.1, 0.5, nesterov)),
    sgd('rank 3', [matrixOf([2, 3, 5])]),
    ...[4095, 4096, 4097, 50021].map((n) => sgd(`[${n}]`, [matrixOf([n])], 0.1, 0.5, nesterov)),
    sgd(
      'across chunks',
      lengths.map((shape, i) => matrixOf(shape, `${i}`)),
    ),
    sgd(
      'many tensors',
      crowd.map((shape, i) => matrixOf(shape, `${i}`)),
    ),
    sgd('no momentum', [state], 0.1, 1, { ...plain, momentum: 0 }),
    sgd('no momentum, Nesterov', [state], 0.1, 1, { ...nesterov, momentum: 0 }),
    sgd('no decay', [state], 0.1, 1, { ...plain, weight_decay: 0 }),
    sgd('decay 3, scale 0.01', [state], 0.1, 0.01, { ...nesterov, weight_decay: 3 }),
    sgd('rate 0', [state], 0),
    sgd('scale 0', [state], 0.1, 0),
    sgd('the first step', [{ ...state, m: zeros() }], 0.1, 1, nesterov),
    sgd('all is 0', [{ parameter: zeros(), gradient: zeros(), m: zeros() }]),
    sgd('the largest numbers', [{ ...state, parameter: largest, gradient: zeros(), m: zeros() }], 0.1, 1, {
      ...plain,
      weight_decay: 0,
    }),
  ]
}

interface MuonStep {
  rate?: number
  momentum?: number
  scale?: number
  iterations?: number
  decay?: number
  large?: boolean
  nmse?: number
}

/**
 * 10⁻¹² is the square of a relative error of 10⁻⁶. In f32 each of the five iterations increases the
 * uncertainty of a direction beyond that (see the bounds).
 */
const directionNmse = 1e-10

function muon(
  name: string,
  states: Matrix[],
  {
    rate = 0.02,
    momentum = 0.9,
    scale = 0.5,
    iterations = 5,
    decay = 0.1,
    large,
    nmse = directionNmse,
  }: MuonStep = {},
): Case {
  const inputs = [scalar(rate), scalar(momentum), scalar(scale), ...together(states)]
  return opCase('muon', name, inputs, { iterations, weight_decay: decay }, { nmse, large })
}

function muonCases(): Case[] {
  const matrix = matrixOf([13, 19])
  const zeros = () => given('f32', [13, 19], new Float32Array(13 * 19))
  const direction = { ...matrix, parameter: zeros(), m: zeros() }
  /** Only the direction remains. */
  const alone = { rate: 1, momentum: 0, scale: 1, decay: 0 }
  const shapes: Shape[] = [
    [1, 1],
    ...[2, 3, 7, 8, 9, 17].flatMap((n): Shape[] => [
      [1, n],
      [n, 1],
      [n, n],
    ]),
    ...([
      [5, 31],
      [31, 5],
      [16, 48],
      [48, 16],
      [33, 64],
      [64, 33],
      [65, 130],
      [130, 65],
    ] as const),
  ]
  return [
    ...shapes.map((shape) => muon(`[${shape}]`, [matrixOf(shape)])),
    ...shapes.map((shape) =>
      muon(
        `the direction of [${shape}]`,
        [{ ...matrixOf(shape), parameter: floats('p', shape, 0, 1e-3) }],
        alone,
      ),
    ),
    // Larger than a block of terms, so that products are split into tasks and parts.
    muon('[64, 800]', [matrixOf([64, 800])], alone),
    muon('[800, 64]', [matrixOf([800, 64])], alone),
    muon('[150, 149]', [matrixOf([150, 149])], alone),
    // More than 384 terms in every product. One iteration has each product.
    muon('[400, 390]', [matrixOf([400, 390])], { ...alone, iterations: 1, large: true }),
    muon('[390, 770]', [matrixOf([390, 770])], { iterations: 1, large: true }),
    muon('[770, 390]', [matrixOf([770, 390])], { iterations: 1, large: true }),
    muon('matrices of all shapes', [
      matrixOf([130, 40], '0'),
      matrixOf([1, 1], '1'),
      matrixOf([40, 130], '2'),
      matrixOf([3, 200], '3'),
      matrixOf([70, 70], '4'),
    ]),
    ...[1, 2, 3, 6].map((iterations) => muon(`${iterations} iterations`, [matrix], { ...alone, iterations })),
    muon('the gradient is 0', [{ ...matrix, gradient: zeros() }]),
    muon('all is 0', [{ parameter: zeros(), gradient: zeros(), m: zeros() }]),
    muon('only the parameter is not 0', [{ ...matrix, gradient: zeros(), m: zeros() }]),
    muon('tiny gradients', [{ ...direction, gradient: floats('g', [13, 19], -1e-12, 1e-12) }], alone),
    muon('large gradients', [{ ...direction, gradient: floats('g', [13, 19], -1e12, 1e12) }], alone),
    // Every iteration triples the rounding errors in the other directions.
    muon('of rank 1', [{ ...direction, gradient: outer(13, 19) }], { ...alone, nmse: 1e-7 }),
    muon('momentum 0', [matrix], { momentum: 0 }),
    muon('scale 0', [matrix], { scale: 0 }),
    muon('rate 0', [matrix], { rate: 0 }),
    muon('no decay', [matrix], { decay: 0 }),
    muon('decay 2, rate 0.3', [matrix], { decay: 2, rate: 0.3 }),
  ]
}

/** A matrix of rank 1: all but one of its singular values are 0 or rounding errors. */
function outer(rows: number, columns: number): Given {
  const [left, right] = [floats('left', [rows]).values, floats('right', [columns]).values]
  const values = Float32Array.from(
    { length: rows * columns },
    (_, i) => left[Math.floor(i / columns)] * right[i % columns],
  )
  return given('f32', [rows, columns], values)
}

function ema(name: string, shapes: readonly Shape[], decay = 0.99): Case {
  const inputs = ['a', 'p'].flatMap((part) => shapes.map((shape, i) => floats(`${part}${i}`, shape)))
  return opCase('ema', name, [scalar(decay), ...inputs])
}

function emaCases(): Case[] {
  return [
    ...edges.map((n) => ema(`[${n}]`, [[n]])),
    ...[4095, 4096, 4097, 50021].map((n) => ema(`[${n}]`, [[n]])),
    ema('rank 0', [[]]),
    ema('rank 3', [[2, 3, 5]]),
    ema('across chunks', lengths),
    ema('many tensors', crowd),
    ...[0, 0.3, 0.5, 0.9999, 1].map((decay) => ema(`decay ${decay}`, [[19]], decay)),
  ]
}
