// A view of where a model looks: each of its heads over a text, and what it is without some of them.

import { Component } from 'preact'
import { shadeOf, topOf } from './attention_math.mjs'
import { Gaze, isSame } from './attention_state.mjs'
import { HeadEffects, HeadSamples } from './head_effects.mjs'
import { HeadGrid } from './head_grid.mjs'
import { html } from './html.mjs'
import { Tokens } from './tokens.mjs'
import { headWords, percent, textOf, tokenWords } from './words.mjs'

/** UTF-16 code units. */
const longest = 1000
/** The grid of so many heads fits beside the text. */
const manyHeads = 6
/** The tokens that are listed. */
const most = 4

export class Attention extends Component {
  constructor({ run }) {
    super()
    this.gaze = new Gaze(run)
  }

  componentDidUpdate() {
    this.gaze.run.value = this.props.run
  }

  componentWillUnmount() {
    this.gaze.close()
  }

  render({ run }) {
    const { gaze } = this
    const { look } = gaze
    return html`
      <section class="card" aria-labelledby="attention-title">
        <h2 id="attention-title">Where it looks</h2>
        ${
          look.value?.layers === 0
            ? html`<p class="empty">This model has no attention: it guesses the next ${run.unit} from the newest one alone, and never looks back. A model with heads shows here where they look.</p>`
            : html`
              <p class="muted">
                Before it writes a ${run.unit}, the model looks back at the text. It does so with several <b>heads</b>, and each looks in a way of its
                own, which it has learned. The heads of layer 1 look at the text itself, and those of a later layer at what the layer before has found.
              </p>
              <div class=${`looks ${look.value?.heads > manyHeads ? 'stacked' : ''}`}>
                <${Asking} gaze=${gaze} unit=${run.unit} />
                <div class="heads">
                  ${look.value && html`<${HeadGrid} gaze=${gaze} /><${HeadEffects} gaze=${gaze} unit=${run.unit} />`}
                </div>
              </div>
              <${HeadSamples} gaze=${gaze} />
            `
        }
      </section>
    `
  }
}

/** The text, and where the chosen head looks from one of its tokens. */
function Asking({ gaze, unit }) {
  const { text, look, at, problem } = gaze
  return html`
    <div class="asking">
      <label for="attention-text">The text</label>
      <textarea
        id="attention-text"
        rows="2"
        maxlength=${longest}
        placeholder="Write something, or paste a line from your text"
        value=${text.value}
        onInput=${(event) => {
          text.value = event.target.value
        }}
      ></textarea>
      <div role="alert">${problem.value && html`<p class="problem">${problem.value}</p>`}</div>
      ${look.value && html`<${Seen} gaze=${gaze} look=${look.value} at=${at.value} unit=${unit} />`}
    </div>
  `
}

function Seen({ gaze, look, at, unit }) {
  const { tokens, length, weights, off } = look
  const chosen = gaze.chosen.value
  const row = weights.row(chosen.layer, chosen.head, at)
  const isOff = off.some((each) => isSame(each, chosen))
  return html`
    <p id="attention-help">
      Point at a ${unit}, or use the arrow keys. The stronger the color, the more the head looks there.
      ${tokens.length < length && ` Only the first ${tokens.length} ${unit}s are shown: more do not fit.`}
    </p>
    <${Tokens}
      tokens=${tokens}
      shades=${tokens.map((_, s) => (s <= at ? shadeOf(row[s]) : 0))}
      at=${at}
      label="The text, colored by where the head looks"
      describedBy="attention-help"
      onAt=${(i) => {
        gaze.at.value = i
      }}
    />
    <div class="seen" role="status">
      <h3>${headWords(chosen)}${isOff && ' (off)'}</h3>
      <p>${patternWords(gaze.pattern.value, unit)}</p>
      <p>To write what comes after <b class="quote">${ending(tokens, at)}</b>, it looks at:</p>
      <ul>
        ${topOf(row, most).map(
          (s) => html`
            <li>
              <span>${tokenWords(tokens[s].text)} <small class="muted">${s === at ? 'itself' : `${at - s} back`}</small></span>
              <span class="track" aria-hidden="true"><span class="fill" style=${{ width: `${100 * row[s]}%` }}></span></span>
              <span class="percent">${percent(row[s])}</span>
            </li>
          `,
        )}
      </ul>
    </div>
  `
}

/** The end of the text before the next token, in one line. */
function ending(tokens, at) {
  const text = textOf(tokens.slice(0, at + 1))
  const end = Array.from(text).slice(-12).join('').replaceAll('\n', '↵')
  return `“${end.length < text.length ? '…' : ''}${end}”`
}

function patternWords(pattern, unit) {
  const words = {
    self: `It looks mostly at the newest ${unit} itself.`,
    previous: `It looks mostly at the ${unit} before the newest one.`,
    first: `It looks mostly at the first ${unit} of the text, which often means: at nothing in particular.`,
    spaces: 'It looks mostly at spaces and new lines, where words begin and end.',
    same: `It looks mostly at earlier places with the same ${unit}.`,
    after: `It looks mostly at what followed the same ${unit} earlier. So it can copy.`,
    near: `It looks mostly at the newest few ${unit}s.`,
    even: 'It spreads evenly over everything so far.',
  }
  if (!pattern) return 'No simple rule: where it looks depends on the text.'
  const { name, share } = pattern
  return `${words[name]}${share === undefined ? '' : ` ${percent(share)} of its attention goes there.`}`
}
