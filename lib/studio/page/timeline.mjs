// The bar above all views of a run: the step that they show. The slider stops where something is at hand;
// any other step can be typed, and computed again.

import { signal } from '@preact/signals'
import { Component } from 'preact'
import { post } from './api.mjs'
import { ForkForm } from './fork_form.mjs'
import { html } from './html.mjs'
import { chosenStep, isBusy, modelStep, rebuilding, timeline } from './state.mjs'
import { choose, stopsOf } from './stops.mjs'
import { count, duration, megabytes, plural } from './words.mjs'

/** What takes less is done at once. */
const secondsAtOnce = 2
/** To read the text and compile. */
const secondsToBegin = 0.5

/** How long it takes to compute a step again, in seconds. null: unknown, or not possible. */
function secondsTo({ starts, secondsPerStep }, step) {
  const start = starts.findLast((each) => each <= step)
  if (start === undefined || secondsPerStep === null) return null
  return start === step ? 0 : secondsToBegin + (step - start) * secondsPerStep
}

export class Timeline extends Component {
  constructor() {
    super()
    this.isForking = signal(false)
    this.problem = signal(null)
    /** What the last rebuild found. */
    this.found = signal(null)
  }

  componentDidMount() {
    this.read()
    this.unfollow = chosenStep.subscribe(() => {
      this.problem.value = null
      this.found.value = null
    })
    // Another view, a fork or another page may have asked for the rebuild.
    let isRebuilding = false
    this.unfollowRebuild = rebuilding.subscribe((now) => {
      if (isRebuilding && now === null) this.read(true)
      isRebuilding = now !== null
    })
  }

  componentDidUpdate() {
    this.read()
  }

  componentWillUnmount() {
    this.unfollow()
    this.unfollowRebuild()
  }

  /** Asks where the model is at hand, again when that has changed. */
  async read(force = false) {
    const { id, state, isSaved, evaluations } = this.props.run
    const version = [id, state, isSaved, evaluations.length].join()
    if (version === this.version && !force) return
    this.version = version
    try {
      const known = await post('/api/timeline', { id })
      if (id === this.props.run.id) timeline.value = { id, ...known }
    } catch {
      // A run that has saved nothing has no moments yet.
    }
  }

  /** Chooses a step exactly, and computes it at once if that is quick. */
  type(text) {
    const { run } = this.props
    const digits = text.replace(/[,\s]/g, '')
    const step = digits === '' ? Number.NaN : Number(digits)
    if (!Number.isSafeInteger(step) || step < timeline.value.first || step > run.step) {
      this.problem.value = `Type a step from ${count(timeline.value.first)} to ${count(run.step)}.`
      return
    }
    chosenStep.value = step === run.step ? null : step
    const seconds = secondsTo(timeline.value, step)
    if (modelStep.value !== chosenStep.value && seconds !== null && seconds <= secondsAtOnce)
      this.rebuild(step)
  }

  async rebuild(step) {
    this.problem.value = null
    rebuilding.value = { id: this.props.run.id, step, done: 0, total: 1 }
    try {
      const { replayed } = await post('/api/rebuild', { id: this.props.run.id, step })
      await this.read(true)
      this.found.value = replayed
    } catch (error) {
      this.problem.value = error.message
    } finally {
      if (rebuilding.value?.step === step) rebuilding.value = null
    }
  }

