// Compares runs: their curves, what differs between them, and what they wrote at the same step. While one
// of them trains, all of it is live.

import { effect, signal } from '@preact/signals'
import { Component } from 'preact'
import { post } from './api.mjs'
import { CompareSamples } from './compare_samples.mjs'
import { CompareTable, letterOf } from './compare_table.mjs'
import { Curves } from './curves.mjs'
import { html } from './html.mjs'
import { addressOfRun, route, runs } from './state.mjs'
import { choicesWords, count, duration } from './words.mjs'

/** The axis of the curves: 'step' or 'seconds'. */
const axis = signal('step')

export class Compare extends Component {
  constructor() {
    super()
    this.ids = route.peek().parts
    this.compared = signal(null)
    this.problem = signal(null)
    /** The step of the samples. null: the newest that all have reached. */
    this.step = signal(null)
  }

  componentDidMount() {
    this.unfollow = effect(() => {
      const rows = runs.value.filter(({ id }) => this.ids.includes(id))
      const version = JSON.stringify(rows)
      if (version === this.version) return
      this.version = version
      this.read()
    })
  }

  componentWillUnmount() {
    this.unfollow()
  }

  /** Reads the runs, one call at a time. */
  async read() {
    this.isOld = true
    if (this.isReading) return
    this.isReading = true
    while (this.isOld) {
      this.isOld = false
      try {
        this.compared.value = await post('/api/compare', { ids: this.ids })
        this.problem.value = null
      } catch (error) {
        this.problem.value = error.message
      }
    }
    this.isReading = false
  }

  render() {
    const compared = this.compared.value
    return html`
      <section class="head">
        <p class="crumb"><a href="#">All runs</a></p>
        <h1>Compare runs</h1>
        ${compared && html`<${Names} runs=${compared.runs} />`}
        <div role="alert">${this.problem.value && html`<p class="problem">${this.problem.value}</p>`}</div>
      </section>
      ${
        compared
          ? html`
              <${Verdict} compared=${compared} />
              <${CurvesCard} compared=${compared} step=${this.step} />
              <${CompareTable} compared=${compared} />
              <${CompareSamples} runs=${compared.runs} step=${this.step} />
              <${Command} command=${compared.command} />
            `
          : !this.problem.value && html`<p class="muted">Reading the runs…</p>`
      }
    `
  }
}

function Names({ runs }) {
  return html`
    <ul class="names">
      ${runs.map(
        ({ id, text }, i) => html`
          <li>
            <span class=${`line run-${i + 1}`}></span><b>${letterOf(i)}</b> <a href=${addressOfRun(id)}>${text}</a>${' '}
            <span class="muted">${id}</span>
          </li>
        `,
      )}
    </ul>
  `
}

/** Which run is the best, and how much this says. */
function Verdict({ compared: { runs, unit, options } }) {
  const known = runs.flatMap(({ best }, i) => (best ? [{ name: letterOf(i), loss: best.loss }] : []))
  if (known.length === 0) return html`<p class="empty">None of them has been tested yet.</p>`
  const [first, ...others] = known.sort((a, b) => a.loss - b.loss)
  const onlySeed = options.length > 0 && options.every(({ name }) => name === 'seed')
  return html`
    <section class="loss" aria-live="polite">
      <p class="big">
        ${first.name} guesses best: each ${unit} as if choosing among <strong>${choicesWords(first.loss)}</strong>
      </p>
      <p class="muted">
        ${others.map(({ name, loss }) => `${name}: ${choicesWords(loss)}.`).join(' ')}${' '}
        ${
          onlySeed
            ? 'They differ only in their seed, the number that stands for chance. So this is how much chance alone changes.'
            : 'These are single runs, and chance changes each a little. To see how much, train one again with another seed.'
        }
        ${unit === 'byte' && html`<br />They read different texts, or cut them into different tokens, so they are compared per byte. A byte is about a letter.`}
      </p>
    </section>
  `
}

function CurvesCard({ compared: { runs, unit }, step }) {
  const by = axis.value
  const isStep = by === 'step'
  const drawn = runs.map((run, i) => ({
    name: letterOf(i),
    color: `--run-${i + 1}`,
    evaluations: run.evaluations.map((each) => ({ step: each[by], valLoss: each.loss })),
    points: run.points.map((each) => [each[by], each[by], each.loss]),
  }))
  const ends = runs.flatMap((run) => [run.points.at(-1)?.[by] ?? 0, run.evaluations.at(-1)?.[by] ?? 0])
  const label = `Curves of the losses. ${runs
    .map(({ best }, i) => (best ? `${letterOf(i)}: ${choicesWords(best.loss)} choices.` : ''))
    .join(' ')}`
  const marked = isStep ? step.value : null
  return html`
    <section class="card flush" aria-labelledby="curves-title">
      <div class="row">
        <h2 id="curves-title">How they learn</h2>
        <fieldset class="segments">
          <legend class="muted">Along the</legend>
          ${[
            ['step', 'steps'],
            ['seconds', 'time'],
          ].map(
            ([value, words]) => html`
              <label>
                <input
                  type="radio"
                  name="axis"
                  value=${value}
                  checked=${by === value}
                  onChange=${() => {
                    axis.value = value
                  }}
                />
                <span>${words}</span>
              </label>
            `,
          )}
        </fieldset>
      </div>
      <p class="axis-title muted" aria-hidden="true">
        As if choosing among … ${unit}s. Strong lines: on text they have never seen. Thin ones: on the text they train on.
      </p>
      <${Curves}
        runs=${drawn}
        marks=${marked === null ? [] : [marked]}
        end=${Math.max(...ends)}
        ticks=${isStep ? count : timeWords}
        label=${label}
        onChoose=${
          isStep &&
          ((at) => {
            step.value = Math.max(0, Math.round(at))
          })
        }
      />
    </section>
  `
}

const timeWords = (seconds) => (seconds === 0 ? '0' : duration(seconds))

function Command({ command }) {
  return html`
    <section aria-labelledby="command-title">
      <h2 id="command-title">In a terminal</h2>
      <div class="command">
        <code>${command}</code>
        <${Copy} text=${command} />
      </div>
    </section>
  `
}

class Copy extends Component {
  constructor() {
    super()
    this.words = signal('Copy')
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.props.text)
      this.words.value = 'Copied'
    } catch {
      this.words.value = 'Select it to copy'
    }
  }

  render() {
    return html`<button class="button small" onClick=${() => this.copy()}><span role="status">${this.words.value}</span></button>`
  }
}
