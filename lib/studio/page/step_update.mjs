// Part 5 of a step: the new weights, with plain gradient descent and with the optimizer of the run.

import { signal } from '@preact/signals'
import { html } from './html.mjs'
import { digits, factor, raised } from './step_gradient.mjs'
import { Plot } from './step_plot.mjs'

/** Which of the learning rates is chosen. */
const chosenRate = signal(4)

export function Update({ run, data }) {
  return html`
    <p>
      Now every weight moves a little against its slope, all at once. How far? That is the learning rate, the most important knob of
      training.
    </p>
    <${Plain} data=${data} />
    <${Own} run=${run} data=${data} />
  `
}

const lossWords = (loss) => (loss === null ? 'no number any more' : loss.toFixed(4))

function Plain({ data: { weight, loss, plain } }) {
  const { rate, loss: after } = plain[chosenRate.value]
  const drawn = plain.filter((trial) => trial.loss !== null)
  return html`
    <h4>The plain way</h4>
    <p class="formula">
      new weight = weight − rate × slope = ${digits(weight.value)} − ${digits(rate)} × ${factor(weight.gradient)} =
      ${' '}<strong>${digits(weight.value - rate * weight.gradient, 6)}</strong>
    </p>
    <div class="rate">
      <label for="rate">Learning rate <output for="rate">${digits(rate)}</output></label>
      <input
        id="rate"
        type="range"
        min="0"
        max=${plain.length - 1}
        step="1"
        value=${chosenRate.value}
        aria-valuetext=${digits(rate)}
        onInput=${(event) => {
          chosenRate.value = Number(event.target.value)
        }}
      />
    </div>
    <${Plot}
      points=${drawn.map((trial) => [Math.log10(trial.rate), trial.loss])}
      line=${() => loss}
      point=${[Math.log10(rate), after ?? Math.max(...drawn.map((trial) => trial.loss))]}
      words=${{ name: 'learning rate', x: (at) => digits(10 ** at, 2), y: (at) => at.toFixed(2) }}
      label=${`The loss after one step, for learning rates from ${digits(plain[0].rate)} to ${digits(plain.at(-1).rate)}.`}
    />
    <p class="help">The loss of this text after one step with each learning rate. The dashed line is the loss before.</p>
    <p class="big" role="status">
      Loss ${lossWords(loss)} → <strong>${lossWords(after)}</strong>${after === null || after > loss ? '. Too far: it lands on the other side of the valley.' : '.'}
    </p>
  `
}

function Own({ run, data }) {
  const { weight, loss, lossAfter, rateFraction, step, parameters } = data
  const { update } = weight
  const { shape } = parameters.find(({ path }) => path === weight.path)
  const { name, why, lines } = formulas[update.optimizer](weight, shape)
  const isOver = run.steps > 0 && step >= run.steps
  return html`
    <h4>The way of this run: ${name}</h4>
    <p>${why}</p>
    <ul class="formulas">
      ${update.scale < 1 && html`<li class="formula">slope = ${digits(update.scale)} × ${factor(weight.gradient)} = ${digits(update.scale * weight.gradient)}, because all slopes together were too large</li>`}
      ${lines.map((line) => html`<li class="formula">${line}</li>`)}
    </ul>
    <p>
      ${isOver ? 'The run is over, so this is with its last learning rate' : 'This is with the learning rate of this step'}:
      ${' '}${rateFraction === 1 ? 'the full one.' : `${digits(100 * rateFraction, 2)} % of the full one.`}
      ${rateFraction < 0.1 && ' So the step is tiny.'} All weights moved, each in the way of the run, which itself reads more text in each step.
    </p>
    <p class="big">
      Weight ${digits(weight.value, 7)} → <strong>${digits(update.value, 7)}</strong>. Loss ${lossWords(loss)} →
      ${' '}<strong>${lossWords(lossAfter)}</strong>.
    </p>
  `
}

/** The formulas of the optimizers, with the numbers of a weight. */
const formulas = {
  adamw({ value, gradient, update }) {
    const { step, rate, scale, beta1, beta2, epsilon, weightDecay, before, after } = update
    const [m, v] = [after.m / (1 - beta1 ** step), after.v / (1 - beta2 ** step)]
    const slope = scale * gradient
    const kept =
      weightDecay === 0 ? digits(value) : `${digits(value)} × (1 − ${digits(rate)} × ${digits(weightDecay)})`
    return {
      name: 'AdamW',
      why: 'It remembers earlier slopes (m), and how large they usually are (v). So a noisy slope cannot throw it off, and every weight moves at about the same speed.',
      lines: [
        `m = ${beta1} × ${factor(before.m)} + ${digits(1 - beta1)} × ${factor(slope)} = ${digits(after.m)}`,
        `v = ${beta2} × ${digits(before.v)} + ${digits(1 - beta2)} × ${factor(slope)}² = ${digits(after.v)}`,
        `without the bias of the beginning: m / (1 − ${beta1}${raised(String(step))}) = ${digits(m)}, v / (1 − ${beta2}${raised(String(step))}) = ${digits(v)}`,
        `new weight = ${kept} − ${digits(rate)} × ${factor(m)} / (√${digits(v)} + ${digits(epsilon)}) = ${digits(update.value, 7)}`,
      ],
    }
  },
  muon({ value, gradient, update }, [rows, columns]) {
    const { rate, scale, momentum, weightDecay, before, after } = update
    const keep = 1 - rate * weightDecay
    const size = Math.sqrt(Math.max(1, rows / columns))
    const slope = scale * gradient
    const direction = (value * keep - update.value) / (rate * size)
    return {
      name: 'Muon',
      why: 'It remembers earlier slopes (m), and then turns the whole table of slopes into a direction in which no part shouts louder than the others.',
      lines: [
        `m = ${digits(momentum)} × ${factor(before.m)} + ${factor(slope)} = ${digits(after.m)}`,
        `blend = ${digits(slope)} + ${digits(momentum)} × ${factor(after.m)} = ${digits(slope + momentum * after.m)}`,
        `direction, from the blends of the whole table: ${digits(direction, 2)}`,
        `new weight = ${digits(value)} × ${digits(keep, 7)} − ${digits(rate)} × ${size === 1 ? '' : `${digits(size)} × `}${factor(direction, 2)} = ${digits(update.value, 7)}`,
      ],
    }
  },
  sgd({ value, gradient, update }) {
    const { rate, scale, momentum, weightDecay, nesterov, before, after } = update
    const slope = scale * gradient + weightDecay * value
    const direction = nesterov ? slope + momentum * after.m : after.m
    return {
      name: 'gradient descent with momentum',
      why: 'It remembers earlier slopes (m), as a ball that rolls downhill keeps its speed.',
      lines: [
        ...(weightDecay === 0 ? [] : [`with a pull towards 0: ${digits(slope)}`]),
        `m = ${digits(momentum)} × ${factor(before.m)} + ${factor(slope)} = ${digits(after.m)}`,
        `new weight = ${digits(value)} − ${digits(rate)} × ${factor(direction)} = ${digits(update.value, 7)}`,
      ],
    }
  },
}
