// Forks a run at a step: it trains again from there, with one change.

import { signal } from '@preact/signals'
import { Component } from 'preact'
import { post } from './api.mjs'
import { html } from './html.mjs'
import { addressOfRun, current, isBusy, timeline } from './state.mjs'
import { count, duration } from './words.mjs'

export class ForkForm extends Component {
  constructor({ run, step }) {
    super()
    this.option = signal('learningRate')
    this.value = signal('')
    // A run that is finished needs more steps.
    this.steps = signal(String(step < run.steps ? run.steps : 2 * run.steps))
    this.problem = signal(null)
    this.isForking = signal(false)
  }

  async fork(event) {
    event.preventDefault()
    const { run, step } = this.props
    this.isForking.value = true
    this.problem.value = null
    const before = current.value?.id
    const unfollow = current.subscribe((now) => {
      if (now && now.id !== before) location.hash = addressOfRun(now.id)
    })
    try {
      const [option, value, steps] = [this.option.peek(), this.value.peek(), this.steps.peek()]
      await post('/api/fork', { id: run.id, step, option, value, steps })
      this.props.onClose()
    } catch (error) {
      location.hash = addressOfRun(run.id)
      this.problem.value = error.message
    } finally {
      unfollow()
      this.isForking.value = false
    }
  }

  render({ step, seconds }) {
    const { options } = timeline.value
    const chosen = options.find(({ name }) => name === this.option.value) ?? options[0]
    const isOther = !this.isForking.value && isBusy.value
    const given = (signal) => (event) => {
      signal.value = event.target.value.trim()
    }
    return html`
      <form class="card fork" aria-label="Fork" onSubmit=${(event) => this.fork(event)}>
        <p>
          What if? Train again from step ${count(step)}, with the same weights and the same pieces of text, but with one
          change. The chart then shows both.
        </p>
        <div class="group">
          <div class="field">
            <label for="fork-option">What to change</label>
            <select
              id="fork-option"
              value=${chosen.name}
              onChange=${(event) => {
                this.option.value = event.target.value
                this.value.value = ''
              }}
            >
              ${options.map(({ name, label }) => html`<option value=${name}>${label}</option>`)}
            </select>
            <p class="help">${chosen.help}</p>
          </div>
          <div class="field">
            <label for="fork-value">New value</label>
            ${
              chosen.choices
                ? html`
                    <select id="fork-value" required value=${this.value.value} onChange=${given(this.value)}>
                      <option value="">…</option>
                      ${chosen.choices.map((choice) => html`<option>${choice}</option>`)}
                    </select>
                  `
                : html`
                    <input
                      id="fork-value"
                      type="text"
                      required
                      inputmode=${chosen.input}
                      autocomplete="off"
                      value=${this.value.value}
                      onInput=${given(this.value)}
                    />
                  `
            }
            <p class="help">Now it is ${chosen.value === 'Infinity' ? 'no limit' : chosen.value}.</p>
          </div>
          <div class="field">
            <label for="fork-steps">Train until step</label>
            <input id="fork-steps" type="text" required inputmode="numeric" autocomplete="off" value=${this.steps.value} onInput=${given(this.steps)} />
            <p class="help">Counted from the start of the run.</p>
          </div>
        </div>
        ${seconds > 0 && html`<p class="muted">First it rebuilds the exact state after step ${count(step)}, in about ${duration(seconds)}.</p>`}
        ${isOther && html`<p class="muted">A run is training. Wait until it is finished, or pause it first.</p>`}
        <div role="alert">${this.problem.value && html`<p class="problem">${this.problem.value}</p>`}</div>
        <div class="buttons">
          <button class="button primary" disabled=${isOther || this.isForking.value}>${this.isForking.value ? 'Forking…' : 'Fork'}</button>
          <button class="button" type="button" onClick=${() => this.props.onClose()}>Cancel</button>
        </div>
      </form>
    `
  }
}
