// Part 3 of a step: the gradient, and the choice of one weight.

import { html } from './html.mjs'
import { count, tokenWords } from './words.mjs'

/** What a parameter does, by the end of its path. */
const roles = [
  [/^tokenEmbedding/, 'the numbers that stand for each token'],
  [/^positionEmbedding/, 'the numbers that stand for each place'],
  [/query\.weight$/, 'what a place looks for in the text before it'],
  [/key\.weight$/, 'what a place offers to those that look'],
  [/value\.weight$/, 'what a place hands on'],
  [/projection/, 'mixes what was gathered into the rest'],
  [/feedForward.*(expand|hidden|gate)/, 'thinking, first half: features to look out for'],
  [/feedForward/, 'thinking, second half: what follows from them'],
  [/norm/i, 'keeps the numbers at a healthy size'],
  [/^head/, 'turns the result into scores of the next token'],
]
const roleOf = (path) => roles.find(([pattern]) => pattern.test(path))?.[1] ?? 'a part of the model'

/** 3, 17 → row 3, column 17 */
const placeOf = (shape, index) =>
  shape.length < 2 ? [index] : [Math.floor(index / shape[1]), index % shape[1]]

export const raised = (exponent) =>
  exponent.replace(/./g, (each) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(each)] ?? '')

/** A number with the digits that matter: 0.1366, −2.5 · 10⁻⁷ */
export const digits = (value, precision = 4) =>
  String(Number(value.toPrecision(precision)))
    .replace(/e(.*)/, (_, exponent) => ` · 10${raised(exponent)}`)
    .replace('-', '−')

/** A number in a formula after an operator. */
export const factor = (value, precision) =>
  value < 0 ? `(${digits(value, precision)})` : digits(value, precision)

export function Gradient({ data, step }) {
  const { parameters, weight, token } = data
  const { shape } = parameters.find(({ path }) => path === weight.path)
  const [row, column] = placeOf(shape, weight.index)
  const size = shape.reduce((product, each) => product * each, 1)
  const all = parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((product, each) => product * each, 1),
    0,
  )
  const choose = (path, index) => step.ask({ path, index })
  const field = (label, value, limit, indexOf) => html`
    <div>
      <label for=${`step-${label}`}>${label}</label>
      <input
        id=${`step-${label}`}
        type="text"
        inputmode="numeric"
        autocomplete="off"
        value=${value}
        aria-describedby=${`step-${label}-help`}
        onChange=${(event) => {
          const given = Number(event.target.value)
          if (Number.isInteger(given) && given >= 0 && given < limit && event.target.value !== '')
            choose(weight.path, indexOf(given))
          else event.target.value = value
        }}
      />
      <p class="help" id=${`step-${label}-help`}>0 to ${count(limit - 1)}</p>
    </div>
  `
  const surprise = () => {
    const { path, shape } = parameters[Math.floor(Math.random() * parameters.length)]
    choose(path, Math.floor(Math.random() * shape.reduce((product, each) => product * each, 1)))
  }
  const gradient = weight.gradient
  return html`
    <p>
      The model is ${count(all)} numbers, its weights. Which of them are to blame? Running the computation backwards gives every
      weight a slope: how the loss changes if only this weight grows. All slopes together are the gradient. Pick one weight to
      follow.
    </p>
    <div class="pick">
      <div>
        <label for="step-part">Part of the model</label>
        <select
          id="step-part"
          aria-describedby="step-part-help"
          onChange=${(event) => choose(event.target.value, parameters.find(({ path }) => path === event.target.value).largest)}
        >
          ${parameters.map(
            ({ path, shape }) =>
              html`<option value=${path} selected=${path === weight.path}>${path} (${shape.join(' × ') || 1})</option>`,
          )}
        </select>
        <p class="help" id="step-part-help">${roleOf(weight.path)}</p>
      </div>
      ${
        shape.length < 2
          ? field('number', row, size, (at) => at)
          : html`
              ${field('row', row, shape[0], (at) => at * shape[1] + column)}
              ${field('column', column, shape[1], (at) => row * shape[1] + at)}
            `
      }
    </div>
    <div class="buttons">
      <button class="button small" onClick=${() => step.ask()}>The steepest of all</button>
      <button class="button small" onClick=${surprise}>Surprise me</button>
    </div>
    <div role="status">
      <p class="big">It is ${digits(weight.value)}. Its slope is <strong>${digits(gradient)}</strong>.</p>
      <p>
        ${token !== null && `Its row belongs to ${tokenWords(token)}. `}${meaningOf(gradient)}
      </p>
    </div>
  `
}

function meaningOf(gradient) {
  if (gradient === 0)
    return 'This weight plays no part in this piece of text: it can change as it likes, and the loss stays. Pick another one, or see it confirmed in the next part.'
  const [more, less] = gradient > 0 ? ['more', 'smaller'] : ['less', 'larger']
  return `If it grows by 0.001, the loss becomes about ${digits(Math.abs(gradient) * 0.001, 2)} ${more}. So this weight should become ${less}.`
}