  render({ run }) {
    if (timeline.value?.id !== run.id || run.step === 0) return html`<div class="timeline"></div>`
    const { first, snapshots } = timeline.value
    const step = chosenStep.value ?? run.step
    const stops = stopsOf(run)
    const at = (each) => `${(100 * (each - first)) / Math.max(1, run.step - first)}%`
    const move = (by) => {
      const later = by > 0
      const next = later ? stops.find((each) => each > step) : stops.findLast((each) => each < step)
      choose(run, next ?? step)
    }
    const keys = {
      ...{ ArrowLeft: () => move(-1), ArrowDown: () => move(-1) },
      ...{ ArrowRight: () => move(1), ArrowUp: () => move(1) },
      ...{ Home: () => choose(run, first), End: () => choose(run, run.step) },
    }
    return html`
      <section class="timeline" aria-label="Timeline">
        <div class="moments">
          <p class="moment">
            <label for="moment">After step</label>
            <input
              id="moment"
              type="text"
              inputmode="numeric"
              autocomplete="off"
              aria-describedby="moment-note"
              style=${{ '--digits': count(run.step).length }}
              value=${count(step)}
              onChange=${(event) => {
                this.type(event.target.value)
                event.target.value = count(chosenStep.value ?? run.step)
              }}
            />
            <span class="muted">of ${count(run.step)}</span>
          </p>
          <div class="track-of-steps">
          <div class="ticks" aria-hidden="true">${stops.map((each) => html`<i style=${{ left: at(each) }}></i>`)}</div>
          <input
            class="slider"
            type="range"
            aria-label="Steps of the run"
            aria-valuetext="after ${plural(step, 'step')}"
            min=${first}
            max=${run.step}
            step="1"
            value=${step}
            onInput=${(event) => {
              choose(run, Number(event.target.value))
              // The slider rests on a stop.
              event.target.value = chosenStep.value ?? run.step
            }}
            onKeyDown=${(event) => {
              if (!(event.key in keys)) return
              event.preventDefault()
              keys[event.key]()
            }}
            />
          </div>
          <div class="buttons">
            <button class="button small" disabled=${chosenStep.value === null} onClick=${() => choose(run, run.step)}>Newest</button>
            <button
              class="button small"
              aria-expanded=${this.isForking.value}
              title="Trains it again from here, with one change"
              onClick=${() => {
                this.isForking.value = !this.isForking.value
              }}
            >
              Fork here
            </button>
          </div>
        </div>
        <p class="muted small-note" id="moment-note">
          ${this.savedWords(run)}${
            snapshots.count > 0
              ? `Move the slider to go back in time: ${plural(snapshots.count, 'snapshot')} of its weights, ${megabytes(snapshots.bytes)}.`
              : 'This run kept no snapshots of its weights. Any step can be typed, and computed again.'
          }
        </p>
        <div role="status">${this.noteOf(run, step)}</div>
        <div role="alert">${this.problem.value && html`<p class="problem">${this.problem.value}</p>`}</div>
        ${
          this.isForking.value &&
          html`<${ForkForm}
            run=${run}
            step=${step}
            seconds=${secondsTo(timeline.value, step)}
            onClose=${() => {
              this.isForking.value = false
            }}
          />`
        }
      </section>
    `
  }

  /** While a run trains, its newest model is that of the last save. */
  savedWords({ state }) {
    const saved = timeline.value.starts.at(-1)
    return state === 'running' && chosenStep.value === null && saved > 0
      ? `You see the model as it was last saved, after step ${count(saved)}. `
      : ''
  }

  /** What the views show, if it is not the chosen step, and how to get that. */
  noteOf({ id, state }, step) {
    const progress = rebuilding.value
    if (progress?.id === id)
      return html`
        <p class="rebuild">
          <span>Rebuilding step ${count(progress.step)}: ${Math.floor((100 * progress.done) / Math.max(1, progress.total))} %.</span>
          <button class="button small" onClick=${() => post('/api/rebuild/cancel', {}).catch(() => {})}>Cancel</button>
        </p>
      `
    if (this.found.value) return html`<p class="rebuild">${foundWords(step, this.found.value)}</p>`
    const shown = modelStep.value
    if (chosenStep.value === null || shown === null || shown === step) return null
    const seconds = secondsTo(timeline.value, step)
    const busy = state === 'running' || isBusy.value
    return html`
      <p class="rebuild">
        <span>
          Its weights after step ${count(step)} are not kept, so you see those after step ${count(shown)}.
          ${
            busy
              ? ' When no run is training, they can be computed again.'
              : ` Rebuilding step ${count(step)} takes ${seconds === null ? 'a while' : `about ${duration(seconds)}`}.`
          }
        </span>
        <button class="button small" disabled=${busy} onClick=${() => this.rebuild(step)}>Rebuild it</button>
      </p>
    `
  }
}

function foundWords(step, { same, differs }) {
  if (differs !== null)
    return `Step ${count(step)} is rebuilt, but its weights differ from the snapshot of step ${count(differs)}: another version, or another computer, trained the run.`
  return same === 0
    ? `Step ${count(step)} is rebuilt.`
    : `Step ${count(step)} is rebuilt, and checked: the same bits as ${plural(same, 'snapshot')} on the way.`
}
