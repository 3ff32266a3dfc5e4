// A picture of some of a model's weights, as they were after the chosen step.

import { signal } from '@preact/signals'
import { Component, createRef } from 'preact'
import { post } from './api.mjs'
import { floatsOf } from './base64.mjs'
import { html } from './html.mjs'
import { modelOf, modelStep } from './state.mjs'
import { count } from './words.mjs'

const pixelsPerWeight = 7

const signed = (value) =>
  (Math.abs(value) < 1e4 ? value.toFixed(2) : value.toExponential(1)).replace('-', '−')

export class WeightsPicture extends Component {
  constructor() {
    super()
    this.canvas = createRef()
    this.name = signal(undefined)
    this.picture = signal(null)
    this.problem = signal(null)
    this.recolor = () => this.draw()
  }

  componentDidMount() {
    this.scheme = matchMedia('(prefers-color-scheme: dark)')
    this.scheme.addEventListener('change', this.recolor)
    this.unfollow = modelStep.subscribe(() => this.ask())
  }

  componentDidUpdate({ run: before }) {
    this.draw()
    // Of a run that trains, a newer model is saved with each evaluation.
    const { evaluations, state } = this.props.run
    if (before.evaluations.length === evaluations.length && before.state === state) return
    this.scale = undefined
    this.ask()
  }

  componentWillUnmount() {
    this.scheme.removeEventListener('change', this.recolor)
    this.unfollow()
  }

  /** The colors are those of the newest weights, so that pictures of all steps can be compared. */
  async ask() {
    const { run } = this.props
    const [name, step] = [this.name.peek(), modelStep.peek()]
    const body = { ...modelOf(run), name }
    try {
      if (!this.scale || this.scale.name !== name) {
        const { low, high } = await post('/api/weights', { id: run.id, name })
        this.scale = { name, most: Math.max(-low, high) || 1 }
      }
      const { most } = this.scale
      const picture = await post('/api/weights', body)
      if (name !== this.name.peek() || step !== modelStep.peek()) return
      this.picture.value = { ...picture, values: floatsOf(picture.values), most }
      this.problem.value = null
    } catch (error) {
      this.problem.value = error.message
    }
  }

  draw() {
    const canvas = this.canvas.current
    const picture = this.picture.peek()
    if (!canvas || !picture) return
    const { rows, columns, values, most } = picture
    canvas.width = columns
    canvas.height = rows
    const context = canvas.getContext('2d')
    const style = getComputedStyle(canvas)
    const [up, down] = ['--accent', '--wrong'].map((name) => style.getPropertyValue(name))
    for (const [i, value] of values.entries()) {
      context.globalAlpha = Math.min(1, Math.sqrt(Math.abs(value) / most))
      context.fillStyle = value < 0 ? down : up
      context.fillRect(i % columns, Math.floor(i / columns), 1, 1)
    }
  }

  render() {
    const picture = this.picture.value
    if (this.problem.value) return html`<p class="muted">${this.problem.value}</p>`
    if (picture === null) return null
    const { names, name, shape, low, high, rows, columns } = picture
    const isPart = rows < shape[0] || columns < shape[1]
    const words = `${count(shape[0])} × ${count(shape[1])} numbers from ${signed(low)} to ${signed(high)}`
    return html`
      <section class="card weights-picture" aria-labelledby="weights-title">
        <div>
          <div>
            <h2 id="weights-title">Its weights</h2>
            <p class="muted">
              All that it knows is in numbers like these. At first they are random, and each training step changes them a
              little. The stronger the color, the farther from 0: <span class="plus">above 0</span> or <span class="minus">below 0</span>.
            </p>
            <div class="field">
              <label for="weights-name">Part of the model</label>
              <select
                id="weights-name"
                value=${name}
                onChange=${(event) => {
                  this.name.value = event.target.value
                  this.ask()
                }}
              >
                ${names.map((each) => html`<option>${each}</option>`)}
              </select>
            </div>
          </div>
          <div>
            <canvas
              ref=${this.canvas}
              role="img"
              aria-label=${`Picture of ${name}: ${words}`}
              style=${{ width: `${pixelsPerWeight * columns}px` }}
            ></canvas>
            <p class="muted small-note">${words}${isPart ? `. The picture has ${rows} × ${columns} of them, evenly spaced` : ''}.</p>
          </div>
        </div>
      </section>
    `
  }
}
