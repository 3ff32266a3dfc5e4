// Runs a stage with one click, and shows how it learns beside the course's reference.

import { signal } from '@preact/signals'
import { Component } from 'preact'
import { post } from './api.mjs'
import { Curve } from './curve.mjs'
import { html } from './html.mjs'
import { Progress } from './run_head.mjs'
import { isComparable, runOf, text } from './stages_state.mjs'
import { addressOfRun, current, isBusy } from './state.mjs'
import { chosenSample } from './stops.mjs'
import { choicesWords, count, duration, plural } from './words.mjs'

/** The steps that a stage of hours offers, besides its own. */
const fewSteps = [25, 100, 500]
/** What each stage has shown, by its number. It stays when another stage is looked at. */
const shown = signal({})

export class StageRun extends Component {
  constructor({ stage }) {
    super()
    this.problem = signal(null)
    this.steps = signal(stage.isLong ? fewSteps[0] : null)
    /** null: not measured. */
    this.secondsPerStep = signal(null)
    this.isAsking = signal(false)
  }

  async componentDidMount() {
    const { stage } = this.props
    if (!stage.isLong || isBusy.peek()) return
    try {
      const { secondsPerStep } = await post('/api/stages/time', { stage: stage.number, text: text.peek() })
      this.secondsPerStep.value = secondsPerStep
    } catch {
      // The page says that it takes hours.
    }
  }

  async start() {
    const { stage } = this.props
    const { number } = stage
    const body = { stage: number, text: text.peek() }
    this.problem.value = null
    this.isAsking.value = true
    try {
      if (stage.canDemonstrate) {
        const answer = await post('/api/stages/show', body)
        shown.value = { ...shown.peek(), [number]: answer.shown }
      }
      if (stage.numbers) await post('/api/stages/start', { ...body, steps: this.steps.peek() ?? undefined })
    } catch (error) {
      // Stopping it is no problem.
      if (current.peek()?.state !== 'stopped') this.problem.value = error.message
    } finally {
      this.isAsking.value = false
    }
  }

  async stop() {
    try {
      await post('/api/stop', {})
    } catch (error) {
      this.problem.value = error.message
    }
  }

  render({ stage }) {
    const run = runOf(stage)
    const live = current.value
    const isOurs = isBusy.value && run?.id === live.id
    const isOther = isBusy.value && !isOurs
    return html`
      <section class="card stage-run" aria-labelledby="run-title">
        <div class="row">
          <h2 id="run-title">${stage.numbers ? 'How it learns' : 'What it computes'}</h2>
          <div class="buttons">
            ${
              isOurs
                ? html`<button class="button" onClick=${() => this.stop()}>Stop</button>`
                : html`
                    <button class="button primary" disabled=${(isOther && stage.numbers) || this.isAsking.value} onClick=${() => this.start()}>
                      Run stage ${stage.number}${run ? ' again' : ''}
                    </button>
                  `
            }
            ${run && html`<a class="button" href=${addressOfRun(run.id)}>Open this run</a>`}
          </div>
        </div>
        ${isOther && stage.numbers && html`<p class="note">Another run is training now. <a href=${addressOfRun(live.id)}>Watch ${live.text}</a>, or wait until it is finished.</p>`}
        ${!isOurs && stage.numbers && this.costs(stage)}
        <div role="alert">${this.problem.value && html`<p class="problem">${this.problem.value}</p>`}</div>
        ${run && html`<${Progress} run=${run} />`}
        ${stage.numbers && html`<${Losses} stage=${stage} run=${run} />`}
        ${run && html`<${BeforeAfter} run=${run} />`}
        <${Shown} stage=${stage} all=${shown.value[stage.number]} />
      </section>
    `
  }

  /** How long it takes, and for a stage of hours, a choice of the steps. */
  costs({ isLong, numbers, reference }) {
    if (!isLong)
      return html`<p class="note">${count(numbers.steps)} steps: on most computers a few seconds.</p>`
    const each = this.secondsPerStep.value
    const all = numbers.steps
    const steps = this.steps.value
    const [first] = reference.losses[0]
    return html`
      <fieldset class="segments">
        <legend>Train for</legend>
        ${[...fewSteps, all].map(
          (choice) => html`
            <label>
              <input
                type="radio"
                name="stage-steps"
                checked=${choice === steps}
                onChange=${() => {
                  this.steps.value = choice
                }}
              />
              <span>${count(choice)} steps${each !== null && `, about ${duration(choice * each)}`}</span>
            </label>
          `,
        )}
      </fieldset>
      <p class="note" aria-live="polite">
        ${each === null ? `All ${count(all)} steps take hours on a processor, and minutes on a fast graphics card.` : `A step takes about ${each < 1 ? each.toFixed(2) : each.toFixed(1)} s here, and evaluations are extra.`}${' '}
        ${steps < all && `After ${count(steps)} steps it is far from finished. ${steps < first ? `The first loss of the reference is that after ${count(first)} steps.` : 'So compare only the beginning of the curve.'}`}
      </p>
    `
  }
}

/** The curve of a run, or of none, and the reference. */
function Losses({ stage, run }) {
  const { numbers, reference } = stage
  const steps = numbers.steps
  const nothing = { points: [], evaluations: [], samples: [], steps, unit: 'character' }
  const [after, loss] = reference.losses.at(-1)
  const best = Math.min(...reference.losses.map(([, each]) => each))
  const compares = isComparable(run)
  return html`
    <${Curve} run=${run?.steps > 0 ? run : nothing} reference=${compares ? reference.losses : null} />
    <p class="muted">
      ${
        compares
          ? `The reference is the course’s script in Python. It ended at a loss of ${loss.toFixed(2)} nats after ${count(after)} steps${reference.split === 'train' ? ', on the text that it trains on' : ''}: as if choosing among ${choicesWords(loss)} characters.${best < loss ? ` Its best was ${best.toFixed(2)}.` : ''}`
          : 'The course’s script in Python has read Shakespeare, so its losses cannot be compared with those of this text.'
      }
    </p>
  `
}

/** What the model wrote before its training, and what it writes now or at the step that is chosen. */
function BeforeAfter({ run }) {
  const first = run.samples[0]
  const chosen = chosenSample(run)
  if (!first) return null
  return html`
    <div class="before-after">
      <${Sample} title="Before training" text=${first.text} />
      ${chosen !== first && html`<${Sample} title="After ${plural(chosen.step, 'step')}" text=${chosen.text} />`}
    </div>
  `
}

function Sample({ title, text }) {
  return html`
    <div>
      <h3>${title}</h3>
      <div class="sample" tabindex="0" role="region" aria-label=${title}>${text.trim() || html`<span class="muted">(only blank lines)</span>`}</div>
    </div>
  `
}

/** What a stage has shown besides its training. */
function Shown({ stage, all }) {
  if (!stage.canDemonstrate) return null
  if (!all)
    return html`<p class="note">${stage.numbers ? 'Before it trains, this' : 'This'} stage shows its work step by step. Run it to read it here.</p>`
  return html`
    <div class="shown" tabindex="0" role="region" aria-label="What stage ${stage.number} shows">
      ${all.map(({ kind, title, text: words }) => {
        if (kind === 'title') return html`<h3>${words}</h3>`
        if (kind === 'say' && !words.includes('\n')) return html`<p>${words.trim()}</p>`
        return html`${title && html`<p>${title}:</p>`}<pre>${words}</pre>`
      })}
    </div>
  `
}
