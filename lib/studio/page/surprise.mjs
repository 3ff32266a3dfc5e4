// A text in which each token has the color of its surprise.

import { signal } from '@preact/signals'
import { Component } from 'preact'
import { post } from './api.mjs'
import { Guess } from './guess.mjs'
import { html } from './html.mjs'
import { modelOf, modelStep } from './state.mjs'
import { shadeOfLoss, Tokens } from './tokens.mjs'
import { choicesWords, percent, tokenWords } from './words.mjs'

/** UTF-16 code units. Each call computes the whole text. */
const longest = 1000
const millisecondsToWait = 300

export class Surprise extends Component {
  constructor({ run }) {
    super()
    // Something to begin with: the newest words of the model itself.
    this.text = signal((run.samples.at(-1)?.text ?? '').trim().slice(0, 240))
    this.tokens = signal([])
    this.problem = signal(null)
    /** The index of the token that is explained. */
    this.at = signal(null)
  }

  componentDidMount() {
    this.unfollow = modelStep.subscribe(() => this.ask())
  }

  componentWillUnmount() {
    this.unfollow()
    clearTimeout(this.timer)
  }

  change(text) {
    this.text.value = text
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.ask(), millisecondsToWait)
  }

  async ask() {
    const text = this.text.peek()
    if (text.length < 2) {
      this.tokens.value = []
      return
    }
    try {
      const step = modelStep.peek()
      const { tokens } = await post('/api/surprise', { ...modelOf(this.props.run), text })
      if (text !== this.text.peek() || step !== modelStep.peek()) return
      this.tokens.value = tokens
      this.at.value = null
      this.problem.value = null
    } catch (error) {
      this.problem.value = error.message
    }
  }

  render({ run }) {
    const tokens = this.tokens.value
    return html`
      <section class="card" aria-labelledby="surprise-title">
        <h2 id="surprise-title">What surprises it</h2>
        <p class="muted">
          ${run.samples.length > 0 && 'Below is what the model last wrote. '}Write something, or paste a line from your text. The stronger the color,
          the less the model expected that ${run.unit}.
        </p>
        <div class="surprise">
          <div>
            <label for="surprise-text">The text</label>
            <textarea
              id="surprise-text"
              rows="6"
              maxlength=${longest}
              value=${this.text.value}
              onInput=${(event) => this.change(event.target.value)}
            ></textarea>
          </div>
          <div>
            <p id="surprise-help">Point at a ${run.unit}, or use the arrow keys.</p>
            <${Tokens}
              tokens=${tokens}
              shades=${tokens.map(({ loss }) => shadeOfLoss(loss))}
              at=${this.at.value}
              first=${1}
              label="The text, colored"
              describedBy="surprise-help"
              onAt=${(i) => {
                this.at.value = i
              }}
              onLeave=${() => {
                this.at.value = null
              }}
            />
          </div>
        </div>
        <p class="readout" role="status">${this.problem.value ? html`<span class="problem">${this.problem.value}</span>` : readoutOf(tokens, this.at.value, run.unit)}</p>
      </section>
      <${Guess} run=${run} />
    `
  }
}

function readoutOf(tokens, at, unit) {
  const token = tokens[at]
  if (token && token.loss !== null) {
    const name = tokenWords(token.text)
    return `${name[0].toUpperCase()}${name.slice(1)} had a chance of ${percent(Math.exp(-token.loss))}.`
  }
  const losses = tokens.flatMap(({ loss }) => (loss === null ? [] : [loss]))
  if (losses.length === 0) return ''
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length
  return `On average, it guesses each ${unit} of this text as if choosing among ${choicesWords(mean)}.`
}
