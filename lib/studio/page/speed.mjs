// Where the time of a training step goes, measured on this computer.

import { signal } from '@preact/signals'
import { Component } from 'preact'
import { post } from './api.mjs'
import { html } from './html.mjs'
import { Kinds, OpsTable } from './speed_kinds.mjs'
import { Memory } from './speed_memory.mjs'
import { Roofline } from './speed_plot.mjs'
import { deviceWords, large, time } from './speed_words.mjs'
import { current } from './state.mjs'
import { count, duration, percent } from './words.mjs'

export class Speed extends Component {
  constructor() {
    super()
    this.about = signal(null)
    this.measured = signal(null)
    this.isMeasuring = signal(false)
    this.problem = signal(null)
  }

  componentDidMount() {
    this.ask('/api/speed/about', {}, this.about).then(() => {
      this.measured.value = this.about.value?.measured ?? null
    })
  }

  async ask(path, body, answer) {
    this.problem.value = null
    try {
      answer.value = await post(path, { id: this.props.run.id, ...body })
    } catch (error) {
      this.problem.value = error.message
    }
  }

  async measure() {
    this.isMeasuring.value = true
    await this.ask('/api/speed', { again: this.measured.peek() !== null }, this.measured)
    this.isMeasuring.value = false
  }

  render({ run }) {
    const [about, measured] = [this.about.value, this.measured.value]
    return html`
      <section class="card speed" aria-labelledby="speed-title">
        <h2 id="speed-title">Where the time goes</h2>
        ${measured ? html`<${Summary} run=${run} about=${about} measured=${measured} />` : html`<p class="muted">${intro}</p>`}
        ${about && this.renderButton(about, [run, current.value])}
        <div role="alert">${this.problem.value && html`<p class="problem">${this.problem.value}</p>`}</div>
        ${measured && html`<${Kinds} kinds=${measured.kinds} />`}
      </section>
      ${
        measured &&
        html`
          <section class="card speed" aria-labelledby="roofline-title">
            <h2 id="roofline-title">What limits it</h2>
            ${measured.peak ? html`<${Roofline} measured=${measured} />` : html`<p>${withoutPeak}</p>`}
            <${OpsTable} ops=${measured.ops} />
          </section>
        `
      }
      ${about && html`<${Memory} memory=${(measured ?? about).memory} isMeasured=${measured} />`}
    `
  }

  renderButton({ device, missing, precision, seconds }, runs) {
    const isBusy = runs.some((run) => ['preparing', 'running', 'stopping'].includes(run?.state))
    const isMeasuring = this.isMeasuring.value
    const isFirst = !this.measured.value
    const length = seconds === null ? 'a few seconds' : `about ${duration(seconds)}`
    return html`
      <div class="measure">
        <button class="button ${isFirst ? 'primary' : 'small'}" disabled=${isBusy || isMeasuring} onClick=${() => this.measure()}>
          ${isFirst ? 'Measure' : 'Measure again'}
        </button>
        <p class="muted" role="status">
          ${
            isBusy
              ? 'A model is training, so a measurement would be wrong. Wait until it is finished, or pause it.'
              : `${isMeasuring ? 'Measuring, for' : 'Takes'} ${length} on your ${deviceWords(device)}${precision === 'f32' ? '' : `, with numbers in ${precision}`}.`
          }
          ${missing && ` The run trained on ${missing}, which this computer does not have.`}
        </p>
      </div>
    `
  }
}

const intro =
  'A model learns in steps. A step is a list of operations, such as multiplying tables of numbers. Here you can measure how long each of them takes on this computer, and what keeps it from being faster.'
const withoutPeak =
  'This run computes in plain TypeScript. How fast that could be at most is not known, so there is no roofline.'

/** Kinds that have other words in a sentence. */
const inSentence = {
  'matrix products': 'multiplying matrices, which are tables of numbers',
  loss: 'the loss',
  optimizer: 'the optimizer',
  'between the operations': 'what is between the operations',
}

function Summary({ run, about, measured: { ms, flops, peak, kinds, reach } }) {
  const [{ kind, part }] = kinds
  const perSecond = (1000 * flops) / ms
  return html`
    <p class="big">One step takes <strong>${time(ms)}</strong></p>
    <p>
      ${ms < 1000 && '1,000 ms are a second. '}In a step the model reads ${count(about.tokensPerStep)} ${run.unit}s, and then changes its weights once.
      ${` ${percent(part)} of the time goes into ${inSentence[kind] ?? kind}.`}
    </p>
    ${
      peak &&
      html`
        <p>
          Your ${deviceWords(about.device)} can do ${large(peak.flopsPerSecond)} multiplications and additions per second.
          This step does ${large(perSecond)}: <strong>${percent(perSecond / peak.flopsPerSecond)}</strong> of that.
          ${reach < 0.95 && ` If every operation ran at its limit, it would take ${time(reach * ms)}.`}
        </p>
      `
    }
  `
}
