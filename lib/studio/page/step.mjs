// One training step in slow motion: five parts, with the numbers of one weight in each.

import { batch, effect, signal } from '@preact/signals'
import { Component, createRef } from 'preact'
import { post } from './api.mjs'
import { html } from './html.mjs'
import { modelOf } from './state.mjs'
import { Check } from './step_check.mjs'
import { Gradient } from './step_gradient.mjs'
import { Forward, Loss } from './step_loss.mjs'
import { Update } from './step_update.mjs'
import { count } from './words.mjs'

const parts = [
  { title: 'Guess', term: 'the forward pass', View: Forward },
  { title: 'Measure', term: 'the loss', View: Loss },
  { title: 'Blame', term: 'the gradient', View: Gradient },
  { title: 'Check', term: 'a finite difference', View: Check },
  { title: 'Nudge', term: 'the update', View: Update },
]

export class Step extends Component {
  constructor() {
    super()
    this.data = signal(null)
    this.problem = signal(null)
    this.isAsking = signal(false)
    this.part = signal(0)
    /** How many times closer the curve of the weight looks. */
    this.zoom = signal(1)
    this.isWhole = signal(false)
    this.heading = createRef()
  }

  componentDidMount() {
    // Of another moment of the run, the same weight.
    this.unfollow = effect(() => this.ask(this.data.peek()?.weight, modelOf(this.props.run)))
  }

  componentWillUnmount() {
    this.unfollow()
  }

  /** Asks for a weight: { path, index }. Nothing: the one with the largest gradient. */
  async ask({ path, index } = {}, model = modelOf(this.props.run)) {
    this.isAsking.value = true
    try {
      const data = await post('/api/step', { ...model, path, index, zoom: this.zoom.peek() })
      batch(() => {
        this.data.value = data
        this.problem.value = null
      })
    } catch (error) {
      this.problem.value = error.message
    }
    this.isAsking.value = false
  }

  /** Computes the step of the model again, with the state of its optimizer. */
  async rebuild(model) {
    this.problem.value = null
    try {
      await post('/api/rebuild', model)
      await this.ask()
    } catch (error) {
      this.problem.value = error.message
    }
  }

  /** Shows another part. The keyboard goes there too. */
  show(part) {
    this.part.value = part
    this.moved = true
  }

  componentDidUpdate() {
    if (!this.moved) return
    this.moved = false
    this.heading.current?.focus()
  }

  render({ run }) {
    const data = this.data.value
    const model = modelOf(run)
    const problem = html`
      <div role="alert">${this.problem.value && html`<p class="problem">${this.problem.value}</p>`}</div>
      ${
        this.problem.value &&
        model.step !== undefined &&
        html`<button class="button" onClick=${() => this.rebuild(model)}>Rebuild step ${count(model.step)}</button>`
      }
    `
    if (!data)
      return html`
        <section class="card slow">
          <h2>One training step in slow motion</h2>
          ${problem}${!this.problem.value && html`<p class="waiting muted">Computing one step…</p>`}
        </section>
      `
    const at = this.part.value
    const isWhole = this.isWhole.value
    return html`
      <section class="card slow" aria-labelledby="step-title" aria-busy=${this.isAsking.value}>
        <h2 id="step-title">One training step in slow motion</h2>
        <p class="muted">
          Training is this one step, again and again. This is the step that comes after step ${count(data.step)}, on the first
          ${' '}${data.tokens.length - 1} ${run.unit}s of its text. Every number is computed now, on a copy of the model.
        </p>
        <ol class="step-parts" aria-label="Parts of the step">
          ${parts.map(
            ({ title }, i) => html`
              <li>
                <button class="step-part" aria-current=${!isWhole && i === at ? 'step' : undefined} onClick=${() => {
                  this.isWhole.value = false
                  this.show(i)
                }}>
                  <span class="digit" aria-hidden="true">${i + 1}</span>${title}
                </button>
              </li>
            `,
          )}
        </ol>
        ${problem}
        ${parts.map(
          ({ title, term, View }, i) =>
            (isWhole || i === at) &&
            html`
              <section class="one" key=${title} aria-labelledby=${`part-${i}`}>
                <h3 id=${`part-${i}`} tabindex="-1" ref=${i === at ? this.heading : undefined}>${i + 1}. ${title}: ${term}</h3>
                <${View} run=${run} data=${data} step=${this} />
              </section>
            `,
        )}
        <div class="buttons">
          ${
            !isWhole &&
            html`
              <button class="button" disabled=${at === 0} onClick=${() => this.show(at - 1)}>Back</button>
              <button class="button primary" disabled=${at === parts.length - 1} onClick=${() => this.show(at + 1)}>Next</button>
            `
          }
          <button class="button" onClick=${() => {
            this.isWhole.value = !isWhole
          }}>${isWhole ? 'One at a time' : 'All five at once'}</button>
        </div>
      </section>
    `
  }
}
